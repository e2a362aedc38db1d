"""What is evaluated: a model on a backend, looking for people in one of the ways there are."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Protocol

import cv2
import numpy as np
from numpy.typing import NDArray

from blazepose_ros.cli.eval.image_reader import LabelledFrame
from blazepose_ros.cli.eval.pdj import UNLABELLED, largest_person
from blazepose_ros.core.estimation.estimator import Estimator, EstimatorOptions
from blazepose_ros.core.estimation.factory import RUNTIMES, choose_estimator, compiled_folder
from blazepose_ros.core.estimation.landmark_model import LandmarkModel, turn
from blazepose_ros.core.estimation.roi import Roi
from blazepose_ros.core.estimation.runtimes.runtime import RuntimeOptions
from blazepose_ros.core.landmarks import Landmark
from blazepose_ros.core.models.registry import BUNDLES, load_cached
from blazepose_ros.core.models.task_bundle import LANDMARKER, split_bundle
from blazepose_ros.core.types import Frame, Pose

_HIPS = [Landmark.LEFT_HIP, Landmark.RIGHT_HIP]
_SHOULDERS = [Landmark.LEFT_SHOULDER, Landmark.RIGHT_SHOULDER]


class SearchMode(Protocol):
    """Finds one person."""

    def get_ready(self) -> None:
        """Do what takes time and is no part of looking."""
        ...

    def find(self, picture: LabelledFrame) -> Pose | None:
        """Return the person in a picture, or None for nobody."""
        ...

    def close(self) -> None:
        """Free everything."""
        ...


class DetectionSearch:
    """Looks at each picture as if there were no other."""

    def __init__(self, estimator: Estimator) -> None:
        self._estimator = estimator
        self.get_ready = estimator.reset
        self.close = estimator.close

    def find(self, picture: LabelledFrame) -> Pose | None:
        """Return the first person."""
        return next(iter(self._estimator.estimate(picture.frame)), None)


class TrackingSearch:
    """Looks where the person was in the picture before."""

    def __init__(self, estimator: Estimator) -> None:
        self._estimator = estimator
        self.close = estimator.close

    def get_ready(self) -> None:
        """Nothing is to be done: what was known holds."""

    def find(self, picture: LabelledFrame) -> Pose | None:
        """Return the first person."""
        return next(iter(self._estimator.estimate(picture.frame)), None)


Read = Callable[[Frame, Roi], Pose | None]


class TruthSearch:
    """Looks where the truth says that the largest person is, as the model card does.

    Args:
        read: finds the person in a region.
        get_ready: what to do before each picture.
        close: frees everything.
    """

    def __init__(self, read: Read, get_ready: Callable[[], None], close: Callable[[], None]) -> None:
        self._read = read
        self.get_ready = get_ready
        self.close = close

    def find(self, picture: LabelledFrame) -> Pose | None:
        """Return the person in the region around the labelled joints."""
        person = largest_person([each.joints for each in picture.labels.people])
        region = None if person is None else true_region(person)
        return None if region is None else self._read(picture.frame, region)


def true_region(person: NDArray) -> Roi | None:
    """Return the square around a labelled person, (33, 3), upright with them, a quarter larger.

    Its middle is that of the hips; it encloses the circle through the joint furthest from there.
    """
    is_labelled = person[:, 2] != UNLABELLED
    hips, shoulders = (
        np.array([person[joint, :2] for joint in pair if is_labelled[joint]]) for pair in (_HIPS, _SHOULDERS)
    )
    if not len(hips) or not len(shoulders):
        return None
    middle = hips.mean(axis=0)
    up = shoulders.mean(axis=0) - middle
    reach_px = np.linalg.norm(person[is_labelled, :2] - middle, axis=1).max()
    length_px = math.hypot(*up)
    return Roi.around_person(middle, middle + up * (reach_px / length_px)) if length_px > 0 else None


def read_with(model: LandmarkModel) -> Read:
    """Return how a landmark model reads a region."""

    def read(frame: Frame, region: Roi) -> Pose | None:
        reading = model.read(frame.rgb, region)
        return None if reading is None else reading.pose_in(frame)

    return read


def show_crop_to(estimator: Estimator) -> Read:
    """Return how an estimator that cannot be told where to look reads a region: as its whole image."""

    def read(frame: Frame, region: Roi) -> Pose | None:
        side_px = math.ceil(region.size_px)
        crop = region.crop(frame.rgb, side_px, cv2.BORDER_REPLICATE)
        found = estimator.estimate(Frame(np.ascontiguousarray(crop), frame.stamp_ns))
        return _from_crop(found[0], region, side_px) if found else None

    return read


def _from_crop(pose: Pose, region: Roi, side_px: int) -> Pose:
    screen = np.column_stack(
        [region.to_image(pose.screen[:, :2] / side_px), pose.screen[:, 2] * (region.size_px / side_px)]
    )
    world = turn(pose.world, region)
    return replace(pose, screen=screen.astype(np.float32), world=world.astype(np.float32), mask=None)


MODELS = {bundle.name: complexity for complexity, bundle in BUNDLES.items()}
DETECTION, TRACKING, TRUTH = MODES = ("detection", "tracking", "truth")
_FROM_FRAMES: dict[str, Callable[[Estimator], SearchMode]] = {
    DETECTION: DetectionSearch,
    TRACKING: TrackingSearch,
}
# With the truth's region there is somebody: the model's doubt is no reason to leave joints out.
_NO_DOUBT = 0.0


@dataclass(frozen=True)
class ModelUnderTest:
    """A model on a backend.

    Attributes:
        model: lite, full or heavy.
        backend: what runs it.
        finder: ready for the first picture.
    """

    model: str
    backend: str
    finder: SearchMode


def prepare(model: str, backend: str, mode: str, min_detection_confidence: float) -> ModelUnderTest:
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
        return ModelUnderTest(model, chosen.backend, _FROM_FRAMES[mode](chosen.estimator))
    return ModelUnderTest(model, chosen.backend, _told(chosen.backend, chosen.estimator, options))


def _told(backend: str, estimator: Estimator, options: EstimatorOptions) -> TruthSearch:
    """Return what looks where the truth says; MediaPipe alone has no way to be told."""
    if backend not in RUNTIMES:
        return TruthSearch(show_crop_to(estimator), estimator.reset, estimator.close)
    estimator.close()
    runtime = RUNTIMES[backend](RuntimeOptions(cache_dir=compiled_folder()))
    landmarker = LandmarkModel(runtime.load(split_bundle(options.model)[LANDMARKER]), _NO_DOUBT)
    return TruthSearch(read_with(landmarker), _nothing, _nothing)


def _nothing() -> None:
    """Do nothing."""
