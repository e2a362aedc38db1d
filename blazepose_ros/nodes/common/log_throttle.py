"""Errors that repeat with every image, said once in a while."""

from __future__ import annotations

import time
from collections.abc import Callable

PERIOD_S = 5.0
# A camera whose images all differ in what is wrong with them must not fill a disk.
MAX_DIFFERENT = 20
AND_MORE = "there is more that differs in its details; it is not said for now"


class LogThrottle:
    """Passes on a message at once, the same again only after five seconds, and not too many at all.

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
        if len(self._said_s) >= MAX_DIFFERENT and message not in self._said_s:
            message = AND_MORE
        if message not in self._said_s:
            self._said_s[message] = now_s
            self._say(message)
