# SPDX-License-Identifier: Apache-2.0
"""Stamps of images and the time between them: units, jumps, order, frame interval, durations."""

from __future__ import annotations

import math
import time
from collections import defaultdict, deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from statistics import median

from blazepose_ros.core.errors import Logger

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


# An image that is older by this or more belongs to a recording that starts again. Drivers that
# mix up two clocks step back by less, again and again (ros-drivers/usb_cam#259).
RESTART_NS = NS_PER_S


def is_restart(last_ns: int | None, stamp_ns: int) -> bool:
    """Tell whether a stamp is so much older than the last one that a recording starts again."""
    return last_ns is not None and last_ns - stamp_ns >= RESTART_NS


class MonotonicTime:
    """The time of a camera, which stands still while stamps are a little early."""

    def __init__(self) -> None:
        self._newest_ns: int | None = None

    def at(self, stamp_ns: int) -> int:
        """Return the time of the next image in nanoseconds: the newest stamp so far.

        Args:
            stamp_ns: of the image; where it starts again, so does time.
        """
        if self._newest_ns is None or is_restart(self._newest_ns, stamp_ns):
            self._newest_ns = stamp_ns
        self._newest_ns = max(self._newest_ns, stamp_ns)
        return self._newest_ns


# A camera whose clock counts seconds repeats a stamp for no longer than that; a constant one is none.
CONSTANT_NS = 3 * NS_PER_S // 2


NO_TIME = (
    "images carry no time (their stamps are zero or do not change): people are tracked by the time of receipt"
)


class StampSubstitute:
    """Gives images the time of receipt where their stamps are zero, or one and the same for ever.

    Args:
        logger: warned once where that is so.
    """

    def __init__(self, logger: Logger) -> None:
        self._logger = logger
        self._stamp_ns: int | None = None
        self._since_ns = 0
        self._has_warned = False

    def time_of(self, stamp_ns: int, received_ns: int) -> int:
        """Return when an image was taken, as far as one can know, in nanoseconds.

        Args:
            stamp_ns: of its header.
            received_ns: when it was received.
        """
        if stamp_ns != self._stamp_ns:
            self._stamp_ns, self._since_ns = stamp_ns, received_ns
        if stamp_ns and received_ns - self._since_ns <= CONSTANT_NS:
            return stamp_ns
        if not self._has_warned:
            self._has_warned = True
            self._logger.warning(f"{NO_TIME}; headers stay as they are")
        return received_ns


# A stamp that comes again does so within `RESTART_NS`, in which no camera takes more images.
STAMPS_KEPT = 256


class RepeatedStampFilter:
    """Accepts each stamp once: tf2 sorts transforms that come late, and warns of repeated ones."""

    def __init__(self) -> None:
        self._stamps_ns: deque[int] = deque(maxlen=STAMPS_KEPT)

    def accepts(self, stamp_ns: int) -> bool:
        """Tell whether a stamp is a new one, or the first after a restart."""
        if self._stamps_ns and is_restart(self._stamps_ns[-1], stamp_ns):
            self._stamps_ns.clear()
        if stamp_ns in self._stamps_ns:
            return False
        self._stamps_ns.append(stamp_ns)
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
            # RFC 6298, 2.2. The first turn is often the slowest by far: nothing may rely on it.
            self.usual_s, self._deviation_s = took_s, took_s / 2
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
