"""Messages written as bytes, against message objects and rclpy's own serialisation."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.bodies import placed, pose_of

pytest.importorskip("rclpy", reason="rclpy is not installed")

from rclpy.serialization import deserialize_message
from std_msgs.msg import Header

from blazepose_ros.conversions.pose33 import (
    serialize_pose33,
    serialize_pose33_array,
    serialize_timing,
    to_pose33,
    to_pose33_array,
)
from blazepose_ros.core.types import Frame, ModelComplexity, Status
from blazepose_ros.msg import Pose33, Pose33Array, Timing

FRAME = Frame(np.zeros((48, 64, 3), np.uint8), 0)
SHARES = np.linspace(0, 1, 33, dtype=np.float32)


def header_of(frame_id):
    header = Header(frame_id=frame_id)
    header.stamp.sec, header.stamp.nanosec = -5, 999_999_999
    return header


def person(number, is_placed):
    shown = {"visibility": SHARES, "presence": SHARES[::-1], "score": 0.5, "status": Status.LOW_LIGHT}
    return (placed if is_placed else pose_of)(person_id=number, **shown)


@given(st.text("abc/é", max_size=9), st.lists(st.booleans(), max_size=3))
def test_people_are_written_as_rclpy_reads_them_at_any_alignment(frame_id, places):
    people = [person(number, is_placed) for number, is_placed in enumerate(places, start=1)]
    what = header_of(frame_id), FRAME, ModelComplexity.HEAVY
    read = deserialize_message(serialize_pose33_array(people, *what), Pose33Array)
    expected = to_pose33_array([to_pose33(pose, *what) for pose in people], what[0])
    assert read == expected


@given(st.text("abc", max_size=9), st.booleans())
def test_one_person_is_written_as_rclpy_reads_them(frame_id, is_placed):
    what = header_of(frame_id), FRAME, ModelComplexity.LITE
    pose = person(3, is_placed)
    assert deserialize_message(serialize_pose33(pose, *what), Pose33) == to_pose33(pose, *what)


def test_a_score_that_nobody_gives_is_nan():
    what = header_of("eye"), FRAME, ModelComplexity.FULL
    assert np.isnan(deserialize_message(serialize_pose33(pose_of(), *what), Pose33).score)


@given(st.text("abc", max_size=9))
def test_timings_are_written_as_rclpy_reads_them(frame_id):
    laps_ms = {"publishing": 5.0, "inference": 4.0, "transport": 1.0, "waiting": 2.0}
    read = deserialize_message(serialize_timing(laps_ms, 2**40, header_of(frame_id)), Timing)
    expected = Timing(header=header_of(frame_id), received=2**40)
    expected.transport_ms, expected.waiting_ms, expected.inference_ms = 1.0, 2.0, 4.0
    expected.publishing_ms = 5.0
    assert read == expected
