"""What can go wrong with a recording."""

from __future__ import annotations


class BagError(RuntimeError):
    """A recording cannot be read or written; the message says which, why, and what to do."""
