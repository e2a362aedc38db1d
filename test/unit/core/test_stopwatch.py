# SPDX-License-Identifier: Apache-2.0
import pytest

from blazepose_ros.core.timestamps import Stopwatch


def test_laps_of_one_name_add_up_and_nothing_between_them_is_lost(monkeypatch: pytest.MonkeyPatch) -> None:
    times = iter([0, 2_000_000, 5_000_000, 6_500_000])
    monkeypatch.setattr("time.perf_counter_ns", lambda: next(times))
    stopwatch = Stopwatch()
    for name in ("waiting", "decoding", "waiting"):
        stopwatch.lap(name)
    assert dict(stopwatch.laps_ms) == {"waiting": 3.5, "decoding": 3.0}


def test_what_went_before_belongs_to_the_first_lap(monkeypatch: pytest.MonkeyPatch) -> None:
    times = iter([7_000_000, 8_000_000])
    monkeypatch.setattr("time.perf_counter_ns", lambda: next(times))
    stopwatch = Stopwatch(ahead_ns=2_000_000)
    stopwatch.lap("waiting")
    assert dict(stopwatch.laps_ms) == {"waiting": 3.0}
