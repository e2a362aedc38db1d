"""Poses as RViz markers: joints as spheres, bones as lines, in metres in the image's frame."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from builtin_interfaces.msg import Duration
from numpy.typing import NDArray
from std_msgs.msg import ColorRGBA, Header
from visualization_msgs.msg import Marker, MarkerArray

from blazepose_ros.colors import landmark_colors
from blazepose_ros.landmarks import BONES
from blazepose_ros.messages import to_points
from blazepose_ros.pose import Pose

JOINT_DIAMETER_M = 0.04
BONE_WIDTH_M = 0.015

# For a node that dies: while it lives, it deletes markers itself.
LIFETIME = Duration(sec=1)

JOINTS_ID = 0
BONES_ID = 1
BONE_ENDS = np.array(BONES).ravel()


class MarkerArrays:
    """Makes one MarkerArray for each image, and deletes the markers of those who left."""

    def __init__(self) -> None:
        self._shown: set[str] = set()

    def update(self, poses: Sequence[Pose], header: Header, visibility_threshold: float) -> MarkerArray:
        """Return markers for the people who are placed, one namespace each."""
        shown: set[str] = set()
        markers: list[Marker] = []
        for pose in poses:
            if pose.hip_center is not None:
                namespace = f"person_{pose.person_id}"
                shown.add(namespace)
                points = pose.world + pose.hip_center.position
                markers += _skeleton(namespace, points, landmark_colors(pose, visibility_threshold), header)
        markers += [_deleted(namespace, header) for namespace in sorted(self._shown - shown)]
        self._shown = shown
        return MarkerArray(markers=markers)


def _skeleton(namespace: str, points: NDArray, colors: NDArray, header: Header) -> Iterator[Marker]:
    joints = Marker(header=header, ns=namespace, id=JOINTS_ID, type=Marker.SPHERE_LIST)
    joints.scale.x = joints.scale.y = joints.scale.z = JOINT_DIAMETER_M
    yield _filled(joints, points, colors)
    bones = Marker(header=header, ns=namespace, id=BONES_ID, type=Marker.LINE_LIST)
    bones.scale.x = BONE_WIDTH_M
    yield _filled(bones, points[BONE_ENDS], colors[BONE_ENDS])


def _filled(marker: Marker, points: NDArray, colors: NDArray) -> Marker:
    marker.pose.orientation.w = 1.0
    marker.lifetime = LIFETIME
    marker.points = to_points(points)
    marker.colors = [ColorRGBA(r=r, g=g, b=b, a=a) for r, g, b, a in colors.tolist()]
    return marker


def _deleted(namespace: str, header: Header) -> Marker:
    """Return the marker that removes a whole namespace."""
    return Marker(header=header, ns=namespace, action=Marker.DELETEALL)
