# SPDX-License-Identifier: Apache-2.0
"""Time that does not go back where stamps do, a little."""

import pytest

from blazepose_ros.core.timestamps import RESTART_NS, MonotonicTime, is_restart

START_NS = 1_000_000_000_000


def times(*later_ns: int) -> list[int]:
    time = MonotonicTime()
    return [time.at(START_NS + each) - START_NS for each in later_ns]


def test_stamps_that_advance_or_repeat_are_the_time() -> None:
    assert times(0, 33, 33, 10**15) == [0, 33, 33, 10**15]


def test_time_stands_still_until_early_stamps_have_caught_up() -> None:
    assert times(0, 33, 5, 20, 40) == [0, 33, 33, 33, 40]
    assert times(0, 1 - RESTART_NS, 1) == [0, 0, 1]


def test_a_recording_that_starts_again_has_its_own_time() -> None:
    assert times(0, -RESTART_NS, 5 - RESTART_NS) == [0, -RESTART_NS, 5 - RESTART_NS]


@pytest.mark.parametrize(
    ("later_ns", "restarts"), [(10**18, False), (1 - RESTART_NS, False), (-RESTART_NS, True)]
)
def test_only_what_is_a_second_older_starts_again(later_ns: int, restarts: bool) -> None:
    assert is_restart(START_NS, START_NS + later_ns) == restarts
    assert not is_restart(None, START_NS)
