# SPDX-License-Identifier: Apache-2.0
"""Poses as RViz markers, in meters in the image's frame: no TF is needed to see them.

The colors are those of ``core.visualization.palette``. The joints of the person's right side are
cubes, all others spheres; those of face and fingers, which are close together, are smaller.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
from builtin_interfaces.msg import Duration
from geometry_msgs.msg import Point, Quaternion, Vector3
from numpy.typing import NDArray
from std_msgs.msg import ColorRGBA, Header
from visualization_msgs.msg import Marker, MarkerArray

from blazepose_ros.conversions.cdr import CdrWriter, stamp_ns
from blazepose_ros.conversions.pose33 import to_points
from blazepose_ros.core.landmarks import BONES, FACE_AND_FINGERS, RIGHT_SIDE, Landmark
from blazepose_ros.core.timestamps import NS_PER_S, FrameIntervalEstimator
from blazepose_ros.core.transforms import quaternion_of
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
    members: NDArray[np.intp]


def _landmarks(*, right: bool, small: bool) -> NDArray[np.intp]:
    """Return the landmarks of one side and size; the left side includes the middle."""
    return np.array(
        [each for each in Landmark if (each in RIGHT_SIDE, each in FACE_AND_FINGERS) == (right, small)]
    )


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
TEXT_COLOR = (1.0, 1.0, 1.0, 1.0)
CAMERA_NS = "camera_"
FRUSTUM_ENDS = 16  # of four edges and four sides
MAX_READ = 1000  # markers of a message: 32 people and some cameras have fewer
CAMERA_LINE_WIDTH_M = 0.012
CAMERA_COLOR = (0.90, 0.47, 0.08, 1.0)
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


_NO_POINTS, _NO_COLORS = np.empty((0, 3)), np.empty((0, 4))
_NO_HEADER = Header()


@dataclass
class _Shape:
    """A marker without header and lifetime, which all markers of an image share.

    Attributes:
        id: its number.
        type: what it is.
        scale: x, y and z, meters.
        position: x, y and z, meters.
        rotation: a quaternion.
        color: red, green, blue and opacity, 0 to 1; zeros where each point has its own.
        points: (N, 3), meters.
        colors: (N, 4), of the points.
        text: what is written.
        ns: the namespace.
        action: whether it is shown or deleted.
    """

    id: int
    type: int = Marker.ARROW
    scale: Sequence[float] = (0.0, 0.0, 0.0)
    position: Sequence[float] = (0.0, 0.0, 0.0)
    rotation: Sequence[float] = (0.0, 0.0, 0.0, 1.0)
    color: Sequence[float] = (0.0, 0.0, 0.0, 0.0)
    points: NDArray[np.float64] = field(default_factory=lambda: _NO_POINTS)
    colors: NDArray[np.float64] = field(default_factory=lambda: _NO_COLORS)
    text: str = ""
    ns: str = ""
    action: int = Marker.ADD

    def message(self, header: Header, lifetime: Duration) -> Marker:
        """Return it as a message."""
        marker = Marker(header=header, ns=self.ns, id=self.id, type=self.type, action=self.action)
        (x, y, z), (qx, qy, qz, qw) = self.position, self.rotation
        marker.pose.position = Point(x=x, y=y, z=z)
        marker.pose.orientation = Quaternion(x=qx, y=qy, z=qz, w=qw)
        x, y, z = self.scale
        marker.scale = Vector3(x=x, y=y, z=z)
        (marker.color,) = _to_colors([self.color])
        marker.points, marker.colors = to_points(self.points), _to_colors(self.colors.tolist())
        marker.lifetime, marker.text = lifetime, self.text
        return marker

    def write(self, writer: CdrWriter, header: Header, lifetime: Duration) -> None:
        """Append it to a message."""
        writer.header(header)
        writer.string(self.ns)
        writer.numbers("3i", self.id, self.type, self.action)
        writer.numbers("10d", *self.position, *self.rotation, *self.scale)
        writer.numbers("4fiI", *self.color, lifetime.sec, lifetime.nanosec)
        writer.numbers("B", 0)  # frame_locked
        for values, kind in ((self.points, np.float64), (self.colors, np.float32)):
            writer.numbers("I", len(values))
            if len(values):
                writer.array(values, kind)
        writer.string("")  # no texture, which is an image: a header, a format and bytes
        writer.header(_NO_HEADER)
        writer.string("")
        writer.numbers("II", 0, 0)  # no bytes, no coordinates in a texture
        writer.string(self.text)
        writer.string("")  # no mesh, nor a file of one: a name and bytes
        writer.string("")
        writer.numbers("I", 0)
        writer.numbers("B", 0)  # whose materials are not used


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
        shapes = self._shapes(poses, header, visibility_threshold, cameras)
        lifetime = self._lifetime()
        return MarkerArray(markers=[shape.message(header, lifetime) for shape in shapes])

    def serialized(
        self,
        poses: Sequence[Pose],
        header: Header,
        visibility_threshold: float,
        cameras: Iterable[SceneCamera] = (),
    ) -> bytes:
        """Return what `update` returns, serialized, in a fraction of the time that message objects take."""
        shapes = self._shapes(poses, header, visibility_threshold, cameras)
        lifetime, writer = self._lifetime(), CdrWriter()
        writer.numbers("I", len(shapes))
        for shape in shapes:
            shape.write(writer, header, lifetime)
        return bytes(writer.message)

    def _shapes(
        self,
        poses: Sequence[Pose],
        header: Header,
        visibility_threshold: float,
        cameras: Iterable[SceneCamera],
    ) -> list[_Shape]:
        self._interval.add(stamp_ns(header))
        added = [
            shape
            for pose in poses
            if pose.hip_center is not None
            for shape in _person(pose, pose.hip_center, visibility_threshold)
        ]
        added += [shape for camera in cameras for shape in _camera(camera)]
        shown = {(shape.ns, shape.id) for shape in added}
        deleted = [
            _Shape(number, ns=namespace, action=Marker.DELETE)
            for namespace, number in sorted(self._shown - shown)
        ]
        self._shown = shown
        return deleted + added

    def _lifetime(self) -> Duration:
        return _lifetime(self._interval.interval_s)


def _lifetime(interval_s: float) -> Duration:
    """Return the lifetime of markers for images with this interval between them."""
    lifetime_s = UNKNOWN_LIFETIME_S
    if math.isfinite(interval_s):
        lifetime_s = min(max(LIFETIME_IMAGES * interval_s, MIN_LIFETIME_S), MAX_LIFETIME_S)
    seconds, nanoseconds = divmod(round(lifetime_s * NS_PER_S), NS_PER_S)
    return Duration(sec=seconds, nanosec=nanoseconds)


def _person(pose: Pose, hips: HipCenter, visibility_threshold: float) -> Iterator[_Shape]:
    """Yield the markers of a person."""
    points = pose.world + hips.position
    colors = landmark_colors(pose, visibility_threshold)
    shapes = (
        *_joints(points, colors),
        *_bones(points, colors),
        *_label_marker(pose, points),
        *_uncertainty(hips),
    )
    for shape in shapes:
        shape.ns = f"person_{pose.person_id}"
        yield shape


def _camera(camera: SceneCamera) -> Iterator[_Shape]:
    """Yield a camera's frustum and name; nothing for a lens of all around."""
    center, *corners = points = camera.corners()
    if not np.isfinite(points).all():
        return
    ends = [end for corner in corners for end in (center, corner)]
    ends += [end for side in zip(corners, [*corners[1:], corners[0]], strict=True) for end in side]
    namespace, lines = f"{CAMERA_NS}{camera.name}", Marker.LINE_LIST
    width = (CAMERA_LINE_WIDTH_M, 0.0, 0.0)
    yield _Shape(FRUSTUM_ID, lines, width, color=CAMERA_COLOR, points=np.array(ends), ns=namespace)
    yield _text(camera.name, center, namespace)


def _text(text: str, at: NDArray, namespace: str = "") -> _Shape:
    return _Shape(
        LABEL_ID,
        Marker.TEXT_VIEW_FACING,
        (0.0, 0.0, TEXT_HEIGHT_M),
        at.tolist(),
        color=TEXT_COLOR,
        text=text,
        ns=namespace,
    )


def read_frusta(msg: MarkerArray) -> dict[str, NDArray[np.float64]]:
    """Return the cameras' frusta among markers, by name: the ends of their lines, (lines, 2, 3), meters."""
    frusta = {}
    for marker in msg.markers[:MAX_READ]:
        if marker.ns.startswith(CAMERA_NS) and marker.id == FRUSTUM_ID and len(marker.points) == FRUSTUM_ENDS:
            ends = np.array([(end.x, end.y, end.z) for end in marker.points])
            frusta[marker.ns.removeprefix(CAMERA_NS)] = ends.reshape(-1, 2, 3)
    return frusta


def _joints(points: NDArray, colors: NDArray) -> Iterator[_Shape]:
    is_known = np.isfinite(points).all(axis=1)
    for number, shape, size_m, members in JOINTS:
        known = members[is_known[members]]
        if known.size:
            yield _Shape(number, shape, (size_m,) * 3, points=points[known], colors=colors[known])


def _bones(points: NDArray, colors: NDArray) -> Iterator[_Shape]:
    known = BONE_ENDS[np.isfinite(points[BONE_ENDS]).all(axis=(1, 2))].ravel()
    if known.size:
        width = (BONE_WIDTH_M, 0.0, 0.0)
        yield _Shape(BONES_ID, Marker.LINE_LIST, width, points=points[known], colors=colors[known])


def _label_marker(pose: Pose, points: NDArray) -> Iterator[_Shape]:
    head = pose.world[HEAD].mean(axis=0)
    at = points[HEAD].mean(axis=0) + TEXT_ABOVE_M * head / (np.linalg.norm(head) or 1.0)
    text = label(pose)
    if text and np.isfinite(at).all():
        yield _text(text, at)


def _uncertainty(hips: HipCenter) -> Iterator[_Shape]:
    """Yield an ellipsoid around the hips of one standard deviation to each side."""
    if not (np.isfinite(hips.covariance).all() and np.isfinite(hips.position).all()):
        return
    variances, axes = np.linalg.eigh(hips.covariance)
    axes[:, 0] *= np.linalg.det(axes)  # a rotation, not a reflection
    deviations_m = np.sqrt(np.maximum(variances, MIN_DEVIATION_M**2))
    red, green, blue, _ = depth_colors(np.zeros(1))[0].tolist()
    yield _Shape(
        UNCERTAINTY_ID,
        Marker.SPHERE,
        (2 * deviations_m).tolist(),
        hips.position.tolist(),
        quaternion_of(axes).tolist(),
        (red, green, blue, UNCERTAINTY_ALPHA),
    )


def _to_colors(colors: Iterable[Sequence[float]]) -> list[ColorRGBA]:
    return [ColorRGBA(r=r, g=g, b=b, a=a) for r, g, b, a in colors]
