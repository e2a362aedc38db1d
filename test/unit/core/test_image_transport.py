# SPDX-License-Identifier: Apache-2.0
"""Whether images arrive, and when compressed ones are taken instead of raw ones."""

from typing import Any

import pytest

from blazepose_ros.core.image_transport import (
    ANNOUNCED_S,
    COMPRESSED,
    MIN_LOST,
    MIN_SENT,
    RAW,
    RETRY_S,
    SILENT_S,
    TRIAL_S,
    WINDOW_S,
    Offer,
    TransportChoice,
    WayMonitor,
    WayQuality,
)

VGA, FULL_HD, UHD = 640 * 480 * 3, 1920 * 1080 * 3, 3840 * 2160 * 3


class Clock:
    def __init__(self) -> None:
        self.now_s = 100.0

    def __call__(self) -> float:
        return self.now_s


@pytest.fixture
def clock() -> Clock:
    return Clock()


def received(monitor: WayMonitor, count: int, transit_s: float = 0.001, size: int = VGA, **gap: int) -> None:
    for _ in range(count):
        monitor.arrived(gap.get("missing", 0), gap.get("superseded", 0), transit_s, size)


def test_what_the_middleware_says_is_lost_counts(clock: Clock) -> None:
    monitor = WayMonitor(False, clock)
    received(monitor, 10, missing=1, superseded=1)
    monitor.lost(0)
    assert (monitor.quality().expected, monitor.quality().lost) == (20, 0)
    monitor.lost(5)
    assert monitor.quality().lost_share == 0.25
    assert monitor.quality().is_impaired
    assert str(monitor.quality()) == "25 % of the images are lost on the way"
    clock.now_s += WINDOW_S
    assert not monitor.quality().is_impaired


def test_images_that_are_missing_for_want_of_processor_time_are_no_loss(clock: Clock) -> None:
    """The numbers take them for lost; the middleware, which knows, does not."""
    monitor = WayMonitor(False, clock)
    monitor.lost(0)
    received(monitor, 20, missing=3)
    assert not monitor.quality().is_impaired
    reliable = WayMonitor(True, clock)
    reliable.lost(0)
    received(reliable, 20, missing=3)
    assert not reliable.quality().is_impaired


def test_where_the_middleware_does_not_count_the_numbers_do(clock: Clock) -> None:
    monitor = WayMonitor(False, clock)
    monitor.lost(None)
    received(monitor, 10, missing=3, superseded=1)
    assert (monitor.quality().expected, monitor.quality().lost) == (40, 20)


def test_all_may_be_lost(clock: Clock) -> None:
    monitor = WayMonitor(False, clock)
    monitor.lost(30)
    clock.now_s += 1.0
    quality = monitor.quality()
    assert (quality.lost_share, quality.arrived, quality.silent_s) == (1.0, 0, 1.0)
    assert str(quality) == "100 % of the images are lost on the way"


def test_a_few_lost_images_are_an_accident(clock: Clock) -> None:
    monitor = WayMonitor(False, clock)
    received(monitor, 5)
    monitor.lost(MIN_LOST - 1)
    assert not monitor.quality().is_impaired
    received(monitor, 145)
    monitor.lost(1)
    assert not monitor.quality().is_impaired  # two percent
    monitor.lost(1)
    assert monitor.quality().is_impaired


# The fastest quarter of the images, as measured on one machine: sent again, or through shared memory.
@pytest.mark.parametrize(("size", "resent_s", "shared_s"), [(VGA, 0.011, 0.0006), (FULL_HD, 0.0143, 0.0025)])
def test_reliable_images_that_are_sent_again_are_late_though_they_arrive(
    clock: Clock, size: int, resent_s: float, shared_s: float
) -> None:
    monitor = WayMonitor(True, clock)
    received(monitor, MIN_SENT - 1, resent_s, size)
    assert not monitor.quality().is_impaired
    received(monitor, 1, resent_s, size)
    assert monitor.quality().is_impaired
    assert monitor.quality().late_ms == pytest.approx(1e3 * resent_s)
    assert "ms and more to arrive" in str(monitor.quality())
    received(monitor, 20, shared_s, size)
    assert not monitor.quality().is_impaired


def test_of_images_that_are_hardly_ever_complete_a_few_that_are_late_tell(clock: Clock) -> None:
    """As a camera on a fast machine was seen to send them, 1920x1080 on default settings."""
    monitor = WayMonitor(True, clock)
    monitor.lost(0)
    for missing, transit_s in ((0, 0.009), (4, 0.006), (3, 0.031)):
        monitor.arrived(missing, 0, transit_s, FULL_HD)
    assert not monitor.quality().is_impaired
    monitor.arrived(4, 0, 0.017, FULL_HD)
    assert str(monitor.quality()) == "73 % of the images are lost on the way"


def test_reliable_images_that_are_late_may_be_lost_as_well(clock: Clock) -> None:
    monitor = WayMonitor(True, clock)
    monitor.lost(0)
    received(monitor, 50, 0.02, missing=1)
    assert monitor.quality().lost_share == 0.5


@pytest.mark.parametrize(("transit_s", "size"), [
    pytest.param(0.010, UHD, id="twice 25 MB are copied"), pytest.param(0.0, VGA, id="not known"),
    pytest.param(-3.0, VGA, id="clocks that differ"), pytest.param(60.0, VGA, id="clocks that differ a lot"),
])  # fmt: skip
def test_what_takes_its_time_for_another_reason_is_not_late(
    clock: Clock, transit_s: float, size: int
) -> None:
    monitor = WayMonitor(True, clock)
    received(monitor, 20, transit_s, size)
    assert not monitor.quality().is_impaired


def test_a_busy_machine_makes_most_images_late_and_not_the_fastest(clock: Clock) -> None:
    monitor = WayMonitor(True, clock)
    received(monitor, 8, 0.040)
    received(monitor, 4, 0.001)
    assert not monitor.quality().is_impaired


def test_images_of_best_effort_are_never_sent_again(clock: Clock) -> None:
    monitor = WayMonitor(False, clock)
    received(monitor, 20, 0.050)
    assert not monitor.quality().is_impaired


BAD, GOOD = WayQuality(expected=30, lost=20, arrived=10), WayQuality(expected=60, arrived=60)
BOTH = Offer(["camera raw"], ["camera compressed"])


class Choosing:
    """A choice that is followed at once."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self.choice = TransportChoice(clock)
        self.taken = RAW

    def after(self, passed_s: float, offer: Offer, raw: Any = GOOD) -> str:
        self._clock.now_s += passed_s
        self.taken = self.choice.choose(self.taken, offer, raw)
        return self.taken


@pytest.fixture
def choosing(clock: Clock) -> Choosing:
    return Choosing(clock)


def test_raw_images_are_taken_while_they_arrive(choosing: Choosing) -> None:
    for _ in range(20):
        assert choosing.after(0.5, BOTH) == RAW
    assert choosing.choice.impaired is None


def test_compressed_ones_are_taken_where_raw_ones_are_lost(choosing: Choosing) -> None:
    assert choosing.after(0.5, Offer(BOTH.raw), BAD) == RAW  # there are no others
    assert choosing.choice.impaired is BAD
    assert choosing.after(0.5, BOTH, BAD) == COMPRESSED
    assert choosing.after(0.5, BOTH) == COMPRESSED
    assert choosing.choice.impaired is BAD


def test_while_the_same_camera_publishes_raw_ones_are_tried_rarely(choosing: Choosing) -> None:
    choosing.after(0.5, BOTH, BAD)
    choosing.after(RETRY_S - 1, BOTH)
    assert not choosing.choice.tries_raw
    choosing.after(1, BOTH)
    assert choosing.choice.tries_raw
    assert choosing.after(TRIAL_S, BOTH, WayQuality(60, 1, arrived=59)) == COMPRESSED  # one is too many
    assert not choosing.choice.tries_raw
    choosing.after(RETRY_S, BOTH)
    assert choosing.after(TRIAL_S, BOTH, GOOD) == RAW
    assert choosing.choice.impaired is None


def test_a_camera_that_starts_again_is_tried_at_once(choosing: Choosing) -> None:
    choosing.after(0.5, BOTH, BAD)
    again = Offer(["another raw"], ["another compressed"])
    assert choosing.after(0.5, again) == COMPRESSED
    assert choosing.choice.tries_raw
    assert choosing.after(TRIAL_S / 2, again, GOOD) == COMPRESSED
    assert choosing.after(TRIAL_S / 2, again, GOOD) == RAW
    assert not choosing.choice.tries_raw or choosing.taken == RAW


def test_a_trial_in_which_nothing_arrives_has_failed(choosing: Choosing) -> None:
    choosing.after(0.5, BOTH, BAD)
    again = Offer(["another raw"], BOTH.compressed)
    choosing.after(0.5, again)
    assert choosing.after(TRIAL_S, again, WayQuality()) == COMPRESSED
    assert str(choosing.choice.impaired) == "no image arrives"


def test_where_only_compressed_images_are_published_they_are_taken(choosing: Choosing) -> None:
    alone = Offer([], BOTH.compressed)
    assert choosing.after(0.5, BOTH) == RAW
    assert choosing.after(ANNOUNCED_S / 2, alone) == RAW  # the other may be about to be announced
    assert choosing.after(ANNOUNCED_S / 2, alone) == COMPRESSED
    assert choosing.choice.impaired is None
    assert choosing.after(0.5, Offer()) == COMPRESSED
    assert choosing.after(0.5, Offer(BOTH.raw)) == RAW


def test_raw_images_of_which_none_arrives_are_given_up(choosing: Choosing) -> None:
    silent = WayQuality(silent_s=100.0)
    assert choosing.after(0.5, Offer()) == RAW
    assert choosing.after(0.5, BOTH, silent) == RAW  # they are published just now
    assert choosing.after(SILENT_S, BOTH, silent) == COMPRESSED


def test_a_slow_camera_is_not_silent(choosing: Choosing) -> None:
    for silent_s in (0.5, 1.0, 1.5, 2.0, 0.2) * 5:
        assert choosing.after(0.5, BOTH, WayQuality(2, silent_s=silent_s, arrived=9)) == RAW
