# SPDX-License-Identifier: Apache-2.0
"""TFLite models on OpenVINO, compiled once and kept from one start to the next."""

from __future__ import annotations

import contextlib
import hashlib
import os
import sys
import tempfile
from collections.abc import Iterator, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from blazepose_ros.core.atomic_file import write_atomically
from blazepose_ros.core.estimation.runtimes.runtime import BackendError, Model, Precision, RuntimeOptions

# OpenVINO reports its import to its makers unless this package is missing: then it takes a stub.
sys.modules.setdefault("openvino_telemetry", None)  # type: ignore[arg-type]
import openvino  # noqa: E402

# All three models, alone and for several people, in two precisions, take 160 MB.
MAX_BYTES = 256_000_000

_DIGEST_BYTES = hashlib.sha256().digest_size


class CompiledCache:
    """A folder of blobs, each behind its own hash; those that were not used for longest make way.

    A runtime's own cache takes a blob with damaged weights for good and answers nonsense.

    Args:
        folder: made when first needed; None keeps nothing.
    """

    def __init__(self, folder: Path | None) -> None:
        self._folder = folder

    def load(self, key: bytes) -> bytes | None:
        """Return what was stored under a key, or None where nothing whole is."""
        if self._folder is None:
            return None
        path = self._path(self._folder, key)
        try:
            stored = path.read_bytes()
        except OSError:
            return None
        with contextlib.suppress(OSError):  # another user's folder may be read only
            os.utime(path)
        digest, blob = stored[:_DIGEST_BYTES], stored[_DIGEST_BYTES:]
        return blob if digest == hashlib.sha256(blob).digest() else None

    def store(self, key: bytes, blob: bytes) -> None:
        """Keep a blob; where the folder cannot be written, the next start compiles again."""
        if self._folder is None:
            return
        with contextlib.suppress(OSError):
            self._folder.mkdir(parents=True, exist_ok=True)
            write_atomically(self._path(self._folder, key), hashlib.sha256(blob).digest() + blob)
            _make_room(self._folder)

    @staticmethod
    def _path(folder: Path, key: bytes) -> Path:
        return folder / f"{hashlib.sha256(key).hexdigest()}.blob"


def _make_room(folder: Path) -> None:
    """Remove the blobs that were used before the newest ``MAX_BYTES``."""
    used = sorted(((path.stat(), path) for path in folder.glob("*.blob")), key=lambda each: -each[0].st_mtime)
    size = 0
    for status, path in used:
        size += status.st_size
        if size > MAX_BYTES:
            path.unlink(missing_ok=True)


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

    def load(
        self, content: bytes, unused: Sequence[tuple[int, ...]] = (), most_images: int = 1
    ) -> OpenVinoModel:
        """Return a compiled model; see ``Runtime``."""
        try:
            alone = self._compiled(content, unused, self._config)
            lanes = min(most_images, alone.get_property("INFERENCE_NUM_THREADS"))
            if lanes == 1:
                return OpenVinoModel(alone)
            together = self._compiled(content, unused, {**self._config, "NUM_STREAMS": lanes})
            return OpenVinoModel(alone, together)
        except RuntimeError as err:
            raise BackendError(f"OpenVINO does not load the model: {err}") from err

    def _compiled(
        self, content: bytes, unused: Sequence[tuple[int, ...]], config: dict[str, Any]
    ) -> openvino.CompiledModel:
        key = repr((hashlib.sha256(content).digest(), unused, config, self._machine())).encode()
        compiled = self._kept(key, config)
        if compiled is None:
            compiled = self._core.compile_model(self._read(content, unused), _DEVICE, config)
            self._cache.store(key, compiled.export_model().getvalue())
        return compiled

    def _kept(self, key: bytes, config: dict[str, Any]) -> openvino.CompiledModel | None:
        """Return what an earlier start compiled, or None where nothing fits."""
        blob = self._cache.load(key)
        if blob is None:
            return None
        try:
            return self._core.import_model(blob, _DEVICE, config)
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


class OpenVinoModel(Model):
    """A compiled model, and perhaps a second one for several images at once.

    On two cores two images take 14 to 20 % less time side by side, each on a core of its own, than
    one after the other on both; as one batch they take 9 to 11 % less, and five hardly any.

    Args:
        alone: runs one image on all cores.
        together: runs as many images side by side as it has streams.
    """

    def __init__(self, alone: openvino.CompiledModel, together: openvino.CompiledModel | None = None) -> None:
        self._alone = _Lane(alone)
        lanes = 0 if together is None else together.get_property("NUM_STREAMS")
        self._lanes = [_Lane(together) for _ in range(lanes)]

    def run(self, image: NDArray[np.float32]) -> Sequence[NDArray[np.float32]]:
        """Return the outputs; see ``Model``."""
        return self._alone.run(image)

    def run_each(self, images: Sequence[NDArray[np.float32]]) -> Iterator[Sequence[NDArray[np.float32]]]:
        """Yield the outputs for each image; see ``Model``."""
        group_size = max(len(self._lanes), 1)
        for start in range(0, len(images), group_size):
            group = images[start : start + group_size]
            if len(group) == 1:
                yield self.run(group[0])
            else:
                yield from self._side_by_side(group)

    def _side_by_side(self, images: Sequence[NDArray]) -> Iterator[Sequence[NDArray[np.float32]]]:
        lanes = self._lanes[: len(images)]
        # All are waited for, whatever fails here or where the outputs go: none is busy afterwards.
        with contextlib.ExitStack() as waits:
            for lane, image in zip(lanes, images, strict=True):
                lane.start(image)
                waits.callback(lane.wait)
        for lane in lanes:
            yield lane.outputs()


class _Lane:
    """One inference at a time, with its buffers."""

    def __init__(self, compiled: openvino.CompiledModel) -> None:
        self._request = compiled.create_infer_request()
        self._outputs = range(len(compiled.outputs))
        self._bound: NDArray[np.float32] | None = None

    def run(self, image: NDArray[np.float32]) -> Sequence[NDArray[np.float32]]:
        self._bind(image)
        return self._request.infer(share_outputs=True).to_tuple()

    def start(self, image: NDArray[np.float32]) -> None:
        self._request.wait()  # it is still at work where decoding failed for the lane before it
        self._bind(image)
        self._request.start_async()

    def wait(self) -> None:
        self._request.wait()

    def outputs(self) -> Sequence[NDArray[np.float32]]:
        return [self._request.get_output_tensor(index).data for index in self._outputs]

    def _bind(self, image: NDArray[np.float32]) -> None:
        if image is not self._bound:  # to look an input up takes longer than to crop an image
            self._request.set_input_tensor(openvino.Tensor(image, shared_memory=True))
            self._bound = image
