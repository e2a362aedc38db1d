# SPDX-License-Identifier: Apache-2.0
"""Counts as messages and as text in RViz, which goes when the person does."""

import math

import numpy as np
import pytest
from rclpy.serialization import serialize_message
from std_msgs.msg import Header
from support.bodies import FACING_M, placed, pose_of
from visualization_msgs.msg import Marker

from blazepose_ros.conversions.repetitions import TEXT_ABOVE_M, CountMarkers, to_exercise_count
from blazepose_ros.core.body_view import UP_IN_IMAGES
from blazepose_ros.core.landmarks import Landmark
from blazepose_ros.core.repetitions.counter import Repetition, RepetitionCounter
from blazepose_ros.core.repetitions.exercises import EXERCISES
from blazepose_ros.core.types import Pose

HEADER = Header(frame_id="camera")
EARS_AND_NOSE = [Landmark.NOSE, Landmark.LEFT_EAR, Landmark.RIGHT_EAR]


def test_a_count_has_the_numbers_of_the_last_repetition() -> None:
    counter = RepetitionCounter(EXERCISES["squat"])
    before = to_exercise_count(7, counter)
    assert (before.person_id, before.exercise, before.count, before.last.sec) == (7, "squat", 0, 0)
    assert all(map(math.isnan, (before.progress, before.depth, before.there_s, before.back_s)))
    counter.count, counter.last, counter.progress = 2, Repetition(95.0, 1.5, 0.75, 3_000_000_001), 0.25
    after = to_exercise_count(7, counter)
    assert (after.count, after.progress, after.depth) == (2, 0.25, 95.0)
    assert (after.there_s, after.back_s, after.last.sec, after.last.nanosec) == (1.5, 0.75, 3, 1)


def test_a_count_stands_above_the_head_and_is_deleted_when_the_person_leaves() -> None:
    markers, person = CountMarkers(), placed((1.0, 0.0, 3.0), person_id=4)
    (text,) = markers.update([person], {4: ["squat 3", "lunge 1"]}, UP_IN_IMAGES, HEADER).markers
    assert (text.action, text.type, text.id, text.text) == (
        (Marker.ADD, Marker.TEXT_VIEW_FACING, 4, "squat 3\nlunge 1")
    )
    assert serialize_message(text)
    head = FACING_M[EARS_AND_NOSE].mean(axis=0) + np.array([1.0, -TEXT_ABOVE_M, 3.0])
    at = text.pose.position
    np.testing.assert_allclose((at.x, at.y, at.z), head, atol=1e-6)
    (gone,) = markers.update([], {}, UP_IN_IMAGES, HEADER).markers
    assert (gone.action, gone.ns, gone.id) == (Marker.DELETE, text.ns, 4)
    assert markers.update([], {}, UP_IN_IMAGES, HEADER).markers == []


@pytest.mark.parametrize("person", [pose_of(person_id=1), placed((np.nan,) * 3)])
def test_who_has_no_place_has_no_text(person: Pose) -> None:
    assert CountMarkers().update([person], {1: ["squat 3"]}, UP_IN_IMAGES, HEADER).markers == []
