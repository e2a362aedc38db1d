# SPDX-License-Identifier: Apache-2.0
"""Synthetic people exercise, and each repetition is counted once, with its depth and its tempo."""

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest
from support import figures
from support.figures import direction, figure, lying

from blazepose_ros.core.body_view import UP_IN_IMAGES, UP_IN_WORLD, BodyView
from blazepose_ros.core.repetitions.counter import PeopleCounter, Repetition
from blazepose_ros.core.repetitions.exercises import EXERCISES
from blazepose_ros.core.repetitions.learning import LearningError, learn, load_exercise

PERIOD_S = 2.0
REPETITIONS = 3


def squat(share: float) -> np.ndarray:
    """Return a squat of 100 degrees at the knees, hips over the heels."""
    bend = 100 * share
    thigh, shank = direction(-90 + 0.55 * bend), direction(-90 - 0.45 * bend)
    return figure((direction(-90 + 0.9 * bend),) * 2, left_leg=(thigh, shank), lean_deg=0.35 * bend)


def push_up(share: float) -> np.ndarray:
    bend = 95 * share
    arm = (direction(-90 - bend / 2), direction(-90 + bend / 2))
    turned = [direction(math.degrees(math.atan2(each[2], each[0])) + 80) for each in arm]
    return lying(figure(tuple(turned)), 80)


def jumping_jack(share: float) -> np.ndarray:
    arm, leg = direction(-80 + 155 * share, 90), direction(-85 + 20 * share, 90)
    return figure((arm, arm), left_leg=(leg, leg))


def lunge(share: float) -> np.ndarray:
    bend = 90 * share
    front = (direction(-90 + bend), direction(-90))
    back = (direction(-90 - 0.2 * bend), direction(-90 - 1.1 * bend))
    return figure(left_leg=front, right_leg=back)


def arm_raise(share: float) -> np.ndarray:
    arm = direction(-85 + 85 * share, 90)
    return figure((arm, arm))


MOVES: dict[str, Callable[[float], np.ndarray]] = {
    each.__name__: each for each in (squat, push_up, jumping_jack, lunge, arm_raise)
}


def shares(rate_hz: float, count: int = REPETITIONS) -> np.ndarray:
    """Return how far there someone is who rests for half a second before and after."""
    times = np.arange(0.0, count * PERIOD_S + 1.0, 1 / rate_hz) - 0.5
    return np.where(
        (times < 0) | (times > count * PERIOD_S), 0.0, 0.5 - 0.5 * np.cos(2 * np.pi * times / PERIOD_S)
    )


def bodies(name: str, rate_hz: float, **view: Any) -> list[tuple[int, Any]]:
    """Return the stamps and the poses of someone who exercises on a floor."""
    seed = view.pop("seed", None)
    steps = shares(rate_hz)
    errors = [None] * len(steps) if seed is None else figures.errors(seed, len(steps))
    seen = []
    for number, (share, error) in enumerate(zip(steps, errors, strict=True)):
        points = MOVES[name](float(share))
        pose = figures.seen(points, errors_m=error, **view)
        lowest = float(points[:, 2].min())
        pose.hip_center.position[1] += lowest  # the floor is where it is: hips go down
        seen.append((round(1e9 * (1 + number / rate_hz)), pose))
    return seen


def counts(seen: Sequence[tuple[int, Any]], up: Any = UP_IN_IMAGES, exercises: Any = None) -> dict[str, int]:
    counter = PeopleCounter(exercises or list(EXERCISES.values()), 0.5)
    found: dict[str, int] = {}
    for stamp_ns, pose in seen:
        found |= {each.exercise.name: each.count for _, each in counter.update([pose], up, stamp_ns)}
    return found


@pytest.mark.parametrize("name", MOVES)
@pytest.mark.parametrize("turn_deg", [0.0, 45.0, 90.0, 180.0])
def test_an_exercise_is_counted_exactly_and_no_other(name: str, turn_deg: float) -> None:
    assert counts(bodies(name, 15.0, turn_deg=turn_deg)) == {name: REPETITIONS}


@pytest.mark.parametrize("name", MOVES)
@pytest.mark.parametrize("seed", range(3))
def test_it_is_counted_exactly_with_landmarks_that_err(name: str, seed: int) -> None:
    assert counts(bodies(name, 15.0, turn_deg=30.0, seed=seed))[name] == REPETITIONS


@pytest.mark.parametrize("rate_hz", [5.0, 10.0, 60.0])
def test_it_is_counted_exactly_at_any_rate(rate_hz: float) -> None:
    assert counts(bodies("squat", rate_hz)) == {"squat": REPETITIONS}


def test_it_is_counted_exactly_without_a_third_of_the_images() -> None:
    kept = np.random.default_rng(0).random(len(shares(15.0))) > 1 / 3
    seen = [each for each, is_kept in zip(bodies("squat", 15.0), kept, strict=True) if is_kept]
    assert counts(seen) == {"squat": REPETITIONS}


def test_it_is_counted_exactly_for_fused_people() -> None:
    fused = [(stamp_ns, figures.fused(pose)) for stamp_ns, pose in bodies("squat", 15.0)]
    assert counts(fused, UP_IN_WORLD) == {"squat": REPETITIONS}


def test_depth_and_tempo_are_those_of_the_last_repetition() -> None:
    counter = PeopleCounter([EXERCISES["squat"]], 0.5)
    for stamp_ns, pose in bodies("squat", 50.0):
        ((person_id, each),) = counter.update([pose], UP_IN_IMAGES, stamp_ns)
    assert person_id == 1
    assert isinstance(each.last, Repetition)
    assert each.last.depth == pytest.approx(100.0, abs=1.0)
    # From 40 degrees on, which the cosine leaves at a quarter of the period and a little before.
    away_s = PERIOD_S / 2 - PERIOD_S / (2 * math.pi) * math.acos(1 - 2 * 0.4)
    assert each.last.there_s == pytest.approx(away_s, abs=0.05)
    assert each.last.back_s == pytest.approx(away_s, abs=0.05)
    assert each.progress == 0.0


def test_what_does_not_go_far_enough_or_has_begun_before_is_not_counted() -> None:
    shallow = [(round(1e9 * (1 + n / 15)), figures.seen(squat(0.5 * s))) for n, s in enumerate(shares(15.0))]
    assert counts(shallow) == {}
    assert counts(bodies("squat", 15.0)[20:40]) == {}


def test_knees_that_bend_without_hips_that_sink_are_not_counted() -> None:
    seen = bodies("squat", 15.0)
    for _, pose in seen:
        pose.hip_center.position[1] = 0.0
    assert counts(seen) == {}


def test_people_who_are_not_placed_are_counted() -> None:
    seen = [(stamp_ns, figures.seen(MOVES["squat"](float(share)), hip_center=None))
            for stamp_ns, share in zip(range(10**9, 10**11, 10**8), shares(10.0), strict=False)]  # fmt: skip
    assert counts(seen) == {"squat": REPETITIONS}


def test_a_recording_that_starts_again_starts_anew_and_a_gap_ends_a_repetition() -> None:
    seen = bodies("squat", 15.0)
    assert counts([*seen, *seen]) == {"squat": REPETITIONS}
    late = [(stamp_ns + 10**10, pose) for stamp_ns, pose in seen[22:]]
    assert counts([*seen[:22], *late]) == {"squat": REPETITIONS - 1}


def test_landmarks_that_are_not_numbers_count_nothing() -> None:
    broken = [(stamp_ns, figures.seen(np.full((33, 3), np.nan))) for stamp_ns in range(0, 10**10, 10**8)]
    assert counts(broken) == {}


def example(name: str = "arm_raise", **view: Any) -> list[BodyView]:
    return [BodyView.of_pose(pose, UP_IN_IMAGES, 0.5) for _, pose in bodies(name, 15.0, **view)]


def test_a_learned_exercise_is_counted_from_another_side_and_mirrored(tmp_path: Any) -> None:
    def one_arm(share: float) -> np.ndarray:
        return figure((direction(-85 + 120 * share, 45),) * 2, figures.HANGING_RIGHT)

    MOVES["one_arm"] = one_arm
    try:
        learn("my_lift", example("one_arm")).save(tmp_path / "lift.json")
        learned = [load_exercise(tmp_path / "lift.json").exercise()]
        seen = bodies("one_arm", 10.0, turn_deg=60.0, seed=1)
    finally:
        del MOVES["one_arm"]
    assert counts(seen, exercises=learned) == {"my_lift": REPETITIONS}
    assert counts(bodies("squat", 10.0), exercises=learned) == {"my_lift": 0}
    points = [figures.exchanged(one_arm(float(share))) for share in shares(10.0)]
    other = [(10**9 + number * 10**8, figures.seen(each)) for number, each in enumerate(points)]
    assert counts(other, exercises=learned) == {"my_lift": REPETITIONS}


@pytest.mark.parametrize(
    ("name", "shown", "problem"),
    [
        ("My Lift", example, "is no name"),
        ("lift", lambda: example()[:3], "3 images only"),
        ("lift", lambda: [example()[0]] * 30, "no joint moves"),
        ("lift", lambda: [BodyView(np.zeros((33, 3)), np.zeros(33, bool), UP_IN_IMAGES)] * 30, "too little"),
    ],
)
def test_an_example_of_no_use_is_refused(name: str, shown: Any, problem: str) -> None:
    with pytest.raises(LearningError, match=problem):
        learn(name, shown())


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        ("", "is no exercise"),
        ("[]", "is no exercise"),
        ('{"exercise": "a", "angles_deg": {"left_knee": [1]}}', "is no exercise"),
        ('{"exercise": "a", "angles_deg": {"left_tail": [1, 2]}}', "joints that there are not"),
        ('{"exercise": "../a", "angles_deg": {"left_knee": [1, 90]}}', "names no exercise"),
        ('{"exercise": "a", "angles_deg": {"left_knee": [1, NaN]}}', "not from 0"),
        ('{"exercise": "a", "angles_deg": {"left_knee": [1, 1]}}', "no joint"),
    ],
)
def test_a_file_of_no_use_is_refused(tmp_path: Any, content: str, problem: str) -> None:
    path = tmp_path / "a.json"
    path.write_text(content)
    with pytest.raises(LearningError, match=problem):
        load_exercise(path)
    with pytest.raises(LearningError, match="cannot be read"):
        load_exercise(tmp_path / "missing.json")
