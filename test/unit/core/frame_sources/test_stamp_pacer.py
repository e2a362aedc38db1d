# SPDX-License-Identifier: Apache-2.0
import numpy as np

from blazepose_ros.core.frame_sources.camera_stream import StampPacer

PERIOD = 33_333_333


def test_stamps_are_exactly_one_period_apart_while_the_clock_jitters() -> None:
    pacer = StampPacer(30.0)
    stamps = [pacer.stamp(k * PERIOD + jitter) for k, jitter in enumerate([5, 900_000, 40, 7_000_000, 5])]
    assert np.diff(stamps).tolist() == [PERIOD] * 4


def test_no_stamp_is_in_the_future_and_all_rise() -> None:
    pacer = StampPacer(30.0)
    clock = [k * PERIOD + jitter for k, jitter in enumerate([9_000_000, 100, 20_000_000, 0, 0])]
    stamps = [pacer.stamp(now) for now in clock]
    assert all(stamp <= now for stamp, now in zip(stamps, clock, strict=True))
    assert (np.diff(stamps) > 0).all()


def test_a_late_frame_is_stamped_with_the_clock_and_the_next_follow_it() -> None:
    pacer = StampPacer(30.0)
    late = 10 * PERIOD + 17
    assert [pacer.stamp(now) for now in (0, late, late + PERIOD + 5)] == [0, late, late + PERIOD]


def test_frames_with_times_of_their_own_are_as_far_apart_as_those_while_the_clock_jitters() -> None:
    pacer = StampPacer(30.0)
    intervals = [33, 83, 34, 83]
    played = [pacer.stamp(5)]
    for interval, jitter in zip(intervals, [900, 3, 20_000, 0], strict=True):
        now = played[-1] + interval * 1_000_000 + jitter
        assert pacer.wait_ns(now - jitter - 7, interval * 1_000_000) == 7
        played.append(pacer.stamp(now, interval * 1_000_000))
    assert np.diff(played).tolist() == [interval * 1_000_000 for interval in intervals]


def test_a_frame_that_is_overdue_is_not_waited_for() -> None:
    pacer = StampPacer(30.0)
    pacer.stamp(0)
    assert pacer.wait_ns(10 * PERIOD, PERIOD) == 0


def test_a_clock_that_is_set_back_is_not_waited_for() -> None:
    pacer = StampPacer(30.0)
    pacer.stamp(10**15)
    assert pacer.wait_ns(0, PERIOD) == PERIOD


def test_stamps_follow_a_clock_that_is_set_back() -> None:
    pacer = StampPacer(30.0)
    assert [pacer.stamp(now) for now in (10**10, 500)] == [10**10, 500]
