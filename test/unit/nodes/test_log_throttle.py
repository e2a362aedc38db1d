# SPDX-License-Identifier: Apache-2.0
"""Errors that repeat, said once in a while."""

from typing import Any

import pytest
from rclpy.logging import get_logger
from support.clock import Clock

from blazepose_ros.core.errors import FunctionLogger
from blazepose_ros.nodes.common.log_throttle import AND_MORE, MAX_DIFFERENT, PERIOD_S, LogThrottle


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def said() -> Any:
    return []


@pytest.fixture
def throttled_log(said: Any, clock: Clock) -> LogThrottle:
    return LogThrottle(FunctionLogger(said.append), clock)


def test_the_first_time_is_said_at_once(throttled_log: LogThrottle, said: Any) -> None:
    throttled_log.error("too dark")
    assert said == ["too dark"]


def test_the_same_is_said_once_in_a_period_however_often_it_happens(
    throttled_log: LogThrottle, said: Any, clock: Clock
) -> None:
    for _ in range(40):  # two a second for twenty seconds
        throttled_log.error("too dark")
        clock.now_s += 0.5
    assert len(said) == 20 / PERIOD_S


def test_the_same_is_said_again_after_the_period_not_before(
    throttled_log: LogThrottle, said: Any, clock: Clock
) -> None:
    throttled_log.error("too dark")
    clock.now_s += PERIOD_S - 0.01
    throttled_log.error("too dark")
    assert len(said) == 1
    clock.now_s += 0.01
    throttled_log.error("too dark")
    assert len(said) == 2


def test_another_message_does_not_wait_for_the_first(throttled_log: LogThrottle, said: Any) -> None:
    for message in ("too dark", "too small", "too dark", "too small"):
        throttled_log.error(message)
    assert said == ["too dark", "too small"]


def test_of_messages_that_all_differ_a_few_are_said(
    throttled_log: LogThrottle, said: Any, clock: Clock
) -> None:
    for number in range(1000):
        throttled_log.error(f"{number} bytes are missing")
    assert said == [*(f"{number} bytes are missing" for number in range(MAX_DIFFERENT)), AND_MORE]
    clock.now_s += PERIOD_S
    throttled_log.error("too dark")
    assert said[-1] == "too dark"


def test_every_severity_reaches_rclpys_logger_which_keeps_one_for_each_line(clock: Clock) -> None:
    throttled = LogThrottle(get_logger("severities"), clock)
    for _ in range(2):
        throttled.info("it begins")
        throttled.warning("it is dark")
        throttled.error("it is too dark")
        clock.now_s += PERIOD_S
