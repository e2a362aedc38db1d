# SPDX-License-Identifier: Apache-2.0
"""Poses as RViz markers, in meters in the image's frame: no TF is needed to see them.

The colors are those of ``core.visualization.palette``. The joints of the person's right side are
cubes, all others spheres; those of face and fingers, which are close together, are smaller.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

import numpy as np
from builtin_interfaces.msg import Duration
from geometry_msgs.msg import Point, Vector3
from numpy.typing import NDArray
from std_msgs.msg import ColorRGBA, Header
from visualization_msgs.msg import Marker, MarkerArray

from blazepose_ros.conversions.cdr import stamp_ns
from blazepose_ros.conversions.pose33 import to_points, to_quaternion
from blazepose_ros.core.landmarks import BONES, FACE_AND_FINGERS, RIGHT_SIDE, Landmark
from blazepose_ros.core.timestamps import NS_PER_S, FrameIntervalEstimator
from blazepose_ros.core.types import HipCenter, Pose
from blazepose_ros.core.visualization.palette import depth_colors, label, landmark_colors
from blazepose_ros.core.visualization.scene_view import SceneCamera


class _JointGroup(NamedTuple):
    """Joints that look alike.

    Attributes:
        number: the marker's id.
        shape: its type.
        size_m: the diameter or the length of an edge.
        members: the landmarks.
    """

    number: int
    shape: int
    size_m: float
    members: list[Landmark]


def _landmarks(*, right: bool, small: bool) -> list[Landmark]:
    """Return the landmarks of one side and size; the left side includes the middle."""
    return [each for each in Landmark if (each in RIGHT_SIDE, each in FACE_AND_FINGERS) == (right, small)]


JOINTS = (
    _JointGroup(0, Marker.SPHERE_LIST, 0.055, _landmarks(right=False, small=False)),
    _JointGroup(1, Marker.CUBE_LIST, 0.055, _landmarks(right=True, small=False)),
    _JointGroup(2, Marker.SPHERE_LIST, 0.020, _landmarks(right=False, small=True)),
    _JointGroup(3, Marker.CUBE_LIST, 0.018, _landmarks(right=True, small=True)),
)
BONES_ID, LABEL_ID, UNCERTAINTY_ID, FRUSTUM_ID = 4, 5, 6, 7

BONE_WIDTH_M = 0.018
BONE_ENDS = np.array(BONES)

TEXT_HEIGHT_M = 0.1
TEXT_COLOR = ColorRGBA(r=1.0, g=1.0, b=1.0, a=1.0)
CAMERA_NS = "camera_"
FRUSTUM_ENDS = 16  # of four edges and four sides
MAX_READ = 1000  # markers of a message: 32 people and some cameras have fewer
CAMERA_LINE_WIDTH_M = 0.012
CAMERA_COLOR = ColorRGBA(r=0.90, g=0.47, b=0.08, a=1.0)
# From the middle of the head to the text, away from the hips.
TEXT_ABOVE_M = 0.3
HEAD = [Landmark.NOSE, Landmark.LEFT_EAR, Landmark.RIGHT_EAR]

# The ellipsoid's half axes are one standard deviation; RViz draws nothing of no width at all.
MIN_DEVIATION_M = 0.001
UNCERTAINTY_ALPHA = 0.25

# A running node deletes markers itself; those of a node that died expire after some images.
LIFETIME_IMAGES = 5
MIN_LIFETIME_S, MAX_LIFETIME_S = 0.5, 10.0
UNKNOWN_LIFETIME_S = 1.0


class MarkerArrays:
    """Makes one MarkerArray for each image, which deletes the markers that are no longer shown."""

    def __init__(self) -> None:
        self._shown: set[tuple[str, int]] = set()
        self._interval = FrameIntervalEstimator()

    def update(
        self,
        poses: Sequence[Pose],
        header: Header,
        visibility_threshold: float,
        cameras: Iterable[SceneCamera] = (),
    ) -> MarkerArray:
        """Return markers for the people who are placed, and for cameras, one namespace each."""
        self._interval.add(stamp_ns(header))
        added = [
            marker
            for pose in poses
            if pose.hip_center is not None
            for marker in _person(pose, pose.hip_center, visibility_threshold)
        ]
        added += [marker for camera in cameras for marker in _camera(camera)]
        lifetime = _lifetime(self._interval.interval_s)
        for marker in added:
            marker.header, marker.lifetime = header, lifetime
        shown = {(marker.ns, marker.id) for marker in added}
        deleted = [
            Marker(header=header, ns=namespace, id=number, action=Marker.DELETE)
            for namespace, number in sorted(self._shown - shown)
        ]
        self._shown = shown
        return MarkerArray(markers=deleted + added)


def _lifetime(interval_s: float) -> Duration:
    """Return the lifetime of markers for images with this interval between them."""
    lifetime_s = UNKNOWN_LIFETIME_S
    if math.isfinite(interval_s):
        lifetime_s = min(max(LIFETIME_IMAGES * interval_s, MIN_LIFETIME_S), MAX_LIFETIME_S)
    seconds, nanoseconds = divmod(round(lifetime_s * NS_PER_S), NS_PER_S)
    return Duration(sec=seconds, nanosec=nanoseconds)


def _person(pose: Pose, hips: HipCenter, visibility_threshold: float) -> Iterator[Marker]:
    """Yield the markers of a person, without header and lifetime."""
    points = pose.world + hips.position
    colors = landmark_colors(pose, visibility_threshold)
    markers = (
        *_joints(points, colors),
        *_bones(points, colors),
        *_label_marker(pose, points),
        *_uncertainty(hips),
    )
    for marker in markers:
        marker.ns = f"person_{pose.person_id}"
        yield marker


def _camera(camera: SceneCamera) -> Iterator[Marker]:
    """Yield a camera's frustum and name, without header and lifetime; nothing for a lens of all around."""
    center, *corners = points = camera.corners()
    if not np.isfinite(points).all():
        return
    ends = [end for corner in corners for end in (center, corner)]
    ends += [end for side in zip(corners, [*corners[1:], corners[0]], strict=True) for end in side]
    frustum = Marker(id=FRUSTUM_ID, type=Marker.LINE_LIST, color=CAMERA_COLOR)
    frustum.scale.x = CAMERA_LINE_WIDTH_M
    frustum.points = to_points(np.array(ends))
    name = Marker(id=LABEL_ID, type=Marker.TEXT_VIEW_FACING, text=camera.name, color=TEXT_COLOR)
    name.scale.z = TEXT_HEIGHT_M
    name.pose.position = _point(center)
    for marker in (frustum, name):
        marker.ns = f"{CAMERA_NS}{camera.name}"
        yield marker


def read_frusta(msg: MarkerArray) -> dict[str, NDArray[np.float64]]:
    """Return the cameras' frusta among markers, by name: the ends of their lines, (lines, 2, 3), meters."""
    frusta = {}
    for marker in msg.markers[:MAX_READ]:
        if marker.ns.startswith(CAMERA_NS) and marker.id == FRUSTUM_ID and len(marker.points) == FRUSTUM_ENDS:
            ends = np.array([(end.x, end.y, end.z) for end in marker.points])
            frusta[marker.ns.removeprefix(CAMERA_NS)] = ends.reshape(-1, 2, 3)
    return frusta


def _joints(points: NDArray, colors: NDArray) -> Iterator[Marker]:
    for number, shape, size_m, members in JOINTS:
        known = [member for member in members if np.isfinite(points[member]).all()]
        if known:
            marker = Marker(id=number, type=shape, scale=Vector3(x=size_m, y=size_m, z=size_m))
            yield _filled(marker, points[known], colors[known])


def _bones(points: NDArray, colors: NDArray) -> Iterator[Marker]:
    known = BONE_ENDS[np.isfinite(points[BONE_ENDS]).all(axis=(1, 2))].ravel()
    if known.size:
        marker = Marker(id=BONES_ID, type=Marker.LINE_LIST, scale=Vector3(x=BONE_WIDTH_M))
        yield _filled(marker, points[known], colors[known])


def _filled(marker: Marker, points: NDArray, colors: NDArray) -> Marker:
    marker.points = to_points(points)
    marker.colors = [ColorRGBA(r=r, g=g, b=b, a=a) for r, g, b, a in colors.tolist()]
    return marker


def _label_marker(pose: Pose, points: NDArray) -> Iterator[Marker]:
    head = pose.world[HEAD].mean(axis=0)
    at = points[HEAD].mean(axis=0) + TEXT_ABOVE_M * head / (np.linalg.norm(head) or 1.0)
    text = label(pose)
    if text and np.isfinite(at).all():
        marker = Marker(id=LABEL_ID, type=Marker.TEXT_VIEW_FACING, text=text, color=TEXT_COLOR)
        marker.scale.z = TEXT_HEIGHT_M
        marker.pose.position = _point(at)
        yield marker


def _uncertainty(hips: HipCenter) -> Iterator[Marker]:
    """Yield an ellipsoid around the hips of one standard deviation to each side."""
    if not (np.isfinite(hips.covariance).all() and np.isfinite(hips.position).all()):
        return
    variances, axes = np.linalg.eigh(hips.covariance)
    axes[:, 0] *= np.linalg.det(axes)  # a rotation, not a reflection
    deviations_m = np.sqrt(np.maximum(variances, MIN_DEVIATION_M**2))
    marker = Marker(id=UNCERTAINTY_ID, type=Marker.SPHERE, scale=_vector(2 * deviations_m))
    marker.pose.position = _point(hips.position)
    marker.pose.orientation = to_quaternion(axes)
    red, green, blue, _ = depth_colors(np.zeros(1))[0].tolist()
    marker.color = ColorRGBA(r=red, g=green, b=blue, a=UNCERTAINTY_ALPHA)
    yield marker


def _point(xyz: NDArray) -> Point:
    return to_points(xyz[None])[0]


def _vector(xyz: NDArray) -> Vector3:
    x, y, z = xyz.tolist()
    return Vector3(x=x, y=y, z=z)
