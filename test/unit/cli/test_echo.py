# SPDX-License-Identifier: Apache-2.0
"""``blazepose echo``: what it prints of a message."""

import json
from collections.abc import Sequence

import numpy as np
import pytest
from support.bodies import FACING_M, placed, pose_of

pytest.importorskip("rclpy", reason="rclpy is not installed")

from rclpy.serialization import deserialize_message
from std_msgs.msg import Header

from blazepose_ros.cli import echo
from blazepose_ros.conversions.pose33 import serialize_pose33_array
from blazepose_ros.core.landmarks import Landmark
from blazepose_ros.core.types import Frame, ModelComplexity, Pose
from blazepose_ros.msg import Pose33Array

HEADER = Header(frame_id="eye")
HEADER.stamp.sec, HEADER.stamp.nanosec = 12, 345_000_000
FRAME = Frame(np.zeros((480, 640, 3), np.uint8), 0)
NEAR = placed((0.3, -0.1, 3.0), np.diag([0.0, 0.0, 0.04]), person_id=7)


def message(*people: Pose) -> Pose33Array:
    return deserialize_message(
        serialize_pose33_array(people, HEADER, FRAME, ModelComplexity.FULL), Pose33Array
    )


def text(*people: Pose, landmarks: Sequence[Landmark] = ()) -> list[str]:
    return list(echo.text_lines("/poses", message(*people), landmarks))


def test_a_person_has_a_line_with_distance_and_place() -> None:
    header, line = text(NEAR)
    assert header == "/poses  12.345 s  'eye'  1 person"
    assert "person 7: 3.02 m away (std 0.20), hips at x 0.30, y -0.10, z 3.00 m (mono)" in line
    assert "33 of 33 landmarks visible" in line


def test_nobody_is_a_line_too() -> None:
    assert text() == ["/poses  12.345 s  'eye'  0 people"]


def test_a_person_without_a_place_says_so() -> None:
    assert "no place" in text(pose_of(person_id=2))[1]


def test_a_landmark_is_where_the_hips_and_the_body_put_it() -> None:
    _, _, line = text(NEAR, landmarks=[Landmark.NOSE])
    x, y, z = FACING_M[Landmark.NOSE] + (0.3, -0.1, 3.0)
    assert line.strip().startswith(f"nose: x {x:.2f}, y {y:.2f}, z {z:.2f} m, pixel 0, 0")


def test_json_has_null_where_nothing_is_known() -> None:
    screen = np.full((33, 3), np.nan)
    (line,) = echo.json_lines("/poses", message(pose_of(screen=screen, person_id=3)), [Landmark.LEFT_HIP])
    (person,) = json.loads(line)["people"]
    assert person["hip_center"] is None
    assert person["distance_std_m"] is None
    assert list(person["landmarks"]) == ["left_hip"]
    assert person["landmarks"]["left_hip"]["screen"] == [None, None, None]
    assert person["landmarks"]["left_hip"]["world"] == pytest.approx([0.10, 0, 0])


def test_a_frame_of_a_stranger_forges_no_line() -> None:
    forged = Header(frame_id="eye\n[FATAL] [1.0] [blazepose]: gone")
    msg = message(NEAR)
    msg.header = forged
    assert len(list(echo.text_lines("/poses", msg, ()))) == 2


@pytest.mark.parametrize("arguments", [["--landmarks", "tail"], ["--rate", "-1"], ["--count", "0"]])
def test_what_cannot_be_is_refused(arguments: list[str], capsys: pytest.CaptureFixture) -> None:
    with pytest.raises(SystemExit):
        echo.main(arguments)
    assert arguments[1] in capsys.readouterr().err
