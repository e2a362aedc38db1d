# SPDX-License-Identifier: Apache-2.0
"""Poses as serialized Pose33 messages and back.

Messages are written as bytes, in a fraction of the time that message objects take.
rclpy's ``deserialize_message`` makes an object where one is needed.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from geometry_msgs.msg import Point, Quaternion
from numpy.typing import NDArray
from sensor_msgs.msg import JointState
from std_msgs.msg import Header

from blazepose_ros.conversions.cdr import CdrError, CdrReader, CdrWriter, SerializedMessage
from blazepose_ros.core.body_frame import TO_THE_IMAGES_TOP, body_axes_covariance
from blazepose_ros.core.diagnostics.statistics import STAGES
from blazepose_ros.core.joint_angles import joint_angles
from blazepose_ros.core.landmarks import NUM_LANDMARKS
from blazepose_ros.core.transforms import quaternion_of
from blazepose_ros.core.types import (
    NO_IMAGE,
    Frame,
    HipCenter,
    ImageSize,
    ModelComplexity,
    Placement,
    Pose,
    Status,
    covariance_matrices,
    upper_triangle,
)
from blazepose_ros.msg import Pose33

POSES_TYPE = "blazepose_ros/msg/Pose33Array"  # as the ROS graph and recordings name it


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
        hip_center=_hip_center(msg),
        landmark_covariances=np.array(msg.landmark_covariances, np.float32).reshape(NUM_LANDMARKS, 6),
        stature_m=msg.stature,
        stature_std_m=msg.stature_std,
    )


def to_joint_state(
    poses: Iterable[Pose],
    header: Header,
    visibility_threshold: float,
    up: Sequence[float] = TO_THE_IMAGES_TOP,
) -> JointState:
    """Return the angles of all people's joints in radians, NaN where a limb is not visible.

    A joint's name ends with the person's id: ``left_elbow_flexion_1``.

    Args:
        poses: the people in one image.
        header: the image's.
        visibility_threshold: landmarks below it are not seen.
        up: (3,), which way is upwards in the header's frame.
    """
    msg = JointState(header=header)
    for pose in poses:
        angles = joint_angles(pose.world, pose.visibility, visibility_threshold, up)
        msg.name += [f"{name}_{pose.person_id}" for name in angles]
        msg.position.extend(angles.values())
    return msg


def to_points(points: NDArray) -> list[Point]:
    """Return (N, 3) coordinates as messages."""
    return [Point(x=x, y=y, z=z) for x, y, z in points.tolist()]


def to_quaternion(rotation: NDArray) -> Quaternion:
    """Return a (3, 3) rotation matrix as a message."""
    x, y, z, w = quaternion_of(rotation).tolist()
    return Quaternion(x=x, y=y, z=z, w=w)


def pose_covariance(hip_center: HipCenter, world: NDArray) -> NDArray[np.float64]:
    """Return the covariance (6, 6) of a body's position and rotation, as PoseWithCovariance has it."""
    covariance = np.zeros((6, 6))
    covariance[:3, :3] = hip_center.covariance
    covariance[3:, 3:] = body_axes_covariance(world)
    return covariance


def _hip_center(msg: Pose33) -> HipCenter | None:
    if msg.placement == Pose33.NONE:
        return None
    position, velocity = msg.hip_center.pose.position, msg.hip_velocity
    return HipCenter(
        np.array([position.x, position.y, position.z]),
        np.array(msg.hip_center.covariance, float).reshape(6, 6)[:3, :3],
        Placement(msg.placement),
        np.array([velocity.x, velocity.y, velocity.z]),
        covariance_matrices(np.array(msg.hip_velocity_covariance, float)),
    )


@dataclass(frozen=True)
class PoseArray:
    """The people in a Pose33Array.

    Attributes:
        stamp_ns: of its header.
        frame_id: of its header.
        poses: the people.
        image: the size of the image; 0 x 0 where there is nobody.
        complexity: whose landmarks they are.
        unread: how many more people there are.
    """

    stamp_ns: int
    frame_id: str
    poses: tuple[Pose, ...]
    image: ImageSize
    complexity: ModelComplexity
    unread: int = 0


def read_pose33_array(serialized: SerializedMessage, most: int | None = None) -> PoseArray:
    """Return a serialized Pose33Array, in a fraction of the time that message objects take.

    Args:
        serialized: the message.
        most: how many people are read; None for all.

    Raises:
        CdrError: it ends too early, is not plain CDR, or holds values that no Pose33 has.
    """
    reader = CdrReader(serialized)
    origin_ns, frame_id, count = reader.stamp_ns(), reader.string(), reader.uint32()
    poses, image, complexity = [], NO_IMAGE, ModelComplexity.FULL
    number = count if most is None else min(count, most)
    for _ in range(number):
        try:
            pose, image, complexity = _read_pose(reader)
        except ValueError as err:  # an enum's value
            raise CdrError(str(err)) from err
        poses.append(pose)
    return PoseArray(origin_ns, frame_id, tuple(poses), image, complexity, count - number)


def _read_pose(reader: CdrReader) -> tuple[Pose, ImageSize, ModelComplexity]:
    reader.stamp_ns(), reader.string()  # those of the array
    person_id, status = reader.uint32(), Status(reader.uint8())
    (score,) = reader.array(1, np.float32)
    complexity = ModelComplexity(reader.uint8())
    image = ImageSize(*reader.uint32s(2))
    screen = reader.array(NUM_LANDMARKS * 5, np.float32).reshape(NUM_LANDMARKS, 5)
    world = reader.array(NUM_LANDMARKS * 3, np.float64).reshape(NUM_LANDMARKS, 3)
    placement = Placement(reader.uint8())
    numbers = reader.array(3 + 4 + 36 + 3, np.float64)
    velocity_covariance = covariance_matrices(reader.array(6, np.float32).astype(np.float64))
    landmark_covariances = reader.array(NUM_LANDMARKS * 6, np.float32).reshape(NUM_LANDMARKS, 6)
    stature_m, stature_std_m = reader.array(2, np.float32).tolist()
    hips = None
    if placement is not Placement.NONE:
        covariance = numbers[7:43].reshape(6, 6)[:3, :3]
        hips = HipCenter(numbers[:3], covariance, placement, numbers[43:], velocity_covariance)
    pose = Pose(
        screen[:, :3],
        screen[:, 3],
        screen[:, 4],
        world.astype(np.float32),
        float(score),
        person_id,
        hips,
        status=status,
        landmark_covariances=landmark_covariances,
        stature_m=stature_m,
        stature_std_m=stature_std_m,
    )
    return pose, image, complexity


_NO_ROTATION = (0.0, 0.0, 0.0, 1.0)  # a quaternion
_NO_POSITION = np.zeros(3)
_NO_COVARIANCE = np.zeros((6, 6))
_UNKNOWN_VELOCITY = np.full(3, np.nan)
_UNKNOWN_VELOCITY_COVARIANCE = np.full(6, np.nan)


def serialize_pose33(
    pose: Pose, header: Header, image: Frame | ImageSize, complexity: ModelComplexity
) -> bytes:
    """Return one person as a serialized Pose33 with its image's header and size."""
    writer = CdrWriter()
    _write_pose(writer, pose, header, image, complexity)
    return bytes(writer.message)


def serialize_pose33_array(
    poses: Sequence[Pose], header: Header, image: Frame | ImageSize, complexity: ModelComplexity
) -> bytes:
    """Return the people of one image as a serialized Pose33Array; there may be none."""
    writer = CdrWriter()
    writer.header(header)
    writer.numbers("I", len(poses))
    for pose in poses:
        _write_pose(writer, pose, header, image, complexity)
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
    writer: CdrWriter, pose: Pose, header: Header, image: Frame | ImageSize, complexity: ModelComplexity
) -> None:
    writer.header(header)
    writer.numbers(
        "IB3xfB3xII", pose.person_id, pose.status, pose.score, complexity, image.width, image.height
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
    writer.array(_UNKNOWN_VELOCITY if hips is None else hips.velocity, np.float64)
    triangle = _UNKNOWN_VELOCITY_COVARIANCE if hips is None else upper_triangle(hips.velocity_covariance)
    writer.array(triangle, np.float32)
    writer.array(pose.landmark_covariances, np.float32)
    writer.numbers("2f", pose.stature_m, pose.stature_std_m)
