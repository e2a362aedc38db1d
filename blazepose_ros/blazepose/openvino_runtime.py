"""TFLite models on OpenVINO."""

from __future__ import annotations

import hashlib
import sys
import tempfile
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from blazepose_ros.blazepose.compiled_cache import CompiledCache
from blazepose_ros.blazepose.runtime import BackendError, Precision, RuntimeOptions

# OpenVINO reports its import to its makers unless this package is missing: then it takes a stub.
sys.modules.setdefault("openvino_telemetry", None)  # type: ignore[arg-type]
import openvino  # noqa: E402

_DEVICE = "CPU"
# Precision -> what OpenVINO calls it in OPTIMIZATION_CAPABILITIES, the fastest first.
_CAPABILITIES = {Precision.BF16: "BF16", Precision.F16: "FP16", Precision.F32: "FP32"}


@cache
def _core() -> openvino.Core:
    """Return the library's entry, one for all models and as long as the process lives.

    With it goes the stack that it gives the thread for signals: had each model its own, the
    next Ctrl-C after another model was loaded and the first one closed would find that stack freed.
    """
    return openvino.Core()


class OpenVinoRuntime:
    """Compiles models for this processor."""

    def __init__(self, options: RuntimeOptions) -> None:
        self._core = _core()
        self._cache = CompiledCache(options.cache_dir)
        self._config: dict[str, Any] = {
            "PERFORMANCE_HINT": "LATENCY",
            "ENABLE_CPU_PINNING": False,  # other processes of a robot want the cores as well
            "INFERENCE_PRECISION_HINT": self._precision(options.precision).value,
        }
        if options.num_threads:
            self._config["INFERENCE_NUM_THREADS"] = options.num_threads

    def load(self, content: bytes, unused: Sequence[tuple[int, ...]] = ()) -> OpenVinoModel:
        """Return a compiled model; see ``Runtime``."""
        key = repr((hashlib.sha256(content).digest(), unused, self._config, self._machine())).encode()
        try:
            compiled = self._kept(key)
            if compiled is None:
                compiled = self._core.compile_model(self._read(content, unused), _DEVICE, self._config)
                self._cache.store(key, compiled.export_model().getvalue())
        except RuntimeError as err:
            raise BackendError(f"OpenVINO does not load the model: {err}") from err
        return OpenVinoModel(compiled)

    def _kept(self, key: bytes) -> openvino.CompiledModel | None:
        """Return what an earlier start compiled, or None where nothing fits."""
        blob = self._cache.load(key)
        if blob is None:
            return None
        try:
            return self._core.import_model(blob, _DEVICE, self._config)
        except RuntimeError:
            return None

    def _machine(self) -> tuple[str, ...]:
        """What compiled models hold for: OpenVINO's version and the processor's abilities."""
        names = ("FULL_DEVICE_NAME", "OPTIMIZATION_CAPABILITIES")
        return openvino.get_version(), *(str(self._core.get_property(_DEVICE, name)) for name in names)

    def _read(self, content: bytes, unused: Sequence[tuple[int, ...]]) -> openvino.Model:
        # Its reader of TFLite takes files only, and knows them by their suffix.
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "model.tflite"
            path.write_bytes(content)
            model = self._core.read_model(path)
        for output in [port for port in model.outputs if tuple(port.shape)[1:] in unused]:
            model.remove_result(output.node)
        return model

    def _precision(self, asked: Precision) -> Precision:
        capabilities = self._core.get_property(_DEVICE, "OPTIMIZATION_CAPABILITIES")
        has = [precision for precision, name in _CAPABILITIES.items() if name in capabilities]
        if asked is Precision.AUTO:
            return has[0]
        if asked not in has:
            names = ", ".join(precision.value for precision in has)
            raise BackendError(f"this processor has no {asked.value} for OpenVINO, only {names}")
        return asked


class OpenVinoModel:
    """One compiled model with its buffers."""

    def __init__(self, compiled: openvino.CompiledModel) -> None:
        self._request = compiled.create_infer_request()
        self._bound: NDArray[np.float32] | None = None

    def run(self, image: NDArray[np.float32]) -> Sequence[NDArray[np.float32]]:
        """Return the outputs; see ``Model``."""
        if image is not self._bound:  # to look an input up takes longer than to crop an image
            self._request.set_input_tensor(openvino.Tensor(image, shared_memory=True))
            self._bound = image
        return self._request.infer(share_outputs=True).to_tuple()
