"""What a check has found."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum


class Level(Enum):
    """How bad it is: a warning is something that will hurt, an error something that does not work."""

    OK = "ok"
    WARN = "warn"
    ERROR = "error"


@dataclass(frozen=True)
class Finding:
    """The result of one check.

    Attributes:
        name: what was looked at.
        level: how bad it is.
        what: what was seen, in a sentence.
        mend: the command that mends it, or what to change; empty where all is well.

    Raises:
        ValueError: something is wrong and nothing mends it, or the other way round.
    """

    name: str
    level: Level
    what: str
    mend: str = ""

    def __post_init__(self) -> None:
        if (self.level is Level.OK) == bool(self.mend):
            raise ValueError(f"{self.name}: what is not ok has a remedy, and only that")


def ok(name: str, what: str) -> Finding:
    """Return that all is well."""
    return Finding(name, Level.OK, what)


def warn(name: str, what: str, mend: str) -> Finding:
    """Return that something will hurt."""
    return Finding(name, Level.WARN, what, mend)


def error(name: str, what: str, mend: str) -> Finding:
    """Return that something does not work."""
    return Finding(name, Level.ERROR, what, mend)
