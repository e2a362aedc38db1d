"""Tells images that made way for a newer one from images that were lost on their way."""

from __future__ import annotations

import time
from collections.abc import Callable

# No camera that somebody follows people with is faster.
MAX_RATE_HZ = 1000


class Arrivals:
    """Judges, from the publisher's numbers, what became of the images between two that are taken.

    A subscription of depth 1 keeps the newest image. While its owner is not waiting for one, images
    take each other's place; while it is waiting, those that are missing did not arrive. An even
    share of them is counted for either time.

    Args:
        clock: seconds that rise.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._sequence = 0
        self._taken_s = self._waits_since_s = clock()
        self._waited_s = 0.0

    def there(self) -> None:
        """Say that an image is there: its owner waits no longer."""
        self._waited_s = self._clock() - self._waits_since_s

    def taken(self, sequence: int) -> int:
        """Return how many images made way for the one that is taken.

        Args:
            sequence: its publisher's number of it; 0 where the middleware does not know.
        """
        now_s = self._clock()
        between_s, self._taken_s = now_s - self._taken_s, now_s
        missing, self._sequence = sequence - self._sequence - 1, sequence
        # Numbers of another publisher, or of one that has started anew, say nothing.
        if not 0 < missing <= between_s * MAX_RATE_HZ:
            return 0
        away = 1 - min(1.0, self._waited_s / between_s)
        return min(missing, round((missing + 1) * away))

    def wait(self) -> None:
        """Say that the next image is waited for from now on."""
        self._waits_since_s = self._clock()
