# SPDX-License-Identifier: Apache-2.0
"""Stamps of images and the time between them: units, jumps, order, frame interval, durations."""

from __future__ import annotations

import math
import time
from collections import defaultdict, deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from statistics import median

NS_PER_S = 1_000_000_000
NS_PER_MS = 1_000_000


# In two seconds a person walks out of the ROI of the last image. Of a camera slower than that,
# every image is searched anew.
MAX_GAP_NS = 2_000_000_000


def is_time_jump(last_ns: int | None, stamp_ns: int) -> bool:
    """Tell whether time jumps between two images, so that tracks do not go on.

    It does where it goes back, as in a recording that starts again, and where it leaps ahead.
    A stamp that repeats goes on: cameras with a coarse clock, or none, send such.

    Args:
        last_ns: the stamp of the last image in nanoseconds; None before the first.
        stamp_ns: the next one's.
    """
    return last_ns is not None and not 0 <= stamp_ns - last_ns <= MAX_GAP_NS


# An image that is older by more than this belongs to a recording that starts again.
RESTART_NS = NS_PER_S


class MonotonicStampFilter:
    """Accepts monotonic stamps only; tf2 warns of repeated ones and drops older ones."""

    def __init__(self) -> None:
        self._last_ns: int | None = None

    def accepts(self, stamp_ns: int) -> bool:
        """Tell whether a stamp is later than the last accepted one, or the first after a restart."""
        if self._last_ns is not None and self._last_ns - RESTART_NS < stamp_ns <= self._last_ns:
            return False
        self._last_ns = stamp_ns
        return True


# A median over this many intervals rides over lost images and changes within a moment.
INTERVALS = 9


class FrameIntervalEstimator:
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


# The weight of the newest duration: what changes shows after some ten.
_NEWEST = 0.1

# Few turns are shorter than the usual one by twice the mean deviation.
_DEVIATIONS = 2.0


class DurationEstimator:
    """Estimates the duration of one thread's turns; others may read it.

    Exponential means of the durations and of their deviations, as TCP has them for round trips
    (V. Jacobson, "Congestion avoidance and control", SIGCOMM 1988).

    Attributes:
        usual_s: how long a turn takes.

    Args:
        clock: monotonic seconds.
    """

    def __init__(self, clock: Callable[[], float] = time.perf_counter) -> None:
        self._clock = clock
        self._began_s: float | None = None
        self._deviation_s = 0.0
        self.usual_s = 0.0

    @contextmanager
    def turn(self) -> Iterator[None]:
        """Measure one turn."""
        began_s = self._began_s = self._clock()
        try:
            yield
        finally:
            self._began_s = None
            self._learn(self._clock() - began_s)

    def left_s(self) -> float:
        """Return in how many seconds the turn at hand may end already; 0 where none goes on."""
        began_s = self._began_s
        if began_s is None:
            return 0.0
        soonest_s = self.usual_s - _DEVIATIONS * self._deviation_s
        return max(0.0, began_s + soonest_s - self._clock())

    def _learn(self, took_s: float) -> None:
        if not self.usual_s:
            self.usual_s = took_s
            return
        off_s = took_s - self.usual_s
        self.usual_s += _NEWEST * off_s
        self._deviation_s += _NEWEST * (abs(off_s) - self._deviation_s)


class Stopwatch:
    """Adds up milliseconds by name; runs from the moment it is made.

    Args:
        ahead_ns: how long it has run then.
    """

    def __init__(self, ahead_ns: int = 0) -> None:
        self.laps_ms: defaultdict[str, float] = defaultdict(float)
        self._last_ns = time.perf_counter_ns() - ahead_ns

    def lap(self, name: str) -> None:
        """Count the time since the last lap under a name."""
        now_ns = time.perf_counter_ns()
        self.laps_ms[name] += (now_ns - self._last_ns) / NS_PER_MS
        self._last_ns = now_ns
