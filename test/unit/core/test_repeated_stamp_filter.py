# SPDX-License-Identifier: Apache-2.0
"""Which stamps are published on /tf."""

from typing import Any

import pytest

from blazepose_ros.core.timestamps import RESTART_NS, RepeatedStampFilter

START_NS = 1_000_000_000_000


@pytest.mark.parametrize(
    ("later_ns", "accepted"),
    [(1, True), (33_000_000, True), (0, False), (-1, True), (1 - RESTART_NS, True), (-RESTART_NS, True)],
)
def test_a_stamp_is_another_one_or_starts_again(later_ns: Any, accepted: bool) -> None:
    stamps = RepeatedStampFilter()
    assert stamps.accepts(START_NS)
    assert stamps.accepts(START_NS + later_ns) == accepted


def test_an_older_stamp_is_accepted_once() -> None:
    stamps = RepeatedStampFilter()
    assert [stamps.accepts(START_NS + ms) for ms in (0, 20, 10, 15, 20, 10, 21)] == [
        True, True, True, True, False, False, True,
    ]  # fmt: skip


def test_a_recording_that_starts_again_is_accepted_as_at_first() -> None:
    stamps = RepeatedStampFilter()
    recording = range(START_NS, START_NS + 3 * RESTART_NS, 33_000_000)
    assert all(stamps.accepts(stamp_ns) for _ in range(2) for stamp_ns in recording)


def test_stamps_before_the_epoch_are_told_apart_too() -> None:
    stamps = RepeatedStampFilter()
    assert stamps.accepts(-5)
    assert stamps.accepts(-4)
    assert not stamps.accepts(-4)
