# SPDX-License-Identifier: Apache-2.0
"""Gestures as messages: numbers as they are, NaN for what is not known, and rays that are deleted again."""

import math

import numpy as np
import pytest
from std_msgs.msg import Header
from support.figures import MAP
from visualization_msgs.msg import Marker

from blazepose_ros.conversions.gestures import RayMarkers, TargetFloor, to_gesture
from blazepose_ros.core.gestures.recognizer import Ray, ShownGesture
from blazepose_ros.core.gestures.rules import GestureKind, Side
from blazepose_ros.core.transforms import Rigid
from blazepose_ros.msg import Gesture

HEADER = Header(frame_id="camera")
POINTING = ShownGesture(7, GestureKind.POINTING, Side.RIGHT, 0.75, 3_000_000_001)
RAY = Ray(np.array([0.0, 0.0, 2.0]), np.array([0.0, 1.0, 0.0]))  # down in a camera's axes
FLOOR = TargetFloor("map", Rigid(MAP, np.array([0.0, 0.0, 1.5])))


def test_who_points_has_a_ray_and_a_place_on_the_floor() -> None:
    message = to_gesture(POINTING, RAY, HEADER, FLOOR)
    assert (message.person_id, message.gesture, message.side) == (7, Gesture.POINTING, Gesture.RIGHT)
    assert message.confidence == pytest.approx(0.75)
    assert (message.since.sec, message.since.nanosec) == (3, 1)
    assert (message.origin.z, message.direction.y) == (2.0, 1.0)
    assert message.floor_point.header.frame_id == "map"
    point = message.floor_point.point
    np.testing.assert_allclose([point.x, point.y, point.z], [2.0, 0.0, 0.0], atol=1e-9)


def test_others_have_none() -> None:
    message = to_gesture(POINTING, None, HEADER, FLOOR)
    assert math.isnan(message.origin.x)
    assert math.isnan(message.direction.x)
    assert message.floor_point.header.frame_id == ""


def test_a_ray_without_a_place_has_a_direction_and_no_floor() -> None:
    message = to_gesture(POINTING, Ray(np.full(3, np.nan), RAY.direction), HEADER, FLOOR)
    assert message.direction.y == 1.0
    assert message.floor_point.header.frame_id == ""
    assert RayMarkers().update([message], HEADER).markers == []


def test_the_marker_of_a_ray_is_deleted_when_it_ends() -> None:
    markers = RayMarkers()
    (arrow,) = markers.update([to_gesture(POINTING, RAY, HEADER, None)], HEADER).markers
    assert (arrow.action, arrow.type, arrow.id) == (Marker.ADD, Marker.ARROW, 15)
    (deleted,) = markers.update([], HEADER).markers
    assert (deleted.action, deleted.id) == (Marker.DELETE, 15)
    assert markers.update([], HEADER).markers == []
