# SPDX-License-Identifier: Apache-2.0
"""Messages of /tf, and what they hold as arrays."""

from typing import Any

import numpy as np
from geometry_msgs.msg import TransformStamped
from rclpy.serialization import serialize_message
from tf2_msgs.msg import TFMessage

STAMP_NS = 5_000_000_000


def transform(
    parent: Any, child: Any, translation: Any, quaternion: Any = (0.0, 0, 0, 1), stamp_ns: Any = STAMP_NS
) -> TransformStamped:
    msg = TransformStamped(child_frame_id=child)
    msg.header.frame_id = parent
    msg.header.stamp.sec, msg.header.stamp.nanosec = divmod(stamp_ns, 1_000_000_000)
    t, q = msg.transform.translation, msg.transform.rotation
    t.x, t.y, t.z = (float(value) for value in translation)
    q.x, q.y, q.z, q.w = (float(value) for value in quaternion)
    return msg


def serialized(*transforms: TransformStamped) -> bytes:
    """Return a message of /tf as it comes over the wire."""
    return bytes(serialize_message(TFMessage(transforms=list(transforms))))


def vector(point: Any) -> Any:
    """Return a point or a translation, (3,), meters."""
    return np.array([point.x, point.y, point.z])
