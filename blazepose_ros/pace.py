"""How long a step takes that is done again and again, and when the one at hand should end."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

# The weight of the newest duration: what changes shows after some ten.
_NEWEST = 0.1


class Pace:
    """Measures the turns of one thread for others to look at.

    Args:
        clock: seconds that rise.
    """

    def __init__(self, clock: Callable[[], float] = time.perf_counter) -> None:
        self._clock = clock
        self._began_s: float | None = None
        self.usual_s = 0.0

    @contextmanager
    def turn(self) -> Iterator[None]:
        """Measure one turn."""
        began_s = self._began_s = self._clock()
        try:
            yield
        finally:
            self._began_s = None
            took_s = self._clock() - began_s
            self.usual_s += (_NEWEST if self.usual_s else 1.0) * (took_s - self.usual_s)

    def left_s(self) -> float:
        """Return in how many seconds the turn at hand should end; 0 where none goes on."""
        began_s = self._began_s
        return 0.0 if began_s is None else max(0.0, began_s + self.usual_s - self._clock())
