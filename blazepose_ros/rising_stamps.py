"""Stamps as tf2 takes them: each later than the one before."""

from __future__ import annotations

from blazepose_ros.nanoseconds import NS_PER_S

# An image that is older by more than this belongs to a recording that starts again.
RESTART_NS = NS_PER_S


class RisingStamps:
    """Tells which stamps rise; tf2 warns of repeated ones and drops what is older."""

    def __init__(self) -> None:
        self._last_ns: int | None = None

    def rises(self, stamp_ns: int) -> bool:
        """Tell whether a stamp is later than the last one that was, or the first after a restart."""
        if self._last_ns is not None and self._last_ns - RESTART_NS < stamp_ns <= self._last_ns:
            return False
        self._last_ns = stamp_ns
        return True
