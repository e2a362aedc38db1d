# SPDX-License-Identifier: Apache-2.0
"""BlazePose's pipeline: people in frames that follow each other in time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import cv2
from numpy.typing import NDArray

from blazepose_ros.core.background import in_thread
from blazepose_ros.core.estimation.drawn_person import DetectorProof, LandmarksProof
from blazepose_ros.core.estimation.estimator import EstimatorError, EstimatorOptions
from blazepose_ros.core.estimation.landmark_model import MASK_SHAPE, LandmarkModel, LandmarkResult
from blazepose_ros.core.estimation.neighbors import as_two, neighbors_of, next_in_company, pair_in, read_apart
from blazepose_ros.core.estimation.person_detector import Detection, PersonDetector
from blazepose_ros.core.estimation.roi import Roi
from blazepose_ros.core.estimation.roi_tracker import (
    Looked,
    RoiTracker,
    RoiTrackerOptions,
    TrackedRoi,
    plain_people,
    screens_of,
    unless_hidden,
)
from blazepose_ros.core.estimation.runtimes.runtime import Runtime
from blazepose_ros.core.timestamps import MonotonicTime, is_time_jump
from blazepose_ros.core.types import Frame, Pose

EXTERNAL_CONFIDENCE = 1.0  # an external detector decides by itself what a person is
# Where others are found beside known people the image is searched again, so many times in all.
_MOST_LOOKS = 3


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
        self._time = MonotonicTime()
        unused = () if options.enable_segmentation else (MASK_SHAPE,)
        # A model is compiled on one core, mostly: both at once take little longer than one.
        detector_to_come = in_thread(lambda: runtime.load(detector, proof=DetectorProof()), "loading")
        landmark_model = runtime.load(landmarks, unused, options.num_poses, LandmarksProof())
        self._models: _LoadedModels | None = _LoadedModels(
            PersonDetector(detector_to_come.result(), options.min_detection_confidence),
            LandmarkModel(landmark_model, options.min_presence_confidence, options.enable_segmentation),
        )
        self.reset()

    @property
    def where(self) -> str:
        """What computes the landmarks in which precision; nothing once it is closed."""
        return "" if self._models is None else self._models.landmarks.where

    def reset(self) -> None:
        """End all tracks, as at the start."""
        self._roi_tracker = RoiTracker(self._tracker_options)
        self._splits = 0
        self._stamp_ns: int | None = None
        self._shape: tuple[int, ...] | None = None

    def close(self) -> None:
        """Free everything; may be called twice."""
        self._models = None

    def estimate(self, frame: Frame) -> list[Pose]:
        """Return the people in a frame; see ``Estimator``."""
        if self._models is None:
            raise EstimatorError("the estimator is closed")
        frame = replace(frame, stamp_ns=self._time.at(frame.stamp_ns))
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
        tracker = self._roi_tracker
        looked = self._look(frame, tracker.choose(self._detect(frame, models), frame.stamp_ns), models)
        looked = self._without_misread(frame, looked, models)
        if not self._external and tracker.want_others(looked, frame.stamp_ns):
            looked = self._with_others(frame, looked, models)
        return tracker.update(looked, frame)

    def _detect(self, frame: Frame, models: _LoadedModels) -> list[Detection] | None:
        if self._external:
            boxes = None if frame.boxes is None else map(Roi.around_box, frame.boxes)
            return None if boxes is None else [Detection(EXTERNAL_CONFIDENCE, roi) for roi in boxes]
        if not self._roi_tracker.want_detections(frame.stamp_ns):
            return None
        return models.detector.find(frame.rgb)

    def _look(self, frame: Frame, chosen: list[TrackedRoi], models: _LoadedModels) -> list[Looked]:
        beside = neighbors_of(chosen, frame.stamp_ns)
        chosen = [
            replace(track, in_company=bool(others)) if track.in_company else track
            for track, others in zip(chosen, beside, strict=True)
        ]
        return list(zip(chosen, self._run_landmarks(frame, chosen, models, beside), strict=True))

    def _without_misread(self, frame: Frame, looked: list[Looked], models: _LoadedModels) -> list[Looked]:
        """Return what was looked for, people who are covered by others read again without them."""
        misread = self._roi_tracker.misread(looked)
        rois = [looked[index][0].roi for index in misread]
        again = models.landmarks.read_each(frame.rgb, rois, list(misread.values()))
        seen = map(unless_hidden, again, misread.values())
        results = dict(zip(misread, seen, strict=True))
        return [(track, results.get(index, result)) for index, (track, result) in enumerate(looked)]

    def _with_others(self, frame: Frame, looked: list[Looked], models: _LoadedModels) -> list[Looked]:
        """Return what was looked for and whom the detector sees once those are covered."""
        for _ in range(_MOST_LOOKS):
            others = self._others(frame, looked, models)
            looked = looked + others
            if not others or len(looked) >= self._tracker_options.num_poses:
                break
        is_done = bool(others) or not self._roi_tracker.has_room(looked)
        return looked if is_done else self._split(frame, looked, models)

    def _split(self, frame: Frame, looked: list[Looked], models: _LoadedModels) -> list[Looked]:
        """Return what was looked for, one of the people as two where they stand shoulder to shoulder.

        Known people are tried in turn: with all others painted over, the detector sees both.
        """
        self._splits += 1
        index = next_in_company(looked, self._splits)
        if index is None:
            return looked
        covered = screens_of(looked[:index] + looked[index + 1 :])
        pair = pair_in(models.detector.find(frame.rgb, covered), looked[index][0].roi)
        both = None if pair is None else read_apart(frame, pair, covered, models.landmarks)
        return looked if both is None else as_two(looked, index, both)

    def _others(self, frame: Frame, looked: list[Looked], models: _LoadedModels) -> list[Looked]:
        covered = screens_of(looked)
        square = self._roi_tracker.next_square(frame)
        found = models.detector.find(frame.rgb, covered, square)
        chosen = self._roi_tracker.choose_others(found, looked, frame.stamp_ns)
        results = self._run_landmarks(frame, chosen, models, [covered] * len(chosen))
        return plain_people(list(zip(chosen, results, strict=True)), covered, frame, square is not None)

    def _run_landmarks(
        self,
        frame: Frame,
        chosen: list[TrackedRoi],
        models: _LoadedModels,
        covered: Sequence[Sequence[NDArray]],
    ) -> list[LandmarkResult | None]:
        results = models.landmarks.read_each(frame.rgb, [track.roi for track in chosen], covered)
        # A box tells neither where the hips are nor how a body lies, and what is left of an image tells
        # it badly: the first run only aligns the ROI.
        aligned = {
            index: result.next_roi
            for index, (track, result) in enumerate(zip(chosen, results, strict=True))
            if result is not None and track.screen is None and (self._external or covered[index])
        }
        beside = [covered[index] for index in aligned]
        read = models.landmarks.read_each(frame.rgb, list(aligned.values()), beside)
        again = dict(zip(aligned, read, strict=True))
        return [again.get(index, result) for index, result in enumerate(results)]


@dataclass(frozen=True)
class _LoadedModels:
    detector: PersonDetector
    landmarks: LandmarkModel
