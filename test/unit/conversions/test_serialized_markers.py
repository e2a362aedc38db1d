# SPDX-License-Identifier: Apache-2.0
"""Markers written as bytes are those of message objects."""

import numpy as np
import pytest
from support.bodies import CAMERA, FACING_M, placed

pytest.importorskip("rclpy", reason="rclpy is not installed")

from rclpy.serialization import deserialize_message, serialize_message
from support.several_cameras import camera_at
from visualization_msgs.msg import Marker, MarkerArray

from blazepose_ros.conversions.cdr import header_message
from blazepose_ros.conversions.markers import MarkerArrays
from blazepose_ros.core.visualization.scene_view import SceneCamera

UNKNOWN = FACING_M.copy()
UNKNOWN[[0, 14, 25]] = np.nan
TWO = [placed(person_id=1, score=0.9), placed((1.0, 0.2, 5.0), person_id=12, world=UNKNOWN)]
CAMERAS = [SceneCamera("eingang_ä", CAMERA, camera_at(4.0, 0.5))]


@pytest.mark.parametrize("frame_id", ["", "map", "eye_optical_frame", "four"])
def test_they_are_what_rclpy_writes(frame_id: str) -> None:
    objects, written, actions = MarkerArrays(), MarkerArrays(), set()
    for number, people in enumerate([TWO, TWO[:1], [], TWO[1:], TWO]):
        shown = people, header_message(33_000_000 * number, frame_id), 0.5, CAMERAS[: number % 2]
        expected, serialized = objects.update(*shown), written.serialized(*shown)
        as_sent = serialize_message(expected)
        assert deserialize_message(serialized, MarkerArray) == deserialize_message(as_sent, MarkerArray)
        assert len(serialized) == len(as_sent)
        actions |= {marker.action for marker in expected.markers}
    assert actions == {Marker.ADD, Marker.DELETE}
