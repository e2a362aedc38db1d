# SPDX-License-Identifier: Apache-2.0
"""What is known about an image besides its pixels: calibration, depth, people's boxes."""

from __future__ import annotations

from collections import deque

from vision_msgs.msg import Detection2D, Detection2DArray

from blazepose_ros.conversions.camera_info import CalibrationInput
from blazepose_ros.conversions.cdr import stamp_ns
from blazepose_ros.conversions.depth_input import DepthInput
from blazepose_ros.core.errors import Logger
from blazepose_ros.core.person_pipeline import FrameContext
from blazepose_ros.core.settings import NodeSettings
from blazepose_ros.core.types import Box, Frame

# After this time a person may have walked out of the box.
MAX_AGE_NS = 300_000_000


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

    def receive(self, msg: Detection2DArray) -> None:
        """Keep a message's boxes, the highest score first, in place of those before."""
        ranked = sorted(msg.detections, key=_score, reverse=True)
        try:
            boxes = tuple(_box(detection) for detection in ranked)
        except ValueError as err:
            self._logger.error(f"detections dropped: {err}")
            return
        self._latest.append((stamp_ns(msg.header), boxes))

    def boxes_for(self, stamp_ns: int) -> tuple[Box, ...] | None:
        """Return the boxes that came since the last image, or None where none did or they are too old.

        Args:
            stamp_ns: the image's.
        """
        try:
            seen_ns, boxes = self._latest.pop()
        except IndexError:
            return None
        return boxes if abs(stamp_ns - seen_ns) <= MAX_AGE_NS else None


def _score(detection: Detection2D) -> float:
    return max((result.hypothesis.score for result in detection.results), default=0.0)


def _box(detection: Detection2D) -> Box:
    center = detection.bbox.center.position
    return Box(center.x, center.y, detection.bbox.size_x, detection.bbox.size_y)


class FrameContextCollector:
    """Collects what the topics beside the images say; `nodes.pose.subscriptions` subscribes to them.

    Args:
        camera_info_topic: where calibrations come from, for messages.
        logger: told of unusable messages, and once when distances rest on an assumption.
    """

    def __init__(self, camera_info_topic: str, logger: Logger) -> None:
        self.calibration = CalibrationInput(camera_info_topic, logger)
        self.depth = DepthInput(logger)
        self.detections = DetectionInput(logger)

    def context_of(self, frame: Frame, settings: NodeSettings) -> FrameContext:
        """Return what is known about an image.

        Raises:
            CameraInfoError: the calibration's numbers are out of all proportion to the image.
        """
        if settings.placement == "none":
            return FrameContext()
        camera = self.calibration.camera_for(frame.width, frame.height, settings.assumed_hfov_deg)
        if settings.placement == "mono":
            return FrameContext(camera)
        return FrameContext(camera, self.depth.depth_for(frame.stamp_ns, settings.depth_tolerance_s, camera))
