"""How often something came of late, and what it measured."""

from __future__ import annotations

import math
from collections import deque
from statistics import median

WINDOW_S = 2.0


class Recent:
    """The measurements of the last two seconds."""

    def __init__(self) -> None:
        self._taken: deque[tuple[float, float]] = deque()

    def add(self, now_s: float, value: float) -> None:
        """Take a measurement; the clock rises."""
        self._taken.append((now_s, value))
        self._forget(now_s)

    def rate_hz(self, now_s: float) -> float:
        """Return how many came in a second; 0 while nothing comes, NaN after the first alone."""
        self._forget(now_s)
        if len(self._taken) < 2:
            return math.nan if self._taken else 0.0
        return (len(self._taken) - 1) / (self._taken[-1][0] - self._taken[0][0])

    def median(self, now_s: float) -> float:
        """Return the median; NaN while nothing comes."""
        self._forget(now_s)
        return median(value for _, value in self._taken) if self._taken else math.nan

    def _forget(self, now_s: float) -> None:
        while self._taken and now_s - self._taken[0][0] > WINDOW_S:
            self._taken.popleft()
