"""The estimators there are, by the name of their backend."""

from __future__ import annotations

from blazepose_ros.estimator import Estimator, EstimatorOptions

BACKENDS = ("mediapipe",)


def create_estimator(backend: str, options: EstimatorOptions, *, allow_telemetry: bool = False) -> Estimator:
    """Return a backend's estimator; its library is imported only now.

    Raises:
        EstimatorError: the library or the model does not load.
    """
    from blazepose_ros.estimators.mediapipe_estimator import MediaPipeEstimator

    return {"mediapipe": MediaPipeEstimator}[backend](options, allow_telemetry=allow_telemetry)
