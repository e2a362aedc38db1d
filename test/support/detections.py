# SPDX-License-Identifier: Apache-2.0
"""Messages of people's boxes, as a detector outside sends them."""

from typing import Any

from vision_msgs.msg import Detection2D, Detection2DArray, ObjectHypothesisWithPose

STAMP_NS = 5_000_000_000


def detections(*boxes: Any, stamp_ns: Any = STAMP_NS) -> Detection2DArray:
    """Return a message of boxes, each x, y, width, height and score."""
    msg = Detection2DArray()
    msg.header.stamp.sec, msg.header.stamp.nanosec = divmod(stamp_ns, 1_000_000_000)
    for x, y, width, height, score in boxes:
        detection = Detection2D()
        detection.bbox.center.position.x, detection.bbox.center.position.y = float(x), float(y)
        detection.bbox.size_x, detection.bbox.size_y = float(width), float(height)
        result = ObjectHypothesisWithPose()
        result.hypothesis.score = score
        detection.results = [result]
        msg.detections.append(detection)
    return msg
