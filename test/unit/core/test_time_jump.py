# SPDX-License-Identifier: Apache-2.0
from typing import Any

import pytest

from blazepose_ros.core.timestamps import is_time_jump

SECOND_NS = 10**9
START_NS = 10**18


def test_nothing_breaks_off_before_the_first_image() -> None:
    assert not is_time_jump(None, START_NS)


@pytest.mark.parametrize("step_ns", [0, 1, SECOND_NS // 30, SECOND_NS])
def test_stamps_that_rise_or_repeat_go_on(step_ns: Any) -> None:
    assert not is_time_jump(START_NS, START_NS + step_ns)


@pytest.mark.parametrize("step_ns", [-1, -SECOND_NS, 3 * SECOND_NS, 10**17, -START_NS, -2 * START_NS])
def test_stamps_that_go_back_or_jump_break_off(step_ns: Any) -> None:
    assert is_time_jump(START_NS, START_NS + step_ns)


def test_stamps_that_are_always_zero_go_on() -> None:
    assert not is_time_jump(0, 0)
