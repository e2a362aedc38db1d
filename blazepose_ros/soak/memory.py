"""Whether memory stays where it is."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import median

# At the first stops libraries are still filling their pools.
WARM_UP = 2
# How many stops at the beginning and at the end are compared.
COMPARED = 3
# What allocators keep more or less of from one stop to the next.
MAX_GROWTH_MB = 40.0


def growth_mb(stops_mb: Sequence[float]) -> float | None:
    """Return by how much memory grew from the first stops to the last, in MB.

    Args:
        stops_mb: resident memory each time the node was back in the same state.

    Returns:
        The growth, or None where there are too few stops to tell.
    """
    warm = stops_mb[WARM_UP:]
    if len(warm) < 2 * COMPARED:
        return None
    return median(warm[-COMPARED:]) - median(warm[:COMPARED])
