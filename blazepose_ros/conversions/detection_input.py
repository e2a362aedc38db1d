"""The boxes of people, from a detector outside."""

from __future__ import annotations

from collections import deque

from vision_msgs.msg import Detection2D, Detection2DArray

from blazepose_ros.conversions.headers import stamp_ns
from blazepose_ros.core.logger import Logger
from blazepose_ros.core.types import Box

# A person walks out of their box in less time than this.
MAX_AGE_NS = 300_000_000


class DetectionInput:
    """Keeps the newest boxes until an image comes that they say something of.

    A detector answers after the image it looked at, often when the next ones are here already:
    its boxes are handed out once, with the next image.

    Args:
        logger: told of unusable boxes.
    """

    def __init__(self, logger: Logger) -> None:
        self._newest: deque[tuple[int, tuple[Box, ...]]] = deque(maxlen=1)
        self._logger = logger

    def receive(self, msg: Detection2DArray) -> None:
        """Keep a message's boxes, the surest first, in place of those before."""
        ranked = sorted(msg.detections, key=_score, reverse=True)
        try:
            boxes = tuple(_box(detection) for detection in ranked)
        except ValueError as err:
            self._logger.error(f"detections dropped: {err}")
            return
        self._newest.append((stamp_ns(msg.header), boxes))

    def boxes_for(self, stamp_ns: int) -> tuple[Box, ...] | None:
        """Return the boxes that came since the last image, or None where none did or they are too old.

        Args:
            stamp_ns: the image's.
        """
        try:
            seen_ns, boxes = self._newest.pop()
        except IndexError:
            return None
        return boxes if abs(stamp_ns - seen_ns) <= MAX_AGE_NS else None


def _score(detection: Detection2D) -> float:
    return max((result.hypothesis.score for result in detection.results), default=0.0)


def _box(detection: Detection2D) -> Box:
    center = detection.bbox.center.position
    return Box(center.x, center.y, detection.bbox.size_x, detection.bbox.size_y)
