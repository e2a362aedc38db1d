"""Times the stages of one image's way through the node."""

from __future__ import annotations

import time
from collections import defaultdict

from blazepose_ros.nanoseconds import NS_PER_MS


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
