# SPDX-License-Identifier: Apache-2.0
"""The table of landmarks."""

from typing import Any

import pytest

from blazepose_ros.core.landmarks import BONES, NUM_LANDMARKS, Landmark


@pytest.fixture(scope="module")
def vision() -> Any:
    return pytest.importorskip("mediapipe", exc_type=ImportError).tasks.vision


def test_the_landmarks_are_mediapipes_in_its_order(vision: Any) -> None:
    assert {(one.name, one.value) for one in Landmark} == {
        (one.name, one.value) for one in vision.PoseLandmark
    }
    assert len(Landmark) == NUM_LANDMARKS == 33


def test_the_bones_are_mediapipes(vision: Any) -> None:
    connections = vision.PoseLandmarksConnections.POSE_LANDMARKS
    assert sorted(BONES) == sorted((bone.start, bone.end) for bone in connections)
    assert len(set(BONES)) == len(BONES) == 35


def test_the_constants_of_pose33_equal_the_table() -> None:
    pose33 = pytest.importorskip("blazepose_ros.msg").Pose33
    assert {landmark.name: getattr(pose33, landmark.name) for landmark in Landmark} == {
        landmark.name: landmark.value for landmark in Landmark
    }


def test_pose33_holds_as_many_landmarks_as_there_are() -> None:
    pose33 = pytest.importorskip("blazepose_ros.msg").Pose33()
    assert len(pose33.screen_landmarks) == len(pose33.world_landmarks) == NUM_LANDMARKS


def test_a_frame_is_named_in_lower_case() -> None:
    assert Landmark.LEFT_SHOULDER.frame_name == "left_shoulder"
