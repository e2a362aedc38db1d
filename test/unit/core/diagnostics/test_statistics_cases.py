# SPDX-License-Identifier: Apache-2.0
"""What the statistics forget, and when."""

from typing import Any

import pytest
from support.bodies import placed

from blazepose_ros.core.diagnostics.statistics import WINDOW_S, Drop, Statistics


class Clock:
    now_s = 1000.0

    def __call__(self) -> Any:
        return self.now_s


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def statistics(clock: Clock) -> Statistics:
    return Statistics(clock)


def test_people_of_long_ago_are_not_shown(statistics: Statistics, clock: Clock) -> None:
    statistics.processed({"inference": 1.0}, [placed(person_id=3)])
    clock.now_s += WINDOW_S - 0.001
    (person,) = statistics.snapshot().people
    assert person.startswith("3: ")
    clock.now_s += 0.001
    assert statistics.snapshot().people == ()


def test_an_image_without_people_takes_the_people_away(statistics: Statistics) -> None:
    statistics.processed({"inference": 1.0}, [placed(person_id=3)])
    statistics.processed({"inference": 1.0}, [])
    assert statistics.snapshot().people == ()


def test_each_count_is_of_the_window_to_the_moment(statistics: Statistics, clock: Clock) -> None:
    statistics.arrived(2)
    statistics.dropped(Drop.BUSY, 3)
    statistics.processed({"inference": 5.0}, [])
    statistics.stamped(0, 0, usable=False)
    clock.now_s += WINDOW_S / 2
    statistics.arrived()
    statistics.dropped(Drop.ERROR)
    statistics.processed({"inference": 7.0}, [])
    clock.now_s += WINDOW_S / 2
    snapshot = statistics.snapshot()
    assert snapshot.input_hz == pytest.approx(1 / WINDOW_S)
    assert snapshot.processed_hz == pytest.approx(1 / WINDOW_S)
    assert snapshot.dropped == {Drop.ERROR: 1}
    assert snapshot.processing_ms == (7.0, 7.0)
    assert snapshot.unstamped == 0
