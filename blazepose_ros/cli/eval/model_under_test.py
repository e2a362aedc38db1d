# SPDX-License-Identifier: Apache-2.0
"""What is evaluated: a model on a backend, in one of the search modes."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Protocol

import cv2
import numpy as np
from numpy.typing import NDArray

from blazepose_ros.cli.eval.annotations import LabeledFrame
from blazepose_ros.cli.eval.pdj import UNLABELED, largest_person
from blazepose_ros.core.estimation.drawn_person import LandmarksProof
from blazepose_ros.core.estimation.estimator import Estimator, EstimatorOptions
from blazepose_ros.core.estimation.factory import RUNTIMES, choose_estimator, compiled_folder
from blazepose_ros.core.estimation.landmark_model import LandmarkModel, turn
from blazepose_ros.core.estimation.roi import Roi
from blazepose_ros.core.estimation.runtimes.runtime import RuntimeOptions
from blazepose_ros.core.landmarks import Landmark
from blazepose_ros.core.models.registry import Bundle, load_cached
from blazepose_ros.core.models.task_bundle import LANDMARKER, split_bundle
from blazepose_ros.core.types import Frame, Pose

_HIPS = [Landmark.LEFT_HIP, Landmark.RIGHT_HIP]
_SHOULDERS = [Landmark.LEFT_SHOULDER, Landmark.RIGHT_SHOULDER]


class SearchMode(Protocol):
    """Finds one person."""

    def get_ready(self) -> None:
        """Prepare for the next image, outside of the measured time."""
        ...

    def find(self, image: LabeledFrame) -> Pose | None:
        """Return the person in an image, or None."""
        ...

    def close(self) -> None:
        """Free everything."""
        ...


class DetectionSearch:
    """Runs the detector on each image by itself."""

    def __init__(self, estimator: Estimator) -> None:
        self._estimator = estimator
        self.get_ready = estimator.reset
        self.close = estimator.close

    def find(self, image: LabeledFrame) -> Pose | None:
        """Return the first person."""
        return next(iter(self._estimator.estimate(image.frame)), None)


class TrackingSearch:
    """Searches where the person was in the image before."""

    def __init__(self, estimator: Estimator) -> None:
        self._estimator = estimator
        self.close = estimator.close

    def get_ready(self) -> None:
        """Nothing is to be done: the track goes on."""

    def find(self, image: LabeledFrame) -> Pose | None:
        """Return the first person."""
        return next(iter(self._estimator.estimate(image.frame)), None)


Read = Callable[[Frame, Roi], Pose | None]


class TruthSearch:
    """Searches in the ROI of the largest labeled person, as the model card does.

    Args:
        read: finds the person in an ROI.
        get_ready: called before each image.
        close: frees everything.
    """

    def __init__(self, read: Read, get_ready: Callable[[], None], close: Callable[[], None]) -> None:
        self._read = read
        self.get_ready = get_ready
        self.close = close

    def find(self, image: LabeledFrame) -> Pose | None:
        """Return the person in the ROI around the labeled joints."""
        person = largest_person([each.joints for each in image.labels.people])
        roi = None if person is None else true_roi(person)
        return None if roi is None else self._read(image.frame, roi)


def true_roi(person: NDArray) -> Roi | None:
    """Return the square around a labeled person, (33, 3), upright with them, a quarter larger.

    Its middle is that of the hips; it encloses the circle through the joint furthest from there.
    """
    is_labeled = person[:, 2] != UNLABELED
    hips, shoulders = (
        np.array([person[joint, :2] for joint in pair if is_labeled[joint]]) for pair in (_HIPS, _SHOULDERS)
    )
    if not len(hips) or not len(shoulders):
        return None
    middle = hips.mean(axis=0)
    up = shoulders.mean(axis=0) - middle
    reach_px = np.linalg.norm(person[is_labeled, :2] - middle, axis=1).max()
    length_px = math.hypot(*up)
    return Roi.around_person(middle, middle + up * (reach_px / length_px)) if length_px > 0 else None


def read_with(model: LandmarkModel) -> Read:
    """Return how a landmark model reads an ROI."""

    def read(frame: Frame, roi: Roi) -> Pose | None:
        result = model.read(frame.rgb, roi)
        return None if result is None else result.pose_in(frame)

    return read


def show_crop_to(estimator: Estimator) -> Read:
    """Return how an estimator that takes no ROI reads one: as its whole image."""

    def read(frame: Frame, roi: Roi) -> Pose | None:
        side_px = math.ceil(roi.size_px)
        crop = roi.crop(frame.rgb, side_px, cv2.BORDER_REPLICATE)
        found = estimator.estimate(Frame(np.ascontiguousarray(crop), frame.stamp_ns))
        return _from_crop(found[0], roi, side_px) if found else None

    return read


def _from_crop(pose: Pose, roi: Roi, side_px: int) -> Pose:
    screen = np.column_stack(
        [roi.to_image(pose.screen[:, :2] / side_px), pose.screen[:, 2] * (roi.size_px / side_px)]
    )
    world = turn(pose.world, roi)
    return replace(pose, screen=screen.astype(np.float32), world=world.astype(np.float32), mask=None)


DETECTION, TRACKING, TRUTH = MODES = ("detection", "tracking", "truth")
_FROM_FRAMES: dict[str, Callable[[Estimator], SearchMode]] = {
    DETECTION: DetectionSearch,
    TRACKING: TrackingSearch,
}
# The true ROI holds a person: a low presence is no reason to leave joints out.
_ANY_PRESENCE = 0.0


@dataclass(frozen=True)
class ModelUnderTest:
    """A model on a backend.

    Attributes:
        bundle: the model.
        backend: what runs it.
        search: ready for the first image.
    """

    bundle: Bundle
    backend: str
    search: SearchMode


def prepare(bundle: Bundle, backend: str, mode: str, min_detection_confidence: float) -> ModelUnderTest:
    """Return a model under test.

    Args:
        bundle: the model.
        backend: one of ``BACKENDS``.
        mode: one of ``MODES``.
        min_detection_confidence: 0 to 1, detections below it are left out.

    Raises:
        ModelError: the model is missing or damaged.
        EstimatorError: the backend does not load.
    """
    options = EstimatorOptions(
        load_cached(bundle).content,
        bundle.complexity,
        min_detection_confidence=min_detection_confidence,
    )
    chosen = choose_estimator(backend, options, RuntimeOptions(cache_dir=compiled_folder()))
    if mode != TRUTH:
        return ModelUnderTest(bundle, chosen.backend, _FROM_FRAMES[mode](chosen.estimator))
    return ModelUnderTest(bundle, chosen.backend, _truth_search(chosen.backend, chosen.estimator, options))


def _truth_search(backend: str, estimator: Estimator, options: EstimatorOptions) -> TruthSearch:
    """Return the search in the true ROI, which MediaPipe alone does not take."""
    if backend not in RUNTIMES:
        return TruthSearch(show_crop_to(estimator), estimator.reset, estimator.close)
    estimator.close()
    runtime = RUNTIMES[backend](RuntimeOptions(cache_dir=compiled_folder()))
    content = split_bundle(options.model)[LANDMARKER]
    landmarker = LandmarkModel(runtime.load(content, proof=LandmarksProof()), _ANY_PRESENCE)
    return TruthSearch(read_with(landmarker), _nothing, _nothing)


def _nothing() -> None:
    """Do nothing."""
