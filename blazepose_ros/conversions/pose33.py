"""Poses as Pose33 messages, as objects and as bytes.

They are plain CDR, as `blazepose_ros.conversions.cdr` reads it. What is written here is what rclpy would make
of message objects, as those of `blazepose_ros.conversions.pose33`; a test holds the two together.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Mapping, Sequence

import numpy as np
from geometry_msgs.msg import Point, PoseWithCovariance, Quaternion
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation
from sensor_msgs.msg import JointState
from std_msgs.msg import Header

from blazepose_ros.conversions.cdr import BYTE_ORDERS, NATIVE
from blazepose_ros.core.body_frame import body_axes_covariance
from blazepose_ros.core.joint_angles import joint_angles
from blazepose_ros.core.types import Frame, HipCenter, ModelComplexity, Placement, Pose, Status
from blazepose_ros.msg import Pose33, Pose33Array, ScreenLandmark


def to_pose33(pose: Pose, header: Header, frame: Frame, complexity: ModelComplexity) -> Pose33:
    """Return one person as a message with its image's header and size."""
    return Pose33(
        header=header,
        person_id=pose.person_id,
        status=int(pose.status),
        score=pose.score,
        model_complexity=int(complexity),
        image_width=frame.width,
        image_height=frame.height,
        screen_landmarks=[
            ScreenLandmark(x=x, y=y, z=z, visibility=visibility, presence=presence)
            for (x, y, z), visibility, presence in zip(
                pose.screen.tolist(), pose.visibility.tolist(), pose.presence.tolist(), strict=True
            )
        ],
        world_landmarks=to_points(pose.world),
        placement=int(pose.placement),
        hip_center=PoseWithCovariance() if pose.hip_center is None else _to_pose(pose.hip_center, pose.world),
    )


def from_pose33(msg: Pose33) -> Pose:
    """Return the person in a message, without a mask."""
    screen = np.array([(p.x, p.y, p.z, p.visibility, p.presence) for p in msg.screen_landmarks], np.float32)
    return Pose(
        screen=screen[:, :3],
        visibility=screen[:, 3],
        presence=screen[:, 4],
        world=np.array([(p.x, p.y, p.z) for p in msg.world_landmarks], np.float32),
        score=msg.score,
        person_id=msg.person_id,
        status=Status(msg.status),
        hip_center=_from_pose(msg.hip_center, Placement(msg.placement)),
    )


def to_pose33_array(poses: Iterable[Pose33], header: Header) -> Pose33Array:
    """Return the people of one image as a message; there may be none."""
    return Pose33Array(header=header, poses=list(poses))


def to_joint_state(poses: Iterable[Pose], header: Header, visibility_threshold: float) -> JointState:
    """Return the angles of everybody's joints in radians, NaN where a limb is not seen.

    A joint's name ends with the person's id: ``left_elbow_flexion_1``.
    """
    msg = JointState(header=header)
    for pose in poses:
        angles = joint_angles(pose.world, pose.visibility, visibility_threshold)
        msg.name += [f"{name}_{pose.person_id}" for name in angles]
        msg.position.extend(angles.values())
    return msg


def to_points(points: NDArray) -> list[Point]:
    """Return (N, 3) coordinates as messages."""
    return [Point(x=x, y=y, z=z) for x, y, z in points.tolist()]


def to_quaternion(rotation: NDArray) -> Quaternion:
    """Return a (3, 3) rotation matrix as a message."""
    x, y, z, w = Rotation.from_matrix(rotation).as_quat().tolist()
    return Quaternion(x=x, y=y, z=z, w=w)


def pose_covariance(hip_center: HipCenter, world: NDArray) -> NDArray[np.float64]:
    """Return the covariance of geometry_msgs/PoseWithCovariance, (6, 6), of a body at a place."""
    covariance = np.zeros((6, 6))
    covariance[:3, :3] = hip_center.covariance
    covariance[3:, 3:] = body_axes_covariance(world)
    return covariance


def _to_pose(hip_center: HipCenter, world: NDArray) -> PoseWithCovariance:
    msg = PoseWithCovariance()
    msg.pose.position = to_points(hip_center.position[None])[0]
    msg.covariance = pose_covariance(hip_center, world).ravel()
    return msg


def _from_pose(msg: PoseWithCovariance, placement: Placement) -> HipCenter | None:
    if placement is Placement.NONE:
        return None
    position = msg.pose.position
    covariance = np.array(msg.covariance, float).reshape(6, 6)[:3, :3]
    return HipCenter(np.array([position.x, position.y, position.z]), covariance, placement)


_ENCAPSULATION = next(code for code, order in BYTE_ORDERS.items() if order == NATIVE) + bytes(2)
_UNTURNED = (0.0, 0.0, 0.0, 1.0)  # the orientation, a quaternion
_STAGES = ("transport", "waiting", "decoding", "inference", "publishing")  # in the order of Timing
_NOWHERE = np.zeros(3)
_NO_COVARIANCE = np.zeros((6, 6))


def serialize_pose33(pose: Pose, header: Header, frame: Frame, complexity: ModelComplexity) -> bytes:
    """Return one person as a serialised Pose33 with its image's header and size."""
    writer = _CdrWriter()
    _write_pose(writer, pose, header, frame, complexity)
    return bytes(writer.message)


def serialize_pose33_array(
    poses: Sequence[Pose], header: Header, frame: Frame, complexity: ModelComplexity
) -> bytes:
    """Return the people of one image as a serialised Pose33Array; there may be none."""
    writer = _CdrWriter()
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
    writer = _CdrWriter()
    writer.header(header)
    writer.numbers("Q", received)
    writer.numbers("5f", *(laps_ms.get(stage, 0.0) for stage in _STAGES))
    return bytes(writer.message)


def _write_pose(
    writer: _CdrWriter, pose: Pose, header: Header, frame: Frame, complexity: ModelComplexity
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


class _CdrWriter:
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
