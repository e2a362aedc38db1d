# SPDX-License-Identifier: Apache-2.0
"""The result of a check, as text and as JSON."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum


class CheckLevel(Enum):
    """A warning will cause trouble, an error keeps something from working."""

    OK = "ok"
    WARN = "warn"
    ERROR = "error"


@dataclass(frozen=True)
class CheckResult:
    """The result of one check.

    Attributes:
        name: what was looked at.
        level: how bad it is.
        what: what was found, in a sentence.
        fix: the command or change that fixes it; empty where all is well.

    Raises:
        ValueError: a problem has no fix, or something that is well has one.
    """

    name: str
    level: CheckLevel
    what: str
    fix: str = ""

    def __post_init__(self) -> None:
        if (self.level is CheckLevel.OK) == bool(self.fix):
            raise ValueError(f"{self.name}: a warning or an error has a fix, what is ok has none")


def ok(name: str, what: str) -> CheckResult:
    """Return that all is well."""
    return CheckResult(name, CheckLevel.OK, what)


def warn(name: str, what: str, fix: str) -> CheckResult:
    """Return that something will cause trouble."""
    return CheckResult(name, CheckLevel.WARN, what, fix)


def error(name: str, what: str, fix: str) -> CheckResult:
    """Return that something does not work."""
    return CheckResult(name, CheckLevel.ERROR, what, fix)


def as_text(result: CheckResult) -> str:
    """Return a line about a result, and one with its fix where it has one."""
    line = f"{result.level.value:<5}  {result.name}: {result.what}"
    return f"{line}\n       -> {result.fix}" if result.fix else line


def as_json(results: Sequence[CheckResult]) -> str:
    """Return all results as a JSON list of objects: name, level, what, fix."""
    rows = [
        {"name": each.name, "level": each.level.value, "what": each.what, "fix": each.fix} for each in results
    ]
    return json.dumps(rows, indent=2)
