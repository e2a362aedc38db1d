"""Poses as serialised Pose33 messages, in a quarter of the time that message objects take.

They are plain CDR, as `blazepose_ros.cdr` reads it. What is written here is what rclpy would make
of `blazepose_ros.messages.to_pose33`; a test holds the two together.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from std_msgs.msg import Header

from blazepose_ros.cdr import BYTE_ORDERS, NATIVE
from blazepose_ros.landmarks import NUM_LANDMARKS
from blazepose_ros.messages import pose_covariance
from blazepose_ros.pose import Frame, HipCenter, ModelComplexity, Pose

_ENCAPSULATION = next(code for code, order in BYTE_ORDERS.items() if order == NATIVE) + bytes(2)
_UNTURNED = (0.0, 0.0, 0.0, 1.0)  # the orientation, a quaternion


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


def _write_pose(
    writer: _Writer, pose: Pose, header: Header, frame: Frame, complexity: ModelComplexity
) -> None:
    writer.header(header)
    writer.numbers("I", pose.person_id)
    writer.numbers("B", pose.status)
    writer.numbers("f", pose.score)
    writer.numbers("B", complexity)
    writer.numbers("II", frame.width, frame.height)
    landmarks = np.empty((NUM_LANDMARKS, 5), np.float32)
    landmarks[:, :3], landmarks[:, 3], landmarks[:, 4] = pose.screen, pose.visibility, pose.presence
    writer.array(landmarks)
    writer.array(pose.world.astype(np.float64))
    writer.numbers("B", pose.placement)
    _write_hip_center(writer, pose.hip_center, pose.world)


def _write_hip_center(writer: _Writer, hip_center: HipCenter | None, world: NDArray) -> None:
    writer.array(np.zeros(3) if hip_center is None else hip_center.position)
    writer.numbers("4d", *_UNTURNED)
    writer.array(np.zeros((6, 6)) if hip_center is None else pose_covariance(hip_center, world))


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
        """Append numbers of one size; the kinds are those of `struct`."""
        self._align(struct.calcsize(kinds[-1]))
        self.message += struct.pack(f"={kinds}", *values)

    def array(self, values: NDArray) -> None:
        """Append all numbers of an array."""
        self._align(values.itemsize)
        self.message += values.tobytes()

    def _align(self, size: int) -> None:
        self.message += bytes(-(len(self.message) - len(_ENCAPSULATION)) % size)
