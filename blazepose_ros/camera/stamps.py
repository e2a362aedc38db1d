"""Stamps for images that are played at a rate."""

from __future__ import annotations

from blazepose_ros.nanoseconds import NS_PER_S


class StampPacer:
    """Spaces stamps by exactly one period for as long as the clock keeps up.

    A frame is stamped with the clock where it comes before its turn or later than one
    period after it; the frames that follow are spaced from there. Stamps are never in the
    future, and they rise for as long as the clock does.

    Args:
        rate: frames per second, above 0.
    """

    def __init__(self, rate: float) -> None:
        self.period_ns = round(NS_PER_S / rate)
        self._next_ns: int | None = None

    def stamp(self, now_ns: int) -> int:
        """Return the stamp of a frame that is played now, in nanoseconds."""
        on_time = self._next_ns is not None and 0 <= now_ns - self._next_ns < self.period_ns
        stamp_ns = self._next_ns if on_time and self._next_ns is not None else now_ns
        self._next_ns = stamp_ns + self.period_ns
        return stamp_ns
