"""How often images come, by their stamps."""

from __future__ import annotations

import math
from collections import deque
from statistics import median

from blazepose_ros.nanoseconds import NS_PER_S

# A median over this many intervals rides over lost images and changes within a moment.
INTERVALS = 9


class Cadence:
    """Measures the time from one image to the next."""

    def __init__(self) -> None:
        self._last_ns: int | None = None
        self._intervals_ns: deque[int] = deque(maxlen=INTERVALS)

    def add(self, stamp_ns: int) -> None:
        """Take the stamp of the next image, in nanoseconds; a repeated or earlier one starts anew."""
        if self._last_ns is not None and stamp_ns > self._last_ns:
            self._intervals_ns.append(stamp_ns - self._last_ns)
        else:
            self._intervals_ns.clear()
        self._last_ns = stamp_ns

    @property
    def interval_s(self) -> float:
        """The median interval in seconds; NaN after one image."""
        return median(self._intervals_ns) / NS_PER_S if self._intervals_ns else math.nan
