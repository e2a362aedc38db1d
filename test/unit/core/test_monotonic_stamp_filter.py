# SPDX-License-Identifier: Apache-2.0
"""Which stamps are monotonic."""

from typing import Any

import pytest

from blazepose_ros.core.timestamps import RESTART_NS, MonotonicStampFilter

START_NS = 1_000_000_000_000


@pytest.mark.parametrize(
    ("later_ns", "accepted"),
    [(1, True), (33_000_000, True), (0, False), (-1, False), (1 - RESTART_NS, False), (-RESTART_NS, True)],
)
def test_a_stamp_is_later_or_starts_again(later_ns: Any, accepted: bool) -> None:
    stamps = MonotonicStampFilter()
    assert stamps.accepts(START_NS)
    assert stamps.accepts(START_NS + later_ns) == accepted


def test_after_an_older_stamp_the_newest_still_counts() -> None:
    stamps = MonotonicStampFilter()
    assert [stamps.accepts(START_NS + ms) for ms in (0, 20, 10, 15, 20, 21)] == [
        True, True, False, False, False, True,
    ]  # fmt: skip


def test_stamps_before_the_epoch_are_monotonic_too() -> None:
    stamps = MonotonicStampFilter()
    assert stamps.accepts(-5)
    assert stamps.accepts(-4)
    assert not stamps.accepts(-4)
