# SPDX-License-Identifier: Apache-2.0
"""Gestures as messages, and the rays of those who point as RViz markers."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from builtin_interfaces.msg import Duration, Time
from geometry_msgs.msg import Point, PointStamped, Vector3
from numpy.typing import NDArray
from std_msgs.msg import ColorRGBA, Header
from visualization_msgs.msg import Marker, MarkerArray

from blazepose_ros.conversions.pose33 import to_points
from blazepose_ros.core.gestures.recognizer import Ray, ShownGesture, floor_point
from blazepose_ros.core.timestamps import NS_PER_S
from blazepose_ros.core.transforms import Rigid
from blazepose_ros.msg import Gesture

NAMESPACE = "pointing"
# A ray is shown as an arrow of this length, or as far as the floor.
RAY_M = 3.0
SHAFT_M, HEAD_M, HEAD_LENGTH_M = 0.02, 0.05, 0.1
COLOR = ColorRGBA(r=1.0, g=0.6, b=0.0, a=0.9)
# A running node deletes markers itself; those of a node that died expire.
LIFETIME = Duration(sec=2)

UNKNOWN = np.full(3, np.nan)


@dataclass(frozen=True)
class TargetFloor:
    """The plane z = 0 of a frame.

    Attributes:
        frame: its name.
        pose: that of the people's frame in it.
    """

    frame: str
    pose: Rigid


def to_gesture(shown: ShownGesture, ray: Ray | None, header: Header, floor: TargetFloor | None) -> Gesture:
    """Return a gesture as a message.

    Args:
        shown: the gesture.
        ray: of one who points.
        header: of the people.
        floor: where the ray may meet it; None where that is not known.
    """
    seconds, nanoseconds = divmod(shown.since_ns, NS_PER_S)
    return Gesture(
        person_id=shown.person_id,
        gesture=int(shown.kind),
        side=int(shown.side),
        confidence=shown.confidence,
        since=Time(sec=seconds, nanosec=nanoseconds),
        origin=to_points((UNKNOWN if ray is None else ray.origin)[None])[0],
        direction=_vector(UNKNOWN if ray is None else ray.direction),
        floor_point=PointStamped() if ray is None or floor is None else _on_floor(ray, header, floor),
    )


def _on_floor(ray: Ray, header: Header, floor: TargetFloor) -> PointStamped:
    rotation = floor.pose.rotation
    point = floor_point(Ray(rotation @ ray.origin + floor.pose.translation, rotation @ ray.direction))
    if point is None:
        return PointStamped()
    return PointStamped(
        header=Header(stamp=header.stamp, frame_id=floor.frame), point=to_points(point[None])[0]
    )


class RayMarkers:
    """Makes a MarkerArray for each image, which deletes the rays of those who do not point any more."""

    def __init__(self) -> None:
        self._shown: set[int] = set()

    def update(self, gestures: Sequence[Gesture], header: Header) -> MarkerArray:
        """Return an arrow for each who points and is placed."""
        arrows = [
            _arrow(each, header)
            for each in gestures
            if each.gesture == Gesture.POINTING and math.isfinite(each.origin.x)
        ]
        shown = {arrow.id for arrow in arrows}
        deleted = [
            Marker(header=header, ns=NAMESPACE, id=number, action=Marker.DELETE)
            for number in sorted(self._shown - shown)
        ]
        self._shown = shown
        return MarkerArray(markers=deleted + arrows)


def _arrow(gesture: Gesture, header: Header) -> Marker:
    origin, direction = gesture.origin, gesture.direction
    end = Point(
        x=origin.x + RAY_M * direction.x,
        y=origin.y + RAY_M * direction.y,
        z=origin.z + RAY_M * direction.z,
    )
    number = 2 * gesture.person_id + (gesture.side == Gesture.RIGHT)
    return Marker(
        header=header,
        ns=NAMESPACE,
        id=number % 2**31,
        type=Marker.ARROW,
        points=[origin, end],
        scale=Vector3(x=SHAFT_M, y=HEAD_M, z=HEAD_LENGTH_M),
        color=COLOR,
        lifetime=LIFETIME,
    )


def _vector(xyz: NDArray) -> Vector3:
    x, y, z = xyz.tolist()
    return Vector3(x=x, y=y, z=z)
