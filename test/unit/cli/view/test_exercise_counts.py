# SPDX-License-Identifier: Apache-2.0
"""What several nodes say about the exercises of a camera's people."""

import pytest

pytest.importorskip("rclpy", reason="rclpy is not installed")

from support.bodies import pose_of

from blazepose_ros.cli.view.bodies import figures
from blazepose_ros.cli.view.camera_feed import CameraFeed
from blazepose_ros.cli.view.exercise_counts import MAX_COUNTS, MAX_LINES, lines_of, merged
from blazepose_ros.msg import ExerciseCount, Repetitions


def counts(*done: tuple[int, str, int]) -> Repetitions:
    return Repetitions(counts=[ExerciseCount(person_id=a, exercise=b, count=c) for a, b, c in done])


def test_each_person_has_a_line_for_each_exercise() -> None:
    done = counts((1, "squat", 3), (2, "jumping_jack", 10), (1, "arm_raise", 0))
    assert lines_of(done) == {1: ["squat 3", "arm raise 0"], 2: ["jumping jack 10"]}


def test_what_several_nodes_say_stands_together() -> None:
    said = [lines_of(counts((1, "squat", 3))), lines_of(counts((1, "mine", 2), (2, "mine", 1)))]
    assert merged(said) == {1: ["squat 3", "mine 2"], 2: ["mine 1"]}


def test_a_strangers_message_is_cut() -> None:
    (line,) = lines_of(counts((1, "x\n" * 10_000, 1)))[1]
    assert len(line) < 200
    assert "\n" not in line
    flood = lines_of(counts(*((number % 2, "squat", number) for number in range(10 * MAX_COUNTS))))
    assert {len(lines) for lines in flood.values()} == {MAX_LINES}


def test_labels_say_what_people_have_done() -> None:
    feed = CameraFeed(0.5)
    feed.take_exercises({1: ["squat 3", "lunge 1"]})
    people = [pose_of(person_id=number) for number in (1, 2)]
    shown = figures(people, 0.5, feed.shown().exercises)
    assert [figure.label for figure in shown] == ["person 1, squat 3, lunge 1", "person 2"]
