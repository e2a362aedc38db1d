# SPDX-License-Identifier: Apache-2.0
"""What the statistics say of images that came and went at known times."""

import math
from typing import Any

import pytest
from support.bodies import CAMERA, seen_by

from blazepose_ros.core.diagnostics.statistics import OF_TODAY_MS, WINDOW_S, Drop, Statistics

START_S = 1000.0


class Setup:
    """Statistics of a clock that is set by hand."""

    def __init__(self) -> None:
        self.now_s = START_S
        self.statistics = Statistics(lambda: self.now_s)

    def image(self, transport_ms: float = 2.0, inside_ms: float = 10.0, people: Any = ()) -> None:
        self.statistics.arrived()
        self.statistics.processed({"transport": transport_ms, "inference": inside_ms}, people)


@pytest.fixture
def setup() -> Setup:
    return Setup()


def test_before_the_first_image_nothing_is_known(setup: Setup) -> None:
    snapshot = setup.statistics.snapshot()
    assert (snapshot.input_hz, snapshot.processed_hz, snapshot.dropped) == (0, 0, {})
    assert all(map(math.isnan, (*snapshot.processing_ms, *snapshot.latency_ms)))
    assert snapshot.last_person_age_s == math.inf


def test_rates_are_those_of_the_last_seconds(setup: Setup) -> None:
    for _ in range(100):
        setup.now_s += 0.1
        setup.image()
    assert setup.statistics.snapshot().input_hz == pytest.approx(10, abs=0.2)
    assert setup.statistics.snapshot().processed_hz == pytest.approx(10, abs=0.2)
    setup.now_s += WINDOW_S
    assert setup.statistics.snapshot().input_hz == 0


def test_drops_are_counted_by_reason(setup: Setup) -> None:
    for why in (Drop.BUSY, Drop.BUSY, Drop.UNREADABLE):
        setup.statistics.dropped(why)
    assert setup.statistics.snapshot().dropped == {Drop.BUSY: 2, Drop.UNREADABLE: 1}
    setup.now_s += WINDOW_S
    assert setup.statistics.snapshot().dropped == {}


def test_images_that_made_way_have_arrived_and_are_dropped(setup: Setup) -> None:
    setup.statistics.arrived(3)
    setup.statistics.dropped(Drop.BUSY, 2)
    setup.statistics.dropped(Drop.BUSY, 0)
    assert setup.statistics.snapshot().input_hz == pytest.approx(3 / WINDOW_S)
    assert setup.statistics.snapshot().dropped == {Drop.BUSY: 2}


def test_latency_is_from_stamp_and_from_arrival_to_the_poses(setup: Setup) -> None:
    for inside_ms in range(1, 101):
        setup.image(transport_ms=5.0, inside_ms=float(inside_ms))
    snapshot = setup.statistics.snapshot()
    assert snapshot.processing_ms == pytest.approx((50.5, 99.01))
    assert snapshot.latency_ms == pytest.approx((55.5, 104.01))


@pytest.mark.parametrize("transport_ms", [-1.0, OF_TODAY_MS + 1, 1e18, -1e18])
def test_stamps_of_other_clocks_tell_no_latency(setup: Setup, transport_ms: Any) -> None:
    setup.image(transport_ms=transport_ms)
    snapshot = setup.statistics.snapshot()
    assert math.isnan(snapshot.latency_ms[0])
    assert snapshot.processing_ms[0] == pytest.approx(10)


def test_ages_are_since_the_last_image_and_person(setup: Setup) -> None:
    setup.statistics.listening(True)
    setup.now_s += 3
    assert setup.statistics.snapshot().last_image_age_s == 3
    setup.image(people=[seen_by(CAMERA, (0.0, 0.0, 3.0))])
    setup.now_s += 1
    setup.image()
    setup.now_s += 0.5
    snapshot = setup.statistics.snapshot()
    assert (snapshot.last_image_age_s, snapshot.last_person_age_s) == (0.5, 1.5)


def test_listening_again_starts_the_wait_for_images_again(setup: Setup) -> None:
    setup.statistics.listening(True)
    setup.image()
    setup.statistics.listening(False)
    setup.now_s += 60
    setup.statistics.listening(True)
    setup.now_s += 1
    setup.statistics.listening(True)
    assert setup.statistics.snapshot().last_image_age_s == 1


def test_time_jumps_and_missing_stamps_are_counted(setup: Setup) -> None:
    for stamp_ns in (10**18, 10**18 + 1, 10**9, 0, 0):
        setup.statistics.stamped(stamp_ns, 10**18, usable=bool(stamp_ns))
    snapshot = setup.statistics.snapshot()
    assert (snapshot.time_jumps, snapshot.unstamped) == (2, 2)


def test_stamps_that_are_a_little_early_are_counted_too(setup: Setup) -> None:
    for stamp_ns in (10**18, 10**18 + 33, 10**18 + 10, 10**18 + 66):
        setup.statistics.stamped(stamp_ns, 10**18)
    assert setup.statistics.snapshot().time_jumps == 1


def test_the_age_of_stamps_is_by_the_nodes_clock_and_of_usable_ones(setup: Setup) -> None:
    assert math.isnan(setup.statistics.snapshot().stamp_age_s)
    for age_s in (-5, 86_400, 86_401):
        setup.statistics.stamped(10**18, 10**18 + age_s * 10**9)
    setup.statistics.stamped(0, 10**18, usable=False)
    assert setup.statistics.snapshot().stamp_age_s == 86_400
    setup.now_s += WINDOW_S
    assert math.isnan(setup.statistics.snapshot().stamp_age_s)


def test_the_people_of_the_last_image_are_told_of(setup: Setup) -> None:
    setup.image(people=[seen_by(CAMERA, (0.0, 0.0, 3.0))])
    (person,) = setup.statistics.snapshot().people
    assert "fine" in person
    setup.image()
    assert setup.statistics.snapshot().people == ()
