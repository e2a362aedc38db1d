"""What a check has found, for people and for programs."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum


class CheckLevel(Enum):
    """How bad it is: a warning is something that will hurt, an error something that does not work."""

    OK = "ok"
    WARN = "warn"
    ERROR = "error"


@dataclass(frozen=True)
class CheckResult:
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
    level: CheckLevel
    what: str
    mend: str = ""

    def __post_init__(self) -> None:
        if (self.level is CheckLevel.OK) == bool(self.mend):
            raise ValueError(f"{self.name}: what is not ok has a remedy, and only that")


def ok(name: str, what: str) -> CheckResult:
    """Return that all is well."""
    return CheckResult(name, CheckLevel.OK, what)


def warn(name: str, what: str, mend: str) -> CheckResult:
    """Return that something will hurt."""
    return CheckResult(name, CheckLevel.WARN, what, mend)


def error(name: str, what: str, mend: str) -> CheckResult:
    """Return that something does not work."""
    return CheckResult(name, CheckLevel.ERROR, what, mend)


def as_text(finding: CheckResult) -> str:
    """Return a line about a finding, and one with its remedy where it needs one."""
    line = f"{finding.level.value:<5}  {finding.name}: {finding.what}"
    return f"{line}\n       -> {finding.mend}" if finding.mend else line


def as_json(findings: Sequence[CheckResult]) -> str:
    """Return all findings as a JSON list of objects: name, level, what, mend."""
    rows = [
        {"name": each.name, "level": each.level.value, "what": each.what, "mend": each.mend}
        for each in findings
    ]
    return json.dumps(rows, indent=2)
