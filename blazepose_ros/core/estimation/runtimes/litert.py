# SPDX-License-Identifier: Apache-2.0
"""TFLite models on LiteRT: with its XNNPACK kernels on the processor, with Vulkan on a GPU."""

from __future__ import annotations

import ctypes
import math
import os
import threading
from collections.abc import Sequence

import numpy as np
from ai_edge_litert.compiled_model import CompiledModel
from ai_edge_litert.hardware_accelerator import HardwareAccelerator
from ai_edge_litert.interpreter import Interpreter
from ai_edge_litert.options import GpuOptions, Options
from numpy.typing import NDArray

from blazepose_ros.core.estimation.runtimes.runtime import (
    BackendError,
    Model,
    Precision,
    Proof,
    RuntimeOptions,
)

CPU, GPU = "cpu", "gpu"
# What each device computes in; a GPU without f16 computes in f32 for it.
PRECISIONS = {CPU: (Precision.F32,), GPU: (Precision.F32, Precision.F16)}


_VULKAN_LOADER = "libvulkan.so.1"
_GPU_LOADING = threading.Lock()  # whether a driver takes two models at once is not known


def has_vulkan() -> bool:
    """Whether the library is there that finds a GPU's driver."""
    try:
        ctypes.CDLL(_VULKAN_LOADER)
    except OSError:
        return False
    return True


class LiteRtRuntime:
    """Loads models into LiteRT.

    Raises:
        BackendError: LiteRT has no such device or precision.
    """

    def __init__(self, options: RuntimeOptions) -> None:
        if options.device not in PRECISIONS:
            raise BackendError(f"LiteRT has the devices {CPU} and {GPU}, not {options.device}")
        possible = [precision.value for precision in PRECISIONS[options.device]]
        precision = Precision.F32 if options.precision is Precision.AUTO else options.precision
        if precision.value not in possible:
            raise BackendError(
                f"LiteRT has no {precision.value} on the device {options.device}, only {', '.join(possible)}"
            )
        self._device, self._precision = options.device, precision
        self._num_threads = options.num_threads or len(os.sched_getaffinity(0))

    def load(
        self,
        content: bytes,
        unused: Sequence[tuple[int, ...]] = (),
        most_images: int = 1,  # noqa: ARG002
        proof: Proof | None = None,  # noqa: ARG002 (nothing is kept)
    ) -> Model:
        """Return a model; see ``Runtime``. Unused outputs are computed but not copied.

        Several images run one after another: neither as one batch nor on a thread each do they
        take less time (within 2 % with Lite and Full, 6 % with Heavy, of two people on two cores).
        """
        if self._device == GPU:
            with _GPU_LOADING:
                return LiteRtGpuModel(content, unused, self._precision)
        try:
            interpreter = Interpreter(model_content=content, num_threads=self._num_threads)
            interpreter.allocate_tensors()
        except (RuntimeError, ValueError) as err:
            raise BackendError(f"LiteRT does not load the model: {err}") from err
        return LiteRtModel(interpreter, unused)


class LiteRtModel(Model):
    """One interpreter with its buffers."""

    def __init__(self, interpreter: Interpreter, unused: Sequence[tuple[int, ...]]) -> None:
        self._interpreter = interpreter
        self._input = interpreter.get_input_details()[0]["index"]
        details = interpreter.get_output_details()
        self._outputs = [detail["index"] for detail in details if tuple(detail["shape"][1:]) not in unused]

    @property
    def where(self) -> str:
        """See ``Model``."""
        return f"litert {CPU} f32"

    def run(self, image: NDArray[np.float32]) -> Sequence[NDArray[np.float32]]:
        """Return the outputs; see ``Model``."""
        self._interpreter.set_tensor(self._input, image)
        self._interpreter.invoke()
        return [self._interpreter.get_tensor(index) for index in self._outputs]


class LiteRtGpuModel(Model):
    """A model on the first GPU that Vulkan knows.

    Raises:
        BackendError: there is none, or it does not take the model.
    """

    def __init__(self, content: bytes, unused: Sequence[tuple[int, ...]], precision: Precision) -> None:
        # Unless it is told otherwise, it computes in f16 where the GPU can.
        in_f32 = GpuOptions(enforce_f32=precision is Precision.F32)
        options = Options(HardwareAccelerator.GPU | HardwareAccelerator.CPU, gpu_options=in_f32)
        self._precision = precision
        try:
            self._model = CompiledModel.from_buffer(content, options=options)
            self._inputs = self._model.create_input_buffers(0)
            self._outputs = self._model.create_output_buffers(0)
        except (RuntimeError, ValueError) as err:
            # The error itself names lines of LiteRT's source; what it saw stands on stderr.
            raise BackendError(f"LiteRT finds no GPU that takes the model: {_hint()}") from err
        ((signature, names),) = self._model.get_signature_list().items()
        details = self._model.get_output_tensor_details(signature)
        shapes = [tuple(details[name]["shape"]) for name in names["outputs"]]
        self._shapes = {index: shape for index, shape in enumerate(shapes) if shape[1:] not in unused}

    @property
    def where(self) -> str:
        """See ``Model``."""
        return f"litert {GPU} {self._precision.value}"

    def run(self, image: NDArray[np.float32]) -> Sequence[NDArray[np.float32]]:
        """Return the outputs; see ``Model``."""
        self._inputs[0].write(image)
        self._model.run_by_index(0, self._inputs, self._outputs)
        return [
            self._outputs[index].read(math.prod(shape), np.float32).reshape(shape)
            for index, shape in self._shapes.items()
        ]


def _hint() -> str:
    if not has_vulkan():
        return f"{_VULKAN_LOADER} is missing: sudo apt install libvulkan1, and the GPU's driver"
    return "vulkaninfo (sudo apt install vulkan-tools) shows which GPUs have a driver"
