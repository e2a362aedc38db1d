"""The definitions of messages, which a recording carries with it."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from rosbags.typesys import Stores, get_types_from_msg, get_typestore
from rosbags.typesys.store import Typestore

PACKAGE = "blazepose_ros"
# For a package that runs from its sources.
_SOURCES = Path(__file__).absolute().parents[2] / "msg"


@cache
def typestore() -> Typestore:
    """Return the common interfaces' definitions and this package's."""
    store = get_typestore(Stores.ROS2_JAZZY)  # those of the outputs are the same in every distribution
    for path in sorted(_definitions().glob("*.msg")):
        store.register(get_types_from_msg(path.read_text(), f"{PACKAGE}/msg/{path.stem}"))
    return store


def _definitions() -> Path:
    """Return the folder of this package's message definitions, installed or in the sources."""
    share = Path("share", PACKAGE, "msg")
    prefixes = Path(__file__).absolute().parents
    return next((prefix / share for prefix in prefixes if (prefix / share).is_dir()), _SOURCES)
