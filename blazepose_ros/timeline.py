"""Where the stamps of images that follow each other break off."""

from __future__ import annotations

# In two seconds a person walks out of the region where the last image saw them. Of a camera slower
# than that, every image is looked at anew.
MAX_GAP_NS = 2_000_000_000


def breaks_off(last_ns: int | None, stamp_ns: int) -> bool:
    """Tell whether what was seen in the last image says nothing about the next one.

    That is so where time goes back, as in a recording that starts again, and where it jumps.
    A stamp that repeats goes on: cameras with a coarse clock, or none, send such.

    Args:
        last_ns: the stamp of the last image in nanoseconds; None before the first.
        stamp_ns: the next one's.
    """
    return last_ns is not None and not 0 <= stamp_ns - last_ns <= MAX_GAP_NS
