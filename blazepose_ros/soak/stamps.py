"""The stamps of a camera whose clock is not to be trusted."""

from __future__ import annotations

from collections.abc import Callable

from blazepose_ros.nanoseconds import NS_PER_S

# sec is an int32: what would lie beyond is left where the clock is.
_LIMIT_NS = (1 << 31) * NS_PER_S


class Stamps:
    """Gives each image its stamp.

    Args:
        clock: the true time in nanoseconds.

    Attributes:
        offset_ns: how far the camera's clock is ahead of the true one.
        repeating: whether it stands still.
    """

    def __init__(self, clock: Callable[[], int]) -> None:
        self.offset_ns = 0
        self.repeating = False
        self._clock = clock
        self._last_ns = 0

    def next_ns(self) -> int:
        """Return the stamp of the next image."""
        if not self.repeating:
            stamp_ns = self._clock() + self.offset_ns
            self._last_ns = stamp_ns if abs(stamp_ns) < _LIMIT_NS else self._clock()
        return self._last_ns

    def begin_at_zero(self) -> None:
        """Count from now on, as a camera that knows no time."""
        self.offset_ns = -self._clock()
