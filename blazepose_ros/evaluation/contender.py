"""What is evaluated: a model on a backend, looking in one of the ways there are."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from blazepose_ros.blazepose.landmark_model import LandmarkModel
from blazepose_ros.blazepose.runtime import RuntimeOptions
from blazepose_ros.estimator import Estimator, EstimatorOptions
from blazepose_ros.estimators import choose_estimator, compiled_folder
from blazepose_ros.estimators.native_estimator import RUNTIMES
from blazepose_ros.evaluation.finders import Detecting, Finder, Told, Tracking, read_with, show_crop_to
from blazepose_ros.models.bundle import LANDMARKER, split_bundle
from blazepose_ros.models.store import BUNDLES, load_cached

MODELS = {bundle.name: complexity for complexity, bundle in BUNDLES.items()}
DETECTION, TRACKING, TRUTH = MODES = ("detection", "tracking", "truth")
_FROM_FRAMES: dict[str, Callable[[Estimator], Finder]] = {DETECTION: Detecting, TRACKING: Tracking}
# With the truth's region there is somebody: the model's doubt is no reason to leave joints out.
_NO_DOUBT = 0.0


@dataclass(frozen=True)
class Contender:
    """A model on a backend.

    Attributes:
        model: lite, full or heavy.
        backend: what runs it.
        finder: ready for the first picture.
    """

    model: str
    backend: str
    finder: Finder


def prepare(model: str, backend: str, mode: str, min_detection_confidence: float) -> Contender:
    """Return a contender.

    Args:
        model: one of ``MODELS``.
        backend: one of ``BACKENDS``.
        mode: one of ``MODES``.
        min_detection_confidence: 0 to 1, below it the detector's find is nobody.

    Raises:
        ModelError: the model is missing or damaged.
        EstimatorError: the backend does not load.
    """
    complexity = MODELS[model]
    options = EstimatorOptions(
        load_cached(BUNDLES[complexity]).content,
        complexity,
        min_detection_confidence=min_detection_confidence,
    )
    chosen = choose_estimator(backend, options, RuntimeOptions(cache_dir=compiled_folder()))
    if mode != TRUTH:
        return Contender(model, chosen.backend, _FROM_FRAMES[mode](chosen.estimator))
    return Contender(model, chosen.backend, _told(chosen.backend, chosen.estimator, options))


def _told(backend: str, estimator: Estimator, options: EstimatorOptions) -> Told:
    """Return what looks where the truth says; MediaPipe alone has no way to be told."""
    if backend not in RUNTIMES:
        return Told(show_crop_to(estimator), estimator.reset, estimator.close)
    estimator.close()
    runtime = RUNTIMES[backend](RuntimeOptions(cache_dir=compiled_folder()))
    landmarker = LandmarkModel(runtime.load(split_bundle(options.model)[LANDMARKER]), _NO_DOUBT)
    return Told(read_with(landmarker), _nothing, _nothing)


def _nothing() -> None:
    """Do nothing."""
