# SPDX-License-Identifier: Apache-2.0
"""TFLite models on LiteRT with its XNNPACK kernels."""

from __future__ import annotations

import os
from collections.abc import Sequence

import numpy as np
from ai_edge_litert.interpreter import Interpreter
from numpy.typing import NDArray

from blazepose_ros.core.estimation.runtimes.runtime import BackendError, Model, Precision, RuntimeOptions

_PRECISIONS = (Precision.F32, Precision.AUTO)


class LiteRtRuntime:
    """Loads models into LiteRT's interpreter."""

    def __init__(self, options: RuntimeOptions) -> None:
        if options.precision not in _PRECISIONS:
            raise BackendError(f"LiteRT computes in f32 only, not in {options.precision.value}")
        self._num_threads = options.num_threads or len(os.sched_getaffinity(0))

    def load(
        self,
        content: bytes,
        unused: Sequence[tuple[int, ...]] = (),
        most_images: int = 1,  # noqa: ARG002
    ) -> LiteRtModel:
        """Return a model; see ``Runtime``. Unused outputs are computed but not copied.

        Several images run one after another: neither as one batch nor on a thread each do they
        take less time (within 2 % with Lite and Full, 6 % with Heavy, of two people on two cores).
        """
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

    def run(self, image: NDArray[np.float32]) -> Sequence[NDArray[np.float32]]:
        """Return the outputs; see ``Model``."""
        self._interpreter.set_tensor(self._input, image)
        self._interpreter.invoke()
        return [self._interpreter.get_tensor(index) for index in self._outputs]
