"""Errors that repeat with every image, said once in a while."""

from __future__ import annotations

import time
from collections.abc import Callable

PERIOD_S = 5.0


class Complaints:
    """Passes on a message at once, and the same again only after five seconds.

    Args:
        say: where messages go.
        clock: seconds that rise.
    """

    def __init__(self, say: Callable[[str], object], clock: Callable[[], float] = time.monotonic) -> None:
        self._say = say
        self._clock = clock
        self._said_s: dict[str, float] = {}

    def complain(self, message: str) -> None:
        """Say a message unless it was said within the last five seconds."""
        now_s = self._clock()
        self._said_s = {text: said_s for text, said_s in self._said_s.items() if now_s - said_s < PERIOD_S}
        if message not in self._said_s:
            self._said_s[message] = now_s
            self._say(message)
