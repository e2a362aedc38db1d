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

SURE = 1.0  # what somebody else found is somebody


class BlazePoseEstimator:
    """An ``Estimator`` of the two models on any runtime; single frames give what MediaPipe gives.

    The detector runs only while fewer people than asked for are followed. Who is followed is
    looked for where the landmarks of the previous frame say.

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
        self._following = RoiTrackerOptions(
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
        """Forget everybody, as at the start."""
        self._followers = RoiTracker(self._following)
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
            readings = self._read(frame, self._models)
        except (RuntimeError, cv2.error) as err:
            self.reset()
            raise EstimatorError(f"the frame could not be processed: {err}") from err
        return [reading.pose_in(frame) for reading in readings]

    def _starts_anew(self, frame: Frame) -> bool:
        """Whether nothing known holds: time breaks off, or the images are another camera's."""
        another_size = self._shape is not None and frame.rgb.shape != self._shape
        return another_size or is_time_jump(self._stamp_ns, frame.stamp_ns)

    def _read(self, frame: Frame, models: _LoadedModels) -> list[LandmarkResult]:
        chosen = self._followers.choose(self._detect(frame, models), frame.stamp_ns)
        return self._followers.learn(list(zip(chosen, self._look(frame, chosen, models), strict=True)), frame)

    def _detect(self, frame: Frame, models: _LoadedModels) -> list[Detection] | None:
        if self._external:
            boxes = None if frame.boxes is None else map(Roi.around_box, frame.boxes)
            return None if boxes is None else [Detection(SURE, region) for region in boxes]
        looks = self._followers.want_detections(frame.stamp_ns)
        return models.detector.find(frame.rgb) if looks else None

    def _look(
        self, frame: Frame, chosen: list[TrackedRoi], models: _LoadedModels
    ) -> list[LandmarkResult | None]:
        readings = models.landmarks.read_each(frame.rgb, [each.region for each in chosen])
        if not self._external:
            return readings
        # A box says little of where the hips are and how a body lies: the first look only aims.
        aims = {
            index: reading.next_region
            for index, (who, reading) in enumerate(zip(chosen, readings, strict=True))
            if reading is not None and who.screen is None
        }
        aimed = dict(zip(aims, models.landmarks.read_each(frame.rgb, list(aims.values())), strict=True))
        return [aimed.get(index, reading) for index, reading in enumerate(readings)]


@dataclass(frozen=True)
class _LoadedModels:
    detector: PersonDetector
    landmarks: LandmarkModel
