"""Messages as bytes, in a quarter of the time that message objects take.

They are plain CDR, as `blazepose_ros.cdr` reads it. What is written here is what rclpy would make
of message objects, as those of `blazepose_ros.messages`; a test holds the two together.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray
from std_msgs.msg import Header

from blazepose_ros.cdr import BYTE_ORDERS, NATIVE
from blazepose_ros.messages import pose_covariance
from blazepose_ros.pose import Frame, ModelComplexity, Pose

_ENCAPSULATION = next(code for code, order in BYTE_ORDERS.items() if order == NATIVE) + bytes(2)
_UNTURNED = (0.0, 0.0, 0.0, 1.0)  # the orientation, a quaternion
_STAGES = ("transport", "waiting", "decoding", "inference", "publishing")  # in the order of Timing
_NOWHERE = np.zeros(3)
_NO_COVARIANCE = np.zeros((6, 6))


def serialize_pose33(pose: Pose, header: Header, frame: Frame, complexity: ModelComplexity) -> bytes:
    """Return one person as a serialised Pose33 with its image's header and size."""
    writer = _Writer()
    _write_pose(writer, pose, header, frame, complexity)
    return bytes(writer.message)


def serialize_pose33_array(
    poses: Sequence[Pose], header: Header, frame: Frame, complexity: ModelComplexity
) -> bytes:
    """Return the people of one image as a serialised Pose33Array; there may be none."""
    writer = _Writer()
    writer.header(header)
    writer.numbers("I", len(poses))
    for pose in poses:
        _write_pose(writer, pose, header, frame, complexity)
    return bytes(writer.message)


def serialize_timing(laps_ms: Mapping[str, float], received: int, header: Header) -> bytes:
    """Return how long the stages of an image took as a serialised Timing; one that did not run took no time.

    Args:
        laps_ms: milliseconds by stage.
        received: the image's number.
        header: the image's.
    """
    writer = _Writer()
    writer.header(header)
    writer.numbers("Q", received)
    writer.numbers("5f", *(laps_ms.get(stage, 0.0) for stage in _STAGES))
    return bytes(writer.message)


def _write_pose(
    writer: _Writer, pose: Pose, header: Header, frame: Frame, complexity: ModelComplexity
) -> None:
    writer.header(header)
    writer.numbers(
        "IB3xfB3xII", pose.person_id, pose.status, pose.score, complexity, frame.width, frame.height
    )
    # Side by side: x, y, z, visibility and presence of each landmark.
    seen = (pose.screen, pose.visibility[:, None], pose.presence[:, None])
    writer.array(np.concatenate(seen, axis=1))
    writer.array(pose.world.astype(np.float64))
    writer.numbers("B", pose.placement)
    hips = pose.hip_center
    writer.array(_NOWHERE if hips is None else hips.position)
    writer.numbers("4d", *_UNTURNED)
    writer.array(_NO_COVARIANCE if hips is None else pose_covariance(hips, pose.world))


class _Writer:
    """Appends one field after the other, each aligned to its own size."""

    def __init__(self) -> None:
        self.message = bytearray(_ENCAPSULATION)

    def header(self, header: Header) -> None:
        """Append a std_msgs/Header."""
        text = header.frame_id.encode() + b"\0"
        self.numbers("iII", header.stamp.sec, header.stamp.nanosec, len(text))
        self.message += text

    def numbers(self, kinds: str, *values: float) -> None:
        """Append numbers; the kinds are those of `struct`.

        The last one's size is the largest: what has to be aligned between them says so with ``x``.
        """
        self._align(struct.calcsize(kinds[-1]))
        self.message += struct.pack(f"={kinds}", *values)

    def array(self, values: NDArray) -> None:
        """Append all numbers of an array."""
        self._align(values.itemsize)
        self.message += values.tobytes()

    def _align(self, size: int) -> None:
        self.message += bytes(-(len(self.message) - len(_ENCAPSULATION)) % size)
