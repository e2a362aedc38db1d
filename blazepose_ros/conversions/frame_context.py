# SPDX-License-Identifier: Apache-2.0
"""What is known about an image besides its pixels: calibration, depth, people's boxes."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

from blazepose_ros.conversions.camera_info import CalibrationInput
from blazepose_ros.conversions.cdr import CdrError, CdrReader, stamp_ns
from blazepose_ros.conversions.depth_input import DepthInput
from blazepose_ros.conversions.ground_input import GroundInput
from blazepose_ros.conversions.tf_buffer import Polled, TfBuffer
from blazepose_ros.core.errors import Logger
from blazepose_ros.core.person_pipeline import FrameContext
from blazepose_ros.core.settings import MAX_PEOPLE, NodeSettings
from blazepose_ros.core.types import Box, Frame

# After this time a person may have walked out of the box.
MAX_AGE_NS = 300_000_000
# Detectors name 300 objects in an image at most, and some hundred classes for each.
MAX_DETECTIONS = 300
MAX_HYPOTHESES = 1000


@dataclass(frozen=True)
class ScoredBox:
    """A detection's numbers: pixels, the middle and the size."""

    score: float
    numbers: tuple[float, float, float, float]


class DetectionInput:
    """Keeps the latest boxes until the next image.

    A detector answers after the image it looked at, often when the next ones are here already:
    its boxes are handed out once, with the next image.

    Args:
        logger: told of unusable boxes.
    """

    def __init__(self, logger: Logger) -> None:
        self._latest: deque[tuple[int, tuple[Box, ...]]] = deque(maxlen=1)
        self._logger = logger

    def receive(self, serialized: bytes) -> None:
        """Keep a message's boxes, the highest score first, in place of those before.

        Args:
            serialized: a vision_msgs/Detection2DArray as it came over the wire: for rclpy to make
                objects of two thousand detections takes a tenth of a second.
        """
        try:
            stamp, scored = read_detections(serialized)
        except CdrError as err:
            self._logger.error(f"detections dropped: {err}")
            return
        if len(scored) > MAX_PEOPLE:
            self._logger.warning(f"more than {MAX_PEOPLE} detections: those of the highest scores are used")
        scored = sorted(scored, key=lambda each: each.score, reverse=True)[:MAX_PEOPLE]
        boxes = tuple(filter(None, map(self._box, scored)))
        if boxes or not scored:
            self._latest.append((stamp, boxes))

    def boxes_for(self, stamp_ns: int) -> tuple[Box, ...] | None:
        """Return the boxes that came since the last image, or None where none did or they are too old.

        Args:
            stamp_ns: the image's; zero, or that of the boxes, tells nothing of their age.
        """
        try:
            seen_ns, boxes = self._latest.pop()
        except IndexError:
            return None
        unknown = 0 in (stamp_ns, seen_ns)
        return boxes if unknown or abs(stamp_ns - seen_ns) <= MAX_AGE_NS else None

    def _box(self, scored: ScoredBox) -> Box | None:
        try:
            return Box(*scored.numbers)
        except ValueError as err:
            self._logger.error(f"detection ignored: {err}")
            return None


def read_detections(serialized: bytes) -> tuple[int, list[ScoredBox]]:
    """Return the stamp and the first `MAX_DETECTIONS` of a serialized vision_msgs/Detection2DArray.

    Raises:
        CdrError: it ends too early, or is not plain CDR.
    """
    reader = CdrReader(serialized)
    header = reader.header()
    count = min(reader.uint32(), MAX_DETECTIONS)
    return stamp_ns(header), [_read_detection(reader) for _ in range(count)]


def _read_detection(reader: CdrReader) -> ScoredBox:
    """Take a vision_msgs/Detection2D; its score is that of the best hypothesis."""
    reader.header()
    hypotheses = reader.uint32()
    if hypotheses > MAX_HYPOTHESES:
        raise CdrError(f"a detection has {hypotheses} hypotheses, more than {MAX_HYPOTHESES}")
    scores = [_read_score(reader) for _ in range(hypotheses)]
    x, y, _theta, width, height = reader.doubles(5)
    reader.string()  # the id
    return ScoredBox(max(scores, default=0.0), (x, y, width, height))


def _read_score(reader: CdrReader) -> float:
    """Take a vision_msgs/ObjectHypothesisWithPose."""
    reader.string()  # the class
    return reader.doubles(1 + 7 + 36)[0]  # score, pose and covariance


class FrameContextCollector:
    """Collects what the topics beside the images say; `nodes.pose.subscriptions` subscribes to them.

    Args:
        camera_info_topic: where calibrations come from, for messages.
        logger: told of unusable messages, and of what is assumed or ignored.
        image_topic: where images come from; its name says whether they are rectified.
        depth_topic: where depth images come from; its name tells infrared images.
        transforms: for the floor, and depth images in another frame than the color images; None where
            none are known.

    Attributes:
        polled: topics that are asked what has come when an image needs it.
    """

    def __init__(
        self,
        camera_info_topic: str,
        logger: Logger,
        *,
        image_topic: str = "",
        depth_topic: str = "",
        transforms: TfBuffer | None = None,
    ) -> None:
        self.calibration = CalibrationInput(camera_info_topic, logger, image_topic=image_topic)
        self.depth = DepthInput(logger, transforms, depth_topic)
        self.detections = DetectionInput(logger)
        self.ground = GroundInput(TfBuffer() if transforms is None else transforms, logger)
        self.polled: list[Polled] = []

    def poll(self) -> None:
        """Take what has come on the topics that are polled."""
        for topic in tuple(self.polled):
            topic.poll()

    @property
    def concerns(self) -> tuple[str, ...]:
        """What of these topics is doubtful or not used, although it comes."""
        return self.calibration.concerns + self.depth.concerns

    def context_of(
        self, frame: Frame, settings: NodeSettings, frame_id: str = "", header_ns: int | None = None
    ) -> FrameContext:
        """Return what is known about an image.

        Args:
            frame: the image.
            settings: as they are now.
            frame_id: the frame of the image.
            header_ns: its header's stamp, which its depth image has, too; None for the frame's own.

        Raises:
            CameraInfoError: the calibration's numbers are out of all proportion to the image.
        """
        if settings.placement == "none":
            return FrameContext()
        self.poll()
        camera = self.calibration.camera_for(
            frame.width, frame.height, settings.assumed_hfov_deg, settings.rectified
        )
        stamp_ns = frame.stamp_ns if header_ns is None else header_ns
        floor = self.ground.floor_for(frame_id, stamp_ns, settings)
        if settings.placement == "mono":
            return FrameContext(camera, None, floor)
        depth = self.depth.depth_for(stamp_ns, settings.depth_tolerance_s, camera, frame_id)
        return FrameContext(camera, depth, floor)
