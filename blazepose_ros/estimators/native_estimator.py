"""BlazePose's own pipeline on the runtimes it knows."""

from __future__ import annotations

from collections.abc import Callable

from blazepose_ros.blazepose.pipeline import BlazePose
from blazepose_ros.blazepose.runtime import BackendError, Runtime, RuntimeOptions
from blazepose_ros.estimator import EstimatorOptions
from blazepose_ros.models.bundle import DETECTOR, LANDMARKER, BundleError, split_bundle


def _openvino(options: RuntimeOptions) -> Runtime:
    from blazepose_ros.blazepose.openvino_runtime import OpenVinoRuntime

    return OpenVinoRuntime(options)


def _litert(options: RuntimeOptions) -> Runtime:
    from blazepose_ros.blazepose.litert_runtime import LiteRtRuntime

    return LiteRtRuntime(options)


RUNTIMES: dict[str, Callable[[RuntimeOptions], Runtime]] = {"openvino": _openvino, "litert": _litert}


def create_native_estimator(backend: str, options: EstimatorOptions, runtime: RuntimeOptions) -> BlazePose:
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
    return BlazePose(loaded, models[DETECTOR], models[LANDMARKER], options)
