# SPDX-License-Identifier: Apache-2.0
"""People and their markers in a frame of the robot instead of the camera's."""

from __future__ import annotations

import copy

import numpy as np
from geometry_msgs.msg import Pose, Quaternion, TransformStamped
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation
from std_msgs.msg import Header
from tf2_msgs.msg import TFMessage
from visualization_msgs.msg import Marker, MarkerArray

from blazepose_ros.conversions.cdr import stamp_ns
from blazepose_ros.conversions.pose33 import to_points
from blazepose_ros.conversions.tf_buffer import Rigid, TfBuffer
from blazepose_ros.msg import Pose33, Pose33Array


def remember(tree: TfBuffer, msg: TFMessage, *, static: bool) -> None:
    """Add the transforms of a message from /tf or /tf_static to a tree."""
    for transform in msg.transforms:
        if (pose := _rigid(transform)) is not None:
            stamp = None if static else stamp_ns(transform.header)
            tree.insert(
                transform.header.frame_id.lstrip("/"), transform.child_frame_id.lstrip("/"), pose, stamp
            )


def poses_in_frame(msg: Pose33Array, frame: str, camera: Rigid) -> Pose33Array:
    """Return people in another frame, given the camera's pose in it.

    ``screen_landmarks`` stay as they are; ``world_landmarks`` get the frame's axes.
    """
    header = Header(stamp=msg.header.stamp, frame_id=frame)
    return Pose33Array(header=header, poses=[_pose_in_frame(pose, frame, camera) for pose in msg.poses])


def _pose_in_frame(msg: Pose33, frame: str, camera: Rigid) -> Pose33:
    moved = copy.copy(msg)
    moved.header = Header(stamp=msg.header.stamp, frame_id=frame)
    world = np.array([(point.x, point.y, point.z) for point in msg.world_landmarks])
    moved.world_landmarks = to_points(world @ camera.rotation.T)
    moved.hip_center = copy.deepcopy(msg.hip_center)
    if msg.placement != Pose33.NONE:
        center = msg.hip_center.pose.position
        position = camera.rotation @ (center.x, center.y, center.z) + camera.translation
        moved.hip_center.pose.position = to_points(position[None])[0]
        moved.hip_center.covariance = _rotated(msg.hip_center.covariance, camera.rotation).ravel()
    return moved


def markers_in_frame(msg: MarkerArray, frame: str, camera: Rigid) -> MarkerArray:
    """Return markers in another frame, given the camera's pose in it."""
    return MarkerArray(markers=[_marker_in_frame(marker, frame, camera) for marker in msg.markers])


def _marker_in_frame(marker: Marker, frame: str, camera: Rigid) -> Marker:
    moved = copy.copy(marker)
    moved.header = Header(stamp=marker.header.stamp, frame_id=frame)
    pose = camera @ _rigid_of(marker.pose)
    x, y, z, w = Rotation.from_matrix(pose.rotation).as_quat().tolist()
    moved.pose = Pose(
        position=to_points(pose.translation[None])[0], orientation=Quaternion(x=x, y=y, z=z, w=w)
    )
    return moved


def _rotated(covariance: NDArray, rotation: NDArray) -> NDArray[np.float64]:
    """Return a covariance (6, 6) of a position and of rotations in other axes."""
    both = np.kron(np.eye(2), rotation)
    return both @ np.reshape(np.asarray(covariance), (6, 6)) @ both.T


def _rigid(transform: TransformStamped) -> Rigid | None:
    """Return a transform, None for an invalid one, which tf2 ignores as well."""
    vector, q = transform.transform.translation, transform.transform.rotation
    numbers = np.array([vector.x, vector.y, vector.z, q.x, q.y, q.z, q.w])
    if not np.isfinite(numbers).all() or abs(np.linalg.norm(numbers[3:]) - 1.0) > 0.01:
        return None
    return Rigid(Rotation.from_quat(numbers[3:]).as_matrix(), numbers[:3])


def _rigid_of(pose: Pose) -> Rigid:
    """Return a marker's pose; an orientation of zeros is no rotation."""
    q, at = pose.orientation, pose.position
    numbers = [q.x, q.y, q.z, q.w]
    rotation = Rotation.from_quat(numbers).as_matrix() if any(numbers) else np.eye(3)
    return Rigid(rotation, np.array([at.x, at.y, at.z]))
