"""The estimators there are, by the name of their backend."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from blazepose_ros.blazepose.runtime import Precision, RuntimeOptions
from blazepose_ros.estimator import Estimator, EstimatorError, EstimatorOptions
from blazepose_ros.models.store import cache_folder

AUTO = "auto"
FASTEST_FIRST = ("openvino", "litert", "mediapipe")
BACKENDS = (AUTO, *FASTEST_FIRST)
MEDIAPIPE_PRECISIONS = (Precision.F32, Precision.AUTO)
COMPILED_FOLDER = "compiled"  # in the cache folder, beside the models


def compiled_folder() -> Path:
    """Return where compiled models are kept for the next start."""
    return cache_folder() / COMPILED_FOLDER


@dataclass(frozen=True)
class ChosenEstimator:
    """An estimator and how it came to be chosen.

    Attributes:
        backend: the name of its backend.
        estimator: ready for the first frame.
        passed_over: why each faster backend was not taken.
    """

    backend: str
    estimator: Estimator
    passed_over: tuple[str, ...] = ()


def choose_estimator(
    backend: str,
    options: EstimatorOptions,
    runtime: RuntimeOptions | None = None,
    *,
    allow_telemetry: bool = False,
) -> ChosenEstimator:
    """Return a backend's estimator, or for ``AUTO`` that of the fastest one that loads.

    Args:
        backend: one of ``BACKENDS``.
        options: the model and the thresholds.
        runtime: threads, precision and cache of OpenVINO and LiteRT; MediaPipe has none of them.
        allow_telemetry: let MediaPipe report usage figures.

    Raises:
        EstimatorError: the library or the model does not load, of all of them for ``AUTO``.
    """
    runtime = runtime or RuntimeOptions(cache_dir=compiled_folder())
    passed_over: list[str] = []
    for name in FASTEST_FIRST if backend == AUTO else (backend,):
        try:
            estimator = _create(name, options, runtime, allow_telemetry)
        except EstimatorError as err:
            passed_over.append(str(err))
        else:
            return ChosenEstimator(name, estimator, tuple(passed_over))
    raise EstimatorError("; ".join(passed_over))


def _create(
    name: str, options: EstimatorOptions, runtime: RuntimeOptions, allow_telemetry: bool
) -> Estimator:
    if name == "mediapipe":
        if runtime.precision not in MEDIAPIPE_PRECISIONS:
            raise EstimatorError(f"MediaPipe computes in f32 only, not in {runtime.precision.value}")
        from blazepose_ros.estimators.mediapipe_estimator import MediaPipeEstimator

        return MediaPipeEstimator(options, allow_telemetry=allow_telemetry)
    from blazepose_ros.estimators.native_estimator import create_native_estimator

    return create_native_estimator(name, options, runtime)
