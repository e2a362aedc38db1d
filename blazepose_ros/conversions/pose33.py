# SPDX-License-Identifier: Apache-2.0
"""Poses as serialized Pose33 messages and back.

Messages are written as bytes, in a fraction of the time that message objects take.
rclpy's ``deserialize_message`` makes an object where one is needed.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import numpy as np
from geometry_msgs.msg import Point, PoseWithCovariance, Quaternion
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation
from sensor_msgs.msg import JointState
from std_msgs.msg import Header

from blazepose_ros.conversions.cdr import CdrWriter
from blazepose_ros.core.body_frame import body_axes_covariance
from blazepose_ros.core.diagnostics.statistics import STAGES
from blazepose_ros.core.joint_angles import joint_angles
from blazepose_ros.core.types import Frame, HipCenter, ModelComplexity, Placement, Pose, Status
from blazepose_ros.msg import Pose33


def from_pose33(msg: Pose33) -> Pose:
    """Return the person in a message; a message has no mask."""
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


def to_joint_state(poses: Iterable[Pose], header: Header, visibility_threshold: float) -> JointState:
    """Return the angles of all people's joints in radians, NaN where a limb is not visible.

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
    """Return the covariance (6, 6) of a body's position and rotation, as PoseWithCovariance has it."""
    covariance = np.zeros((6, 6))
    covariance[:3, :3] = hip_center.covariance
    covariance[3:, 3:] = body_axes_covariance(world)
    return covariance


def _from_pose(msg: PoseWithCovariance, placement: Placement) -> HipCenter | None:
    if placement is Placement.NONE:
        return None
    position = msg.pose.position
    covariance = np.array(msg.covariance, float).reshape(6, 6)[:3, :3]
    return HipCenter(np.array([position.x, position.y, position.z]), covariance, placement)


_NO_ROTATION = (0.0, 0.0, 0.0, 1.0)  # a quaternion
_NO_POSITION = np.zeros(3)
_NO_COVARIANCE = np.zeros((6, 6))


def serialize_pose33(pose: Pose, header: Header, frame: Frame, complexity: ModelComplexity) -> bytes:
    """Return one person as a serialized Pose33 with its image's header and size."""
    writer = CdrWriter()
    _write_pose(writer, pose, header, frame, complexity)
    return bytes(writer.message)


def serialize_pose33_array(
    poses: Sequence[Pose], header: Header, frame: Frame, complexity: ModelComplexity
) -> bytes:
    """Return the people of one image as a serialized Pose33Array; there may be none."""
    writer = CdrWriter()
    writer.header(header)
    writer.numbers("I", len(poses))
    for pose in poses:
        _write_pose(writer, pose, header, frame, complexity)
    return bytes(writer.message)


def serialize_timing(laps_ms: Mapping[str, float], received: int, header: Header) -> bytes:
    """Return how long the stages of an image took as a serialized Timing, 0 for one that did not run.

    Args:
        laps_ms: milliseconds by stage.
        received: the image's number.
        header: the image's.
    """
    writer = CdrWriter()
    writer.header(header)
    writer.numbers("Q", received)
    writer.numbers("5f", *(laps_ms.get(stage, 0.0) for stage in STAGES))
    return bytes(writer.message)


def _write_pose(
    writer: CdrWriter, pose: Pose, header: Header, frame: Frame, complexity: ModelComplexity
) -> None:
    writer.header(header)
    writer.numbers(
        "IB3xfB3xII", pose.person_id, pose.status, pose.score, complexity, frame.width, frame.height
    )
    # Side by side: x, y, z, visibility and presence of each landmark.
    landmarks = (pose.screen, pose.visibility[:, None], pose.presence[:, None])
    writer.array(np.concatenate(landmarks, axis=1), np.float32)
    writer.array(pose.world, np.float64)
    writer.numbers("B", pose.placement)
    hips = pose.hip_center
    writer.array(_NO_POSITION if hips is None else hips.position, np.float64)
    writer.numbers("4d", *_NO_ROTATION)
    covariance = _NO_COVARIANCE if hips is None else pose_covariance(hips, pose.world)
    writer.array(covariance, np.float64)
