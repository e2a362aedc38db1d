# SPDX-License-Identifier: Apache-2.0
"""Messages that repeat with every image, logged once in a while, each in one line."""

from __future__ import annotations

import time
from collections.abc import Callable

from blazepose_ros.core.errors import Logger
from blazepose_ros.core.text import printable

PERIOD_S = 5.0
# A camera whose images all differ in what is wrong with them must not fill a disk.
MAX_DIFFERENT = 20
# A message has one line, whatever texts from outside are in it, and not much more than a traceback.
MAX_CHARACTERS = 4000
AND_MORE = "there is more that differs in its details; it is not said for now"


class LogThrottle:
    """A `Logger` that logs a message at once, the same again only after five seconds, and not too many.

    Args:
        logger: where messages go.
        clock: monotonic seconds.
    """

    def __init__(self, logger: Logger, clock: Callable[[], float] = time.monotonic) -> None:
        self._logger = logger
        self._clock = clock
        self._logged_s: dict[str, float] = {}

    # rclpy tells messages apart by the line that logs them, and such a line keeps its severity.
    def info(self, message: str, /) -> None:
        """Log what happens, unless it was logged within the last five seconds."""
        for due in self._due(message):
            self._logger.info(due)

    def warning(self, message: str, /) -> None:
        """Log what may not be as intended, unless it was logged within the last five seconds."""
        for due in self._due(message):
            self._logger.warning(due)

    def error(self, message: str, /) -> None:
        """Log what went wrong, unless it was logged within the last five seconds."""
        for due in self._due(message):
            self._logger.error(due)

    def _due(self, message: str) -> tuple[str, ...]:
        """Return what is to be logged for a message: itself, that there are more, or nothing."""
        now_s, message = self._clock(), printable(message, MAX_CHARACTERS)
        self._logged_s = {text: at_s for text, at_s in self._logged_s.items() if now_s - at_s < PERIOD_S}
        if len(self._logged_s) >= MAX_DIFFERENT and message not in self._logged_s:
            message = AND_MORE
        if message in self._logged_s:
            return ()
        self._logged_s[message] = now_s
        return (message,)
