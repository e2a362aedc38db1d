# SPDX-License-Identifier: Apache-2.0
"""People in TF: frames for their hips, bodies, landmarks and limbs, and themselves in another frame."""

from __future__ import annotations

import copy
from collections.abc import Iterable, Iterator

import numpy as np
from geometry_msgs.msg import Pose as PoseMessage
from geometry_msgs.msg import Quaternion, TransformStamped, Vector3
from numpy.typing import NDArray
from std_msgs.msg import Header
from tf2_msgs.msg import TFMessage
from visualization_msgs.msg import Marker, MarkerArray

from blazepose_ros.conversions.hri import hri_id
from blazepose_ros.conversions.pose33 import to_points, to_quaternion
from blazepose_ros.core.body_frame import body_axes
from blazepose_ros.core.landmarks import Landmark
from blazepose_ros.core.limb_frames import limb_frames, origin
from blazepose_ros.core.transforms import Rigid, matrix_of, quaternion_of
from blazepose_ros.core.types import HipCenter, Pose, covariance_matrices, upper_triangle
from blazepose_ros.msg import Pose33, Pose33Array


def to_tf_message(
    poses: Iterable[Pose],
    header: Header,
    *,
    prefix: str = "",
    landmark_visibility: float | None = None,
    limb_visibility: float | None = None,
    hri: bool = False,
) -> TFMessage:
    """Return the frames of all people who are placed, with the image's stamp.

    Args:
        poses: the people in one image.
        header: the image's; its frame_id is the parent.
        prefix: precedes the name of every child frame.
        landmark_visibility: minimum visibility of a landmark that gets a frame; None for no landmarks.
        limb_visibility: minimum visibility of the landmarks of a limb that gets a frame; None for no limbs.
        hri: whether each body gets a second frame with its REP-155 name.
    """
    transforms: list[TransformStamped] = []
    for pose in poses:
        if pose.hip_center is not None:
            transforms += _frames(pose, pose.hip_center, header, prefix, hri)
            transforms += _parts(pose, header, prefix, landmark_visibility, limb_visibility)
    return TFMessage(transforms=transforms)


def _frames(
    pose: Pose,
    center: HipCenter,
    header: Header,
    prefix: str,
    hri: bool,
) -> Iterator[TransformStamped]:
    hip_center = f"{prefix}hip_center_{pose.person_id}"
    yield _transform(header, header.frame_id, hip_center, center.position, Quaternion(w=1.0))
    axes = body_axes(pose.world)
    if axes is None:
        return
    body = f"{prefix}body_{pose.person_id}"
    yield _transform(header, header.frame_id, body, center.position, to_quaternion(axes))
    if hri:
        yield _transform(
            header, body, f"{prefix}body_{hri_id(pose.person_id)}", np.zeros(3), Quaternion(w=1.0)
        )


def _parts(
    pose: Pose,
    header: Header,
    prefix: str,
    landmark_visibility: float | None,
    limb_visibility: float | None,
) -> Iterator[TransformStamped]:
    """Yield the frames of landmarks and limbs, below the body's."""
    if landmark_visibility is None and limb_visibility is None:
        return
    axes = body_axes(pose.world)
    if axes is None:
        return
    body, in_body = f"{prefix}body_{pose.person_id}", pose.world @ axes
    if landmark_visibility is not None:
        for landmark in Landmark:
            if pose.visibility[landmark] >= landmark_visibility:
                child = f"{prefix}{landmark.frame_name}_{pose.person_id}"
                yield _transform(header, body, child, in_body[landmark], Quaternion(w=1.0))
    if limb_visibility is not None:
        for limb, rotation in limb_frames(in_body, pose.visibility, limb_visibility).items():
            child = f"{prefix}{limb}_{pose.person_id}"
            yield _transform(header, body, child, origin(in_body, limb), to_quaternion(rotation))


def _transform(
    header: Header, parent: str, child: str, translation: NDArray, rotation: Quaternion
) -> TransformStamped:
    msg = TransformStamped(child_frame_id=child)
    msg.header = Header(stamp=header.stamp, frame_id=parent)
    x, y, z = translation.tolist()
    msg.transform.translation = Vector3(x=x, y=y, z=z)
    msg.transform.rotation = rotation
    return msg


def poses_in_frame(msg: Pose33Array, frame: str, camera: Rigid) -> Pose33Array:
    """Return people in another frame, given the camera's pose in it.

    ``screen_landmarks`` stay as they are; ``world_landmarks``, the velocity, which remains the one
    that the camera sees, and the covariances get the frame's axes.
    """
    header = Header(stamp=msg.header.stamp, frame_id=frame)
    return Pose33Array(header=header, poses=[_pose_in_frame(pose, frame, camera) for pose in msg.poses])


def _pose_in_frame(msg: Pose33, frame: str, camera: Rigid) -> Pose33:
    moved = copy.copy(msg)
    moved.header = Header(stamp=msg.header.stamp, frame_id=frame)
    world = np.array([(point.x, point.y, point.z) for point in msg.world_landmarks])
    moved.world_landmarks = to_points(world @ camera.rotation.T)
    moved.landmark_covariances = _triangles_rotated(msg.landmark_covariances, camera.rotation)
    moved.hip_center = copy.deepcopy(msg.hip_center)
    if msg.placement != Pose33.NONE:
        center = msg.hip_center.pose.position
        position = camera.rotation @ (center.x, center.y, center.z) + camera.translation
        moved.hip_center.pose.position = to_points(position[None])[0]
        moved.hip_center.covariance = _rotated(msg.hip_center.covariance, camera.rotation).ravel()
        velocity = msg.hip_velocity
        x, y, z = (camera.rotation @ (velocity.x, velocity.y, velocity.z)).tolist()
        moved.hip_velocity = Vector3(x=x, y=y, z=z)
        moved.hip_velocity_covariance = _triangles_rotated(msg.hip_velocity_covariance, camera.rotation)
    return moved


def markers_in_frame(msg: MarkerArray, frame: str, camera: Rigid) -> MarkerArray:
    """Return markers in another frame, given the camera's pose in it."""
    return MarkerArray(markers=[_marker_in_frame(marker, frame, camera) for marker in msg.markers])


def _marker_in_frame(marker: Marker, frame: str, camera: Rigid) -> Marker:
    moved = copy.copy(marker)
    moved.header = Header(stamp=marker.header.stamp, frame_id=frame)
    pose = camera @ _rigid_of(marker.pose)
    x, y, z, w = quaternion_of(pose.rotation).tolist()
    moved.pose = PoseMessage(
        position=to_points(pose.translation[None])[0], orientation=Quaternion(x=x, y=y, z=z, w=w)
    )
    return moved


def _rotated(covariance: NDArray, rotation: NDArray) -> NDArray[np.float64]:
    """Return a covariance (6, 6) of a position and of rotations in other axes."""
    both = np.kron(np.eye(2), rotation)
    return both @ np.reshape(np.asarray(covariance), (6, 6)) @ both.T


def _triangles_rotated(triangles: NDArray, rotation: NDArray) -> NDArray[np.float32]:
    """Return upper triangles of covariances, one after the other, in other axes."""
    matrices = covariance_matrices(np.asarray(triangles, float).reshape(-1, 6))
    return upper_triangle(rotation @ matrices @ rotation.T).astype(np.float32).ravel()


def _rigid_of(pose: PoseMessage) -> Rigid:
    """Return a marker's pose; an orientation of zeros is no rotation."""
    q, at = pose.orientation, pose.position
    numbers = [q.x, q.y, q.z, q.w]
    rotation = matrix_of(numbers) if any(numbers) else np.eye(3)
    return Rigid(rotation, np.array([at.x, at.y, at.z]))
