# SPDX-License-Identifier: Apache-2.0
"""How long the turns of a thread take."""

from typing import Any

import pytest
from support.clock import Clock

from blazepose_ros.core.timestamps import DurationEstimator


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def pace(clock: Clock) -> DurationEstimator:
    return DurationEstimator(clock)


def take(pace: Any, clock: Any, seconds: Any) -> None:
    with pace.turn():
        clock.now_s += seconds


def test_nothing_is_left_of_no_turn(pace: DurationEstimator, clock: Clock) -> None:
    assert pace.left_s() == 0
    take(pace, clock, 2.0)
    assert pace.left_s() == 0


def test_a_turn_is_expected_to_take_as_long_as_those_before(pace: DurationEstimator, clock: Clock) -> None:
    for _ in range(100):
        take(pace, clock, 2.0)
    with pace.turn():
        assert pace.left_s() == pytest.approx(2.0, abs=0.01)
        clock.now_s += 1.5
        assert pace.left_s() == pytest.approx(0.5, abs=0.01)
        clock.now_s += 1.5
        assert pace.left_s() == 0


def test_nothing_is_expected_of_one_slow_turn_at_the_start(pace: DurationEstimator, clock: Clock) -> None:
    take(pace, clock, 5.0)
    with pace.turn():
        assert pace.left_s() == 0


def test_a_turn_may_end_sooner_where_turns_differ(pace: DurationEstimator, clock: Clock) -> None:
    for _ in range(100):
        take(pace, clock, 1.0)
        take(pace, clock, 3.0)
    with pace.turn():
        assert pace.usual_s == pytest.approx(2.0, abs=0.2)
        assert pace.left_s() == pytest.approx(0.0, abs=0.2)
    for _ in range(100):
        take(pace, clock, 2.0)
    with pace.turn():
        assert pace.left_s() == pytest.approx(2.0, abs=0.01)


def test_what_is_usual_follows_a_change_and_forgives_one_slow_turn(
    pace: DurationEstimator, clock: Clock
) -> None:
    take(pace, clock, 1.0)
    take(pace, clock, 2.0)
    assert 1.0 < pace.usual_s < 1.2
    for _ in range(50):
        take(pace, clock, 2.0)
    assert pace.usual_s == pytest.approx(2.0, abs=0.01)


def test_a_turn_that_fails_ends_too(pace: DurationEstimator, clock: Clock) -> None:
    def fail() -> None:
        with pace.turn():
            clock.now_s += 3.0
            raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        fail()
    assert pace.usual_s == pytest.approx(3.0)
    assert pace.left_s() == 0
