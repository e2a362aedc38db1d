"""How long a step takes that is done again and again, and when the one at hand should end."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

# The weight of the newest duration: what changes shows after some ten.
_NEWEST = 0.1

# Few turns are shorter than the usual one by twice the mean deviation.
_DEVIATIONS = 2.0


class Pace:
    """Measures the turns of one thread for others to look at.

    Means that fade, of the durations and of how far they are from their mean, as TCP has them
    for round trips (V. Jacobson, "Congestion avoidance and control", SIGCOMM 1988).

    Attributes:
        usual_s: how long a turn takes.

    Args:
        clock: seconds that rise.
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
