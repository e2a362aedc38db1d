# SPDX-License-Identifier: Apache-2.0
"""BlazePose's pipeline: people in frames that follow each other in time."""

from __future__ import annotations

from dataclasses import dataclass

import cv2

from blazepose_ros.core.estimation.estimator import EstimatorError, EstimatorOptions
from blazepose_ros.core.estimation.landmark_model import MASK_SHAPE, LandmarkModel, LandmarkResult
from blazepose_ros.core.estimation.person_detector import Detection, PersonDetector
from blazepose_ros.core.estimation.roi import Roi
from blazepose_ros.core.estimation.roi_tracker import RoiTracker, RoiTrackerOptions, TrackedRoi
from blazepose_ros.core.estimation.runtimes.runtime import Runtime
from blazepose_ros.core.timestamps import is_time_jump
from blazepose_ros.core.types import Frame, Pose

EXTERNAL_CONFIDENCE = 1.0  # an external detector decides by itself what a person is


class BlazePoseEstimator:
    """An ``Estimator`` of the two models on any runtime; single frames give what MediaPipe gives.

    The detector runs only while there are fewer tracks than people asked for. A track's ROI comes
    from the landmarks of the previous frame.

    Args:
        runtime: runs the models.
        detector: the TFLite file of the person detector.
        landmarks: the TFLite file of a landmark model.
        options: how many people, how sure; ``options.model`` is not read.

    Raises:
        BackendError: the runtime does not load the models.
    """

    def __init__(
        self, runtime: Runtime, detector: bytes, landmarks: bytes, options: EstimatorOptions
    ) -> None:
        self._tracker_options = RoiTrackerOptions(
            num_poses=options.num_poses,
            max_lost_s=options.max_lost_s,
            sure_confidence=options.sure_confidence,
            same_overlap=options.min_tracking_confidence,
        )
        self._external = options.external_detections
        unused = () if options.enable_segmentation else (MASK_SHAPE,)
        self._models: _LoadedModels | None = _LoadedModels(
            PersonDetector(runtime.load(detector), options.min_detection_confidence),
            LandmarkModel(
                runtime.load(landmarks, unused, options.num_poses),
                options.min_presence_confidence,
                options.enable_segmentation,
            ),
        )
        self.reset()

    def reset(self) -> None:
        """End all tracks, as at the start."""
        self._roi_tracker = RoiTracker(self._tracker_options)
        self._stamp_ns: int | None = None
        self._shape: tuple[int, ...] | None = None

    def close(self) -> None:
        """Free everything; may be called twice."""
        self._models = None

    def estimate(self, frame: Frame) -> list[Pose]:
        """Return the people in a frame; see ``Estimator``."""
        if self._models is None:
            raise EstimatorError("the estimator is closed")
        if self._starts_anew(frame):
            self.reset()
        self._stamp_ns, self._shape = frame.stamp_ns, frame.rgb.shape
        try:
            results = self._results(frame, self._models)
        except (RuntimeError, cv2.error) as err:
            self.reset()
            raise EstimatorError(f"the frame could not be processed: {err}") from err
        return [result.pose_in(frame) for result in results]

    def _starts_anew(self, frame: Frame) -> bool:
        """Whether no track goes on: time jumps, or the images are another camera's."""
        another_size = self._shape is not None and frame.rgb.shape != self._shape
        return another_size or is_time_jump(self._stamp_ns, frame.stamp_ns)

    def _results(self, frame: Frame, models: _LoadedModels) -> list[LandmarkResult]:
        chosen = self._roi_tracker.choose(self._detect(frame, models), frame.stamp_ns)
        results = self._run_landmarks(frame, chosen, models)
        return self._roi_tracker.update(list(zip(chosen, results, strict=True)), frame)

    def _detect(self, frame: Frame, models: _LoadedModels) -> list[Detection] | None:
        if self._external:
            boxes = None if frame.boxes is None else map(Roi.around_box, frame.boxes)
            return None if boxes is None else [Detection(EXTERNAL_CONFIDENCE, roi) for roi in boxes]
        if not self._roi_tracker.want_detections(frame.stamp_ns):
            return None
        return models.detector.find(frame.rgb)

    def _run_landmarks(
        self, frame: Frame, chosen: list[TrackedRoi], models: _LoadedModels
    ) -> list[LandmarkResult | None]:
        results = models.landmarks.read_each(frame.rgb, [track.roi for track in chosen])
        if not self._external:
            return results
        # A box tells neither where the hips are nor how a body lies: the first run only aligns the ROI.
        aligned = {
            index: result.next_roi
            for index, (track, result) in enumerate(zip(chosen, results, strict=True))
            if result is not None and track.screen is None
        }
        again = dict(zip(aligned, models.landmarks.read_each(frame.rgb, list(aligned.values())), strict=True))
        return [again.get(index, result) for index, result in enumerate(results)]


@dataclass(frozen=True)
class _LoadedModels:
    detector: PersonDetector
    landmarks: LandmarkModel
