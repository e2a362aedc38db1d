# SPDX-License-Identifier: Apache-2.0
"""People in TF: frames for their hips, bodies, landmarks and limbs, and themselves in another frame."""

from __future__ import annotations

import copy
from collections.abc import Iterable
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np
from geometry_msgs.msg import Pose as PoseMessage
from geometry_msgs.msg import Quaternion, TransformStamped, Vector3
from numpy.typing import NDArray
from std_msgs.msg import Header
from tf2_msgs.msg import TFMessage
from visualization_msgs.msg import Marker, MarkerArray

from blazepose_ros.conversions.cdr import ENCAPSULATION, ENCAPSULATION_BYTES, CdrWriter
from blazepose_ros.conversions.hri import hri_id
from blazepose_ros.conversions.pose33 import to_points
from blazepose_ros.core.body_frame import body_axes
from blazepose_ros.core.landmarks import Landmark
from blazepose_ros.core.limb_frames import limb_frames, origin
from blazepose_ros.core.timestamps import NS_PER_S
from blazepose_ros.core.transforms import Rigid, matrix_of, quaternion_of
from blazepose_ros.core.types import Pose, covariance_matrices, upper_triangle
from blazepose_ros.msg import Pose33, Pose33Array

# x, y and z of a frame's origin in its parent, and the quaternion of its axes.
_Numbers = list[float]
_NO_ROTATION = [0.0, 0.0, 0.0, 1.0]


class PeopleFrames:
    """The frames of all people who are placed.

    Args:
        poses: the people in one image.
        frame_id: the parent.
        prefix: precedes the name of every child frame.
        landmark_visibility: minimum visibility of a landmark that gets a frame; None for no landmarks.
        limb_visibility: minimum visibility of the landmarks of a limb that gets a frame; None for no limbs.
        hri: whether each body gets a second frame with its REP-155 name.
    """

    def __init__(
        self,
        poses: Iterable[Pose],
        frame_id: str,
        *,
        prefix: str = "",
        landmark_visibility: float | None = None,
        limb_visibility: float | None = None,
        hri: bool = False,
    ) -> None:
        self._prefix = prefix
        self._landmark_visibility = landmark_visibility
        self._limb_visibility = limb_visibility
        self._names: list[tuple[str, str]] = []  # parent and child
        self._numbers: list[_Numbers] = []
        for pose in poses:
            if pose.hip_center is not None:
                self._add(pose, frame_id, pose.hip_center.position.tolist(), hri=hri)

    def __bool__(self) -> bool:
        """Whether there are any."""
        return bool(self._names)

    def message(self, header: Header) -> TFMessage:
        """Return them as a message with a header's stamp."""
        return TFMessage(
            transforms=[
                _transform(header, parent, child, numbers)
                for (parent, child), numbers in zip(self._names, self._numbers, strict=True)
            ]
        )

    def serialized(self, stamp_ns: int) -> bytes:
        """Return them as a serialized message, in a fraction of the time that message objects take."""
        layout = _layout(tuple(self._names))
        body = np.frombuffer(layout.template, np.int32).copy()
        body[layout.stamps], body[layout.stamps + 1] = divmod(stamp_ns, NS_PER_S)
        body.view(np.float64)[layout.numbers] = self._numbers
        return ENCAPSULATION + body.tobytes()[: layout.length]

    def _add(self, pose: Pose, frame_id: str, position: list[float], *, hri: bool) -> None:
        self._name(frame_id, f"{self._prefix}hip_center_{pose.person_id}", position)
        axes = body_axes(pose.world)
        if axes is None:
            return
        body = f"{self._prefix}body_{pose.person_id}"
        self._name(frame_id, body, position, quaternion_of(axes).tolist())
        if hri:
            self._name(body, f"{self._prefix}body_{hri_id(pose.person_id)}", [0.0, 0.0, 0.0])
        self._add_parts(pose, body, pose.world @ axes)

    def _add_parts(self, pose: Pose, body: str, in_body: NDArray) -> None:
        """Add the frames of landmarks and limbs, below the body's."""
        number = f"_{pose.person_id}"
        if self._landmark_visibility is not None:
            is_seen = (pose.visibility >= self._landmark_visibility).tolist()
            for name, seen, place in zip(_LANDMARK_FRAMES, is_seen, in_body.tolist(), strict=True):
                if seen:
                    self._name(body, f"{self._prefix}{name}{number}", place)
        if self._limb_visibility is not None:
            for limb, rotation in limb_frames(in_body, pose.visibility, self._limb_visibility).items():
                child = f"{self._prefix}{limb}{number}"
                self._name(body, child, origin(in_body, limb).tolist(), quaternion_of(rotation).tolist())

    def _name(self, parent: str, child: str, at: list[float], rotation: list[float] = _NO_ROTATION) -> None:
        self._names.append((parent, child))
        self._numbers.append(at + rotation)


_LANDMARK_FRAMES = [landmark.frame_name for landmark in Landmark]


class _Layout(NamedTuple):
    """Where the numbers of a serialized TFMessage are.

    Attributes:
        template: the message after its encapsulation, with zeros for all numbers, and at its end up to eight
            bytes.
        length: without those.
        stamps: (N,), of the stamps among numbers of four bytes.
        numbers: (N, 7), of the translations and quaternions among numbers of eight bytes.
    """

    template: bytes
    length: int
    stamps: NDArray[np.intp]
    numbers: NDArray[np.intp]


@lru_cache(maxsize=64)  # people come and go, and so do their landmarks
def _layout(names: tuple[tuple[str, str], ...]) -> _Layout:
    writer = CdrWriter()
    stamps, numbers = [], []
    writer.numbers("I", len(names))
    for parent, child in names:
        stamps.append(writer.align(4) // 4)
        writer.numbers("iI", 0, 0)
        writer.string(parent)
        writer.string(child)
        numbers.append(writer.align(8) // 8)
        writer.numbers("7d", *[0.0] * 7)
    length = writer.align(1)
    writer.align(8)
    template = bytes(writer.message[ENCAPSULATION_BYTES:])
    return _Layout(template, length, np.array(stamps), np.array(numbers)[:, None] + np.arange(7))


def _transform(header: Header, parent: str, child: str, numbers: _Numbers) -> TransformStamped:
    msg = TransformStamped(child_frame_id=child)
    msg.header = Header(stamp=header.stamp, frame_id=parent)
    x, y, z, *rotation = numbers
    msg.transform.translation = Vector3(x=x, y=y, z=z)
    x, y, z, w = rotation
    msg.transform.rotation = Quaternion(x=x, y=y, z=z, w=w)
    return msg


def to_tf_message(poses: Iterable[Pose], header: Header, **options: Any) -> TFMessage:
    """Return the frames of all people who are placed, with the image's stamp.

    Args:
        poses: the people in one image.
        header: the image's; its frame_id is the parent.
        options: those of `PeopleFrames`.
    """
    return PeopleFrames(poses, header.frame_id, **options).message(header)


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
