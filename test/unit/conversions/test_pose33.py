# SPDX-License-Identifier: Apache-2.0
"""Poses as messages."""

import math
from typing import Any

import numpy as np
import pytest
from support.bodies import CAMERA, FACING_M, fully_known, placed, pose_of, seen_by

pytest.importorskip("rclpy", reason="rclpy is not installed")

from rclpy.serialization import deserialize_message
from std_msgs.msg import Header

from blazepose_ros.conversions.pose33 import from_pose33, serialize_pose33, serialize_pose33_array
from blazepose_ros.core.body_frame import body_axes_covariance
from blazepose_ros.core.landmarks import Landmark
from blazepose_ros.core.types import Frame, ModelComplexity
from blazepose_ros.msg import Pose33, Pose33Array

HEADER = Header(frame_id="eye")
HEADER.stamp.sec, HEADER.stamp.nanosec = 12, 345
FRAME = Frame(np.zeros((480, 640, 3), np.uint8), 0)


def to_message(pose: Any, complexity: Any = ModelComplexity.FULL) -> Any:
    return deserialize_message(serialize_pose33(pose, HEADER, FRAME, complexity), Pose33)


def to_array(*poses: Any) -> Any:
    return deserialize_message(
        serialize_pose33_array(poses, HEADER, FRAME, ModelComplexity.FULL), Pose33Array
    )


def test_a_message_carries_its_images_header_and_size() -> None:
    msg = to_message(pose_of())
    assert msg.header == HEADER
    assert (msg.image_width, msg.image_height) == (640, 480)


def test_every_landmark_is_where_the_pose_has_it() -> None:
    shares = np.linspace(0, 1, 33, dtype=np.float32)
    seen = seen_by(CAMERA, (0, 0, 3))
    pose = pose_of(seen.world, seen.screen, visibility=shares, presence=shares[::-1])
    msg = to_message(pose)
    assert len(msg.screen_landmarks) == len(msg.world_landmarks) == 33
    np.testing.assert_array_equal([(p.x, p.y, p.z) for p in msg.screen_landmarks], pose.screen)
    np.testing.assert_array_equal([(p.x, p.y, p.z) for p in msg.world_landmarks], pose.world)
    np.testing.assert_array_equal([p.visibility for p in msg.screen_landmarks], pose.visibility)
    np.testing.assert_array_equal([p.presence for p in msg.screen_landmarks], pose.presence)


def test_the_messages_constants_index_its_landmarks() -> None:
    msg = to_message(pose_of())
    nose = msg.world_landmarks[Pose33.NOSE]
    assert (nose.x, nose.y, nose.z) == pytest.approx(tuple(FACING_M[Landmark.NOSE]))
    assert msg.world_landmarks[Pose33.LEFT_WRIST].x > 0 > msg.world_landmarks[Pose33.RIGHT_WRIST].x


def test_who_how_sure_and_by_which_model() -> None:
    msg = to_message(pose_of(person_id=7, score=0.75), ModelComplexity.HEAVY)
    assert (msg.person_id, msg.score, msg.model_complexity) == (7, 0.75, Pose33.HEAVY)


def test_a_score_that_an_estimator_does_not_give_is_nan() -> None:
    assert math.isnan(to_message(pose_of()).score)


def test_a_place_has_its_covariance_row_by_row() -> None:
    covariance = np.array([[1.0, 0.1, 0.2], [0.1, 2.0, 0.3], [0.2, 0.3, 3.0]])
    msg = to_message(placed((0.5, -0.25, 4.0), covariance))
    assert msg.placement == Pose33.MONO
    position, orientation = msg.hip_center.pose.position, msg.hip_center.pose.orientation
    assert (position.x, position.y, position.z) == (0.5, -0.25, 4.0)
    assert (orientation.x, orientation.y, orientation.z, orientation.w) == (0, 0, 0, 1)
    matrix = np.reshape(msg.hip_center.covariance, (6, 6))
    np.testing.assert_array_equal(matrix[:3, :3], covariance)
    np.testing.assert_array_equal(matrix[3:, 3:], body_axes_covariance(placed().world))
    np.testing.assert_array_equal(matrix[:3, 3:], 0)


def test_a_person_without_a_position_has_no_placement() -> None:
    assert to_message(pose_of()).placement == Pose33.NONE


def test_an_array_holds_all_people_under_one_header() -> None:
    msg = to_array(*(pose_of(person_id=number) for number in (1, 2)))
    assert msg.header == HEADER
    assert [pose.person_id for pose in msg.poses] == [1, 2]


def test_an_empty_array_still_has_its_header() -> None:
    msg = to_array()
    assert msg.header == HEADER
    assert list(msg.poses) == []


def test_a_pose_comes_back_from_its_message() -> None:
    shares = np.linspace(0, 1, 33, dtype=np.float32)
    covariance = np.arange(9.0).reshape(3, 3)
    pose = placed((0.5, -1.0, 3.0), covariance, visibility=shares, presence=shares[::-1], score=0.75)
    back = from_pose33(to_message(pose))
    for name in ("screen", "visibility", "presence", "world"):
        np.testing.assert_array_equal(getattr(back, name), getattr(pose, name))
    np.testing.assert_array_equal(back.hip_center.position, pose.hip_center.position)
    np.testing.assert_array_equal(back.hip_center.covariance, covariance)
    assert (back.person_id, back.score, back.placement) == (pose.person_id, 0.75, pose.placement)


def test_a_pose_that_was_not_placed_comes_back_so() -> None:
    assert from_pose33(to_message(pose_of())).hip_center is None


def test_velocity_stature_and_covariances_are_in_the_message() -> None:
    pose = fully_known()
    msg = to_message(pose)
    assert (msg.placement, msg.stature, msg.stature_std) == (Pose33.FLOOR, 1.5, 0.25)
    assert (msg.hip_velocity.x, msg.hip_velocity.y, msg.hip_velocity.z) == (1, 2, 3)
    np.testing.assert_array_equal(msg.hip_velocity_covariance, [1, 2, 3, 4, 5, 6])  # xx, xy, xz, yy, yz, zz
    wrist = msg.landmark_covariances[6 * Pose33.LEFT_WRIST :][:6]
    np.testing.assert_array_equal(wrist, pose.landmark_covariances[Landmark.LEFT_WRIST])


@pytest.mark.parametrize("pose", [pose_of(), placed()])
def test_velocity_stature_and_covariances_that_are_not_known_are_nan(pose: Any) -> None:
    msg = to_message(pose)
    numbers = (msg.stature, msg.stature_std, msg.hip_velocity.x, msg.hip_velocity.y, msg.hip_velocity.z)
    assert np.isnan([*numbers, *msg.hip_velocity_covariance, *msg.landmark_covariances]).all()


def test_velocity_stature_and_covariances_come_back_from_the_message() -> None:
    pose = fully_known()
    back = from_pose33(to_message(pose))
    assert (back.placement, back.stature_m, back.stature_std_m) == (pose.placement, 1.5, 0.25)
    np.testing.assert_array_equal(back.landmark_covariances, pose.landmark_covariances)
    np.testing.assert_array_equal(back.hip_center.velocity, pose.hip_center.velocity)
    np.testing.assert_array_equal(back.hip_center.velocity_covariance, pose.hip_center.velocity_covariance)
