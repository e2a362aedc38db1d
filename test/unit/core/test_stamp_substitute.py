# SPDX-License-Identifier: Apache-2.0
"""The time of images whose stamps tell none."""

from typing import Any

import pytest

from blazepose_ros.core.errors import FunctionLogger
from blazepose_ros.core.timestamps import StampSubstitute

FRAME_NS = 33_000_000
NOW_NS = 1_700_000_000_000_000_000
STAMP_NS = 5 * 10**9
SECOND_NS = 10**9


@pytest.fixture
def log() -> Any:
    return []


@pytest.fixture
def substitute(log: Any) -> StampSubstitute:
    return StampSubstitute(FunctionLogger(log.append))


def test_stamps_that_advance_stay_as_they_are(substitute: StampSubstitute, log: Any) -> None:
    for index in range(300):
        stamp_ns = STAMP_NS + index * FRAME_NS
        assert substitute.time_of(stamp_ns, NOW_NS + index * FRAME_NS) == stamp_ns
    assert log == []


def test_in_place_of_zero_it_is_the_time_of_receipt_from_the_first_image_on(
    substitute: StampSubstitute, log: Any
) -> None:
    for index in range(300):
        received_ns = NOW_NS + index * FRAME_NS
        assert substitute.time_of(0, received_ns) == received_ns
    (told,) = log
    assert "images carry no time" in told
    assert "time of receipt" in told


def test_a_clock_that_counts_seconds_is_a_clock(substitute: StampSubstitute, log: Any) -> None:
    for index in range(300):
        received_ns = NOW_NS + index * FRAME_NS
        stamp_ns = received_ns // SECOND_NS * SECOND_NS
        assert substitute.time_of(stamp_ns, received_ns) == stamp_ns
    assert log == []


def test_a_stamp_that_never_changes_is_none(substitute: StampSubstitute, log: Any) -> None:
    found = [substitute.time_of(STAMP_NS, NOW_NS + index * FRAME_NS) for index in range(300)]
    assert found[-1] == NOW_NS + 299 * FRAME_NS
    assert found[60:] == [NOW_NS + index * FRAME_NS for index in range(60, 300)]
    assert len(log) == 1
    assert substitute.time_of(STAMP_NS + 1, NOW_NS + 300 * FRAME_NS) == STAMP_NS + 1
