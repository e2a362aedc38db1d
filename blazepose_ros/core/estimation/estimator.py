# SPDX-License-Identifier: Apache-2.0
"""The contract between the node and what estimates the poses in a frame."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Protocol

from blazepose_ros.core.errors import BlazePoseError
from blazepose_ros.core.estimation.track_confirmation import SURE_CONFIDENCE
from blazepose_ros.core.tracking.tracker import MAX_LOST_S
from blazepose_ros.core.types import Frame, ModelComplexity, Pose

_CONFIDENCES = (
    "min_detection_confidence",
    "min_presence_confidence",
    "min_tracking_confidence",
    "sure_confidence",
)


class EstimatorError(BlazePoseError, RuntimeError):
    """One frame could not be processed; the estimator is ready for the next."""


class Estimator(Protocol):
    """Finds people in frames that follow each other in time."""

    def estimate(self, frame: Frame) -> list[Pose]:
        """Return the people in a frame, none included.

        Stamps may repeat, and be early by less than a second (`timestamps.MonotonicTime`); where
        time jumps (`timestamps.is_time_jump`), all tracks end.

        Raises:
            EstimatorError: this frame failed, the next may succeed.
        """
        ...

    def reset(self) -> None:
        """End all tracks, as at the start."""
        ...

    def close(self) -> None:
        """Free everything; may be called twice."""
        ...


@dataclass(frozen=True)
class EstimatorOptions:
    """How an estimator works.

    Attributes:
        model: the verified content of a ``.task`` bundle: an uncompressed zip of
            ``pose_detector.tflite`` and ``pose_landmarks_detector.tflite``.
        model_complexity: which of the three landmark models the bundle holds.
        num_poses: the most people to look for, from 1.
        min_detection_confidence: 0 to 1, detections below it do not count.
        min_presence_confidence: 0 to 1, a person whose score is below it is lost.
        min_tracking_confidence: 0 to 1, minimum overlap of a person's ROIs in two frames.
        sure_confidence: 0 to 1, a person detected with less has to be confirmed in several frames, where
            the estimator knows the confidence of its detections.
        max_lost_s: a lost track ends after so many seconds; until then its place is kept.
        external_detections: look for people where ``Frame.boxes`` are, and nowhere else.
        enable_segmentation: fill ``Pose.mask``.

    Raises:
        ValueError: a number is out of its range.
    """

    model: bytes = field(repr=False)
    model_complexity: ModelComplexity = ModelComplexity.FULL
    num_poses: int = 1
    min_detection_confidence: float = 0.6
    min_presence_confidence: float = 0.5
    min_tracking_confidence: float = 0.5
    sure_confidence: float = SURE_CONFIDENCE
    max_lost_s: float = MAX_LOST_S
    external_detections: bool = False
    enable_segmentation: bool = False

    def __post_init__(self) -> None:
        if self.num_poses < 1:
            raise ValueError(f"num_poses is {self.num_poses}, it starts at 1")
        for name in _CONFIDENCES:
            value = getattr(self, name)
            if not 0.0 <= value <= 1.0:
                raise ValueError(f"{name} is {value}, outside 0 to 1")
        if not self.max_lost_s >= 0:
            raise ValueError(f"max_lost_s is {self.max_lost_s}, it starts at 0")
