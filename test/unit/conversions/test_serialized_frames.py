# SPDX-License-Identifier: Apache-2.0
"""Frames written as bytes are those of message objects."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.bodies import FACING_M, placed

pytest.importorskip("rclpy", reason="rclpy is not installed")

from rclpy.serialization import deserialize_message, serialize_message
from std_msgs.msg import Header
from tf2_msgs.msg import TFMessage

from blazepose_ros.conversions.cdr import header_message, stamp_ns
from blazepose_ros.conversions.frames import PeopleFrames


def person(number: int, seed: int) -> Any:
    rng = np.random.default_rng(seed)
    visibility = rng.uniform(size=33).astype(np.float32)
    world = FACING_M + rng.normal(size=(33, 3)) * 0.02
    return placed(rng.normal(size=3), person_id=number, visibility=visibility, world=world)


def header(frame_id: str = "map") -> Header:
    return header_message(-5_000_000_001, frame_id)


@given(
    frame_id=st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=9),
    prefix=st.sampled_from(["", "a", "robot_", "two_"]),
    number=st.integers(0, 4),
    limb_visibility=st.sampled_from([None, 0.3]),
    landmark_visibility=st.sampled_from([None, 0.0, 0.5]),
    hri=st.booleans(),
    seed=st.integers(0, 99),
)
def test_they_are_what_rclpy_writes(frame_id: str, number: int, seed: int, **options: Any) -> None:
    people = [person(index + 9, seed + index) for index in range(number)]
    frames = PeopleFrames(people, frame_id, **options)
    assert bool(frames) == bool(people)
    if people:
        written = frames.serialized(stamp_ns(header(frame_id)))
        expected = frames.message(header(frame_id))
        assert deserialize_message(written, TFMessage) == expected
        assert len(written) == len(serialize_message(expected))


def test_those_of_the_next_image_leave_the_last_ones_as_they_are() -> None:
    first, second = (PeopleFrames([person(1, 0)], "map", landmark_visibility=0.0) for _ in range(2))
    before = first.serialized(1)
    copied = bytes(bytearray(before))
    assert second.serialized(2) != copied
    assert before == copied
