# SPDX-License-Identifier: Apache-2.0
"""The estimators there are, by the name of their backend."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from blazepose_ros.core.estimation.blazepose_estimator import BlazePoseEstimator
from blazepose_ros.core.estimation.estimator import Estimator, EstimatorError, EstimatorOptions
from blazepose_ros.core.estimation.runtimes.runtime import BackendError, Precision, Runtime, RuntimeOptions
from blazepose_ros.core.models.registry import cache_folder
from blazepose_ros.core.models.task_bundle import DETECTOR, LANDMARKER, BundleError, split_bundle


def _openvino(options: RuntimeOptions) -> Runtime:
    from blazepose_ros.core.estimation.runtimes.openvino import OpenVinoRuntime

    return OpenVinoRuntime(options)


def _litert(options: RuntimeOptions) -> Runtime:
    from blazepose_ros.core.estimation.runtimes.litert import LiteRtRuntime

    return LiteRtRuntime(options)


RUNTIMES: dict[str, Callable[[RuntimeOptions], Runtime]] = {"openvino": _openvino, "litert": _litert}


def create_native_estimator(
    backend: str, options: EstimatorOptions, runtime: RuntimeOptions
) -> BlazePoseEstimator:
    """Return BlazePose on one of ``RUNTIMES``; its library is imported only now.

    Raises:
        BackendError: the library or the model does not load, or it has no such precision.
    """
    try:
        models = split_bundle(options.model)
    except BundleError as err:
        raise BackendError(f"{backend} does not take the model: {err}") from err
    try:
        loaded = RUNTIMES[backend](runtime)
    except (ImportError, OSError) as err:
        raise BackendError(
            f"{backend} does not load: {err} (pip install 'blazepose_ros[{backend}]')"
        ) from err
    return BlazePoseEstimator(loaded, models[DETECTOR], models[LANDMARKER], options)


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
        from blazepose_ros.core.estimation.mediapipe_estimator import MediaPipeEstimator

        return MediaPipeEstimator(options, allow_telemetry=allow_telemetry)

    return create_native_estimator(name, options, runtime)
