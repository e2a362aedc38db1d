# SPDX-License-Identifier: Apache-2.0
"""For which times people are fused, and how long late cameras are waited for."""

import math

import pytest

from blazepose_ros.core.fusion.synchronization import MAX_SILENT_S, SILENT_S, OutputTimes

S = 1_000_000_000
WAIT_S = 0.1


def due(times: OutputTimes, now_s: float) -> list[int]:
    return list(iter(lambda: times.due(now_s), None))


def started(rate_hz: float, reference: str = "") -> OutputTimes:
    """Return times after both cameras have been there for a second, at 10 Hz."""
    times = OutputTimes(rate_hz, WAIT_S, reference)
    for number in range(100, 111):
        for camera in ("front", "rear"):
            times.arrived(camera, number * S // 10, number / 10)
    due(times, 11.0 + 2 * WAIT_S)
    return times


def test_outputs_come_at_a_steady_rate_whatever_the_cameras_have() -> None:
    times = started(20.0)
    times.arrived("front", 11_130_000_000, 11.13)
    assert due(times, 11.13) == []
    times.arrived("rear", 11_140_000_000, 11.14)
    assert due(times, 11.14) == [11_050_000_000, 11_100_000_000]


def test_a_time_waits_for_the_camera_that_is_late_and_no_longer_than_it_may() -> None:
    times = started(10.0)
    times.arrived("front", 11_100_000_000, 11.1)
    assert due(times, 11.15) == []
    assert times.wait_s(11.15) == pytest.approx(0.05)
    assert due(times, 11.21) == [11_100_000_000]
    assert math.isinf(times.wait_s(11.21))


def test_a_camera_that_is_silent_is_not_waited_for() -> None:
    times = started(10.0)
    later_s = 11.0 + 2 * SILENT_S
    times.arrived("front", round(later_s * S), later_s)
    assert round(later_s * S) in due(times, later_s)
    assert times.live(later_s) == ["front"]


def test_a_slow_camera_is_live_between_its_images_and_not_long_after_its_last() -> None:
    times = OutputTimes(10.0, WAIT_S)
    for second in range(10, 13):
        times.arrived("slow", second * S, float(second))
    assert times.live(12.9) == ["slow"]
    assert times.live(12.0 + MAX_SILENT_S + 0.1) == []


def test_outputs_come_with_the_images_of_the_reference_camera() -> None:
    times = started(0.0, "rear")
    times.arrived("front", 11_110_000_000, 11.11)
    times.arrived("rear", 11_105_000_000, 11.12)
    assert due(times, 11.12) == [11_105_000_000]


def test_where_the_reference_camera_stops_another_one_takes_over() -> None:
    times = started(0.0, "rear")
    later_s = 11.0 + 2 * SILENT_S
    times.arrived("front", round(later_s * S), later_s)
    assert due(times, later_s) == [round(later_s * S)]


def test_the_first_time_waits_until_it_is_known_which_cameras_there_are() -> None:
    times = OutputTimes(10.0, WAIT_S)
    times.arrived("front", S, 1.0)
    assert due(times, 1.0) == []
    times.arrived("rear", S, 1.01)
    assert due(times, 1.0 + WAIT_S) == [S]


def test_time_starts_again_with_a_recording() -> None:
    times = started(10.0)
    assert not times.arrived("front", 5 * S, 11.2)  # is its clock wrong?
    assert times.arrived("rear", 5 * S, 11.2)  # no: it is so for all
    assert not times.arrived("front", 5_100_000_000, 11.3)
    assert due(times, 11.3 + 2 * WAIT_S) == [5 * S, 5_100_000_000]


def test_time_starts_again_with_the_only_camera_there_is() -> None:
    times = OutputTimes(10.0, WAIT_S)
    times.arrived("front", 4000 * S, 1.0)
    assert due(times, 1.0 + WAIT_S) == [4000 * S]
    assert times.arrived("front", 2 * S, 2.0)
    assert due(times, 2.0 + WAIT_S) == [2 * S]


@pytest.mark.parametrize("shift_s", [-3600, -5, 5, 3600])
def test_a_camera_whose_clock_jumps_stops_no_other_one(shift_s: int) -> None:
    times = started(10.0)
    assert not times.arrived("front", (11 + shift_s) * S, 11.1)
    times.arrived("rear", 11_100_000_000, 11.1)
    assert times.is_stray("front", 11.1)
    assert not times.is_stray("rear", 11.1)
    assert not times.arrived("front", 11_200_000_000, 11.2)
    times.arrived("rear", 11_200_000_000, 11.2)
    assert due(times, 11.2) == [11_100_000_000, 11_200_000_000]


def test_a_camera_of_another_clock_that_is_there_first_holds_nobody_up_for_long() -> None:
    times = OutputTimes(10.0, WAIT_S)
    times.arrived("ahead", 3610 * S, 9.9)
    for tenth in range(100, 110):
        for camera in ("front", "rear"):
            times.arrived(camera, tenth * S // 10, tenth / 10)
        times.arrived("ahead", tenth * S // 10 + 3600 * S, tenth / 10)
    assert times.is_stray("ahead", 10.9)
    assert due(times, 10.9)[-1] == 10_900_000_000


def test_a_camera_of_another_clock_is_a_stray_and_holds_nobody_up() -> None:
    times = started(10.0)
    times.arrived("third", 4000 * S, 11.05)
    times.arrived("front", 11_100_000_000, 11.1)
    times.arrived("rear", 11_100_000_000, 11.1)
    assert [camera for camera in times.live(11.1) if times.is_stray(camera, 11.1)] == ["third"]
    assert due(times, 11.1) == [11_100_000_000]


def test_a_pause_makes_no_outputs_for_the_time_without_images() -> None:
    times = started(10.0)
    times.arrived("front", 60 * S, 60.0)
    times.arrived("rear", 60 * S, 60.0)
    assert due(times, 60.0 + WAIT_S) == [60 * S]


@pytest.mark.parametrize("rate_hz", [30.0, 0.0])
@pytest.mark.parametrize("phases", [(0.0, 0.3, 0.55, 0.8), (0.99, 0.01, 0.5, 0.5), (0.0, 0.0, 0.0, 0.0)])
def test_people_wait_for_one_image_at_most(rate_hz: float, phases: tuple[float, ...]) -> None:
    """By stamps alone: cameras at 30 Hz, none of which is slower than the others."""
    period_s, latency_s = 1.0 / 30.0, 0.05
    times = OutputTimes(rate_hz, max_wait_s=0.1)
    taken = sorted((10.0 + (number + phase) * period_s, f"{index}") for number in range(90)
                   for index, phase in enumerate(phases))  # fmt: skip
    waited_s = []
    for stamp_s, camera in taken:
        times.arrived(camera, round(1e9 * stamp_s), stamp_s + latency_s)
        while (stamp_ns := times.due(stamp_s + latency_s)) is not None:
            waited_s.append(stamp_s - stamp_ns / 1e9)
    assert len(waited_s) > 80
    assert min(waited_s[5:]) > -1e-6
    assert max(waited_s[5:]) < period_s + 1e-6
