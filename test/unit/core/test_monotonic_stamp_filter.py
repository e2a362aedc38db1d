"""Which images' frames are broadcast."""

import pytest

from blazepose_ros.core.timestamps import RESTART_NS, MonotonicStampFilter

START_NS = 1_000_000_000_000


@pytest.mark.parametrize(
    ("later_ns", "rises"),
    [(1, True), (33_000_000, True), (0, False), (-1, False), (1 - RESTART_NS, False), (-RESTART_NS, True)],
)
def test_a_stamp_rises_or_starts_again(later_ns, rises):
    stamps = MonotonicStampFilter()
    assert stamps.rises(START_NS)
    assert stamps.rises(START_NS + later_ns) == rises


def test_after_an_older_stamp_the_newest_still_counts():
    stamps = MonotonicStampFilter()
    assert [stamps.rises(START_NS + ms) for ms in (0, 20, 10, 15, 20, 21)] == [
        True, True, False, False, False, True,
    ]  # fmt: skip


def test_stamps_before_the_epoch_rise_too():
    stamps = MonotonicStampFilter()
    assert stamps.rises(-5)
    assert stamps.rises(-4)
    assert not stamps.rises(-4)
