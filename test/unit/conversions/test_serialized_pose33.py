# SPDX-License-Identifier: Apache-2.0
"""Messages written as bytes, as rclpy reads them, against expected fields."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.bodies import fully_known, pose_of

pytest.importorskip("rclpy", reason="rclpy is not installed")

from geometry_msgs.msg import Point, PoseWithCovariance, Vector3
from rclpy.serialization import deserialize_message
from std_msgs.msg import Header

from blazepose_ros.conversions.pose33 import serialize_pose33, serialize_pose33_array, serialize_timing
from blazepose_ros.core.body_frame import body_axes_covariance
from blazepose_ros.core.types import Frame, ModelComplexity, Status, upper_triangle
from blazepose_ros.msg import Pose33, Pose33Array, ScreenLandmark, Timing

FRAME = Frame(np.zeros((48, 64, 3), np.uint8), 0)
SHARES = np.linspace(0, 1, 33, dtype=np.float32)


def header_of(frame_id: Any) -> Header:
    header = Header(frame_id=frame_id)
    header.stamp.sec, header.stamp.nanosec = -5, 999_999_999
    return header


def person(number: Any, is_placed: Any, dtype: Any = np.float32) -> Any:
    shown = {"visibility": SHARES, "presence": SHARES[::-1], "score": 0.5, "status": Status.LOW_LIGHT}
    screen = np.random.default_rng(number).uniform(-10, 1000, (33, 3))
    known = {} if is_placed else {"hip_center": None}
    return fully_known(screen=screen, dtype=dtype, person_id=number, **shown, **known)


def expected_pose33(pose: Any, header: Any, frame: Any, complexity: Any) -> Pose33:
    msg = Pose33(header=header, person_id=pose.person_id, status=Status.LOW_LIGHT, score=0.5)
    msg.model_complexity, msg.image_width, msg.image_height = complexity, frame.width, frame.height
    landmarks = np.column_stack([pose.screen, pose.visibility, pose.presence]).astype(np.float32).tolist()
    msg.screen_landmarks = [
        ScreenLandmark(x=x, y=y, z=z, visibility=visibility, presence=presence)
        for x, y, z, visibility, presence in landmarks
    ]
    msg.world_landmarks = [Point(x=x, y=y, z=z) for x, y, z in pose.world.tolist()]
    msg.placement = pose.placement
    msg.landmark_covariances = pose.landmark_covariances.ravel()
    msg.stature, msg.stature_std = pose.stature_m, pose.stature_std_m
    if pose.hip_center is None:
        msg.hip_velocity = Vector3(x=np.nan, y=np.nan, z=np.nan)
        msg.hip_velocity_covariance = np.full(6, np.nan, np.float32)
        return msg
    msg.hip_center = expected_hip_center(pose)
    x, y, z = pose.hip_center.velocity.tolist()
    msg.hip_velocity = Vector3(x=x, y=y, z=z)
    msg.hip_velocity_covariance = upper_triangle(pose.hip_center.velocity_covariance).astype(np.float32)
    return msg


def plain(value: Any) -> Any:
    """Return a message as dictionaries and lists, which numpy compares with NaN equal to itself."""
    if hasattr(value, "get_fields_and_field_types"):
        return {name: plain(getattr(value, name)) for name in value.get_fields_and_field_types()}
    return [plain(each) for each in value] if isinstance(value, list) else value


def expected_hip_center(pose: Any) -> PoseWithCovariance:
    msg = PoseWithCovariance()
    point = msg.pose.position
    point.x, point.y, point.z = pose.hip_center.position.tolist()
    covariance = np.zeros((6, 6))
    covariance[:3, :3], covariance[3:, 3:] = pose.hip_center.covariance, body_axes_covariance(pose.world)
    msg.covariance = covariance.ravel()
    return msg


@given(st.text("abc/é", max_size=9), st.lists(st.booleans(), max_size=3))
def test_people_are_written_as_rclpy_reads_them_at_any_alignment(frame_id: str, places: Any) -> None:
    people = [person(number, is_placed) for number, is_placed in enumerate(places, start=1)]
    what = header_of(frame_id), FRAME, ModelComplexity.HEAVY
    read = deserialize_message(serialize_pose33_array(people, *what), Pose33Array)
    expected = Pose33Array(header=what[0], poses=[expected_pose33(pose, *what) for pose in people])
    np.testing.assert_equal(plain(read), plain(expected))


@given(st.text("abc", max_size=9), st.booleans(), st.sampled_from([np.float32, np.float64]))
def test_one_person_is_written_as_rclpy_reads_them(frame_id: str, is_placed: bool, dtype: Any) -> None:
    what = header_of(frame_id), FRAME, ModelComplexity.LITE
    pose = person(3, is_placed, dtype)
    read = deserialize_message(serialize_pose33(pose, *what), Pose33)
    np.testing.assert_equal(plain(read), plain(expected_pose33(pose, *what)))


def test_a_score_that_an_estimator_does_not_give_is_nan() -> None:
    what = header_of("eye"), FRAME, ModelComplexity.FULL
    assert np.isnan(deserialize_message(serialize_pose33(pose_of(), *what), Pose33).score)


@given(st.text("abc", max_size=9))
def test_timings_are_written_as_rclpy_reads_them(frame_id: str) -> None:
    laps_ms = {"publishing": 5.0, "inference": 4.0, "transport": 1.0, "waiting": 2.0}
    read = deserialize_message(serialize_timing(laps_ms, 2**40, header_of(frame_id)), Timing)
    expected = Timing(header=header_of(frame_id), received=2**40)
    expected.transport_ms, expected.waiting_ms, expected.inference_ms = 1.0, 2.0, 4.0
    expected.publishing_ms = 5.0
    assert read == expected
