"""What the page writes about a camera, in Markdown."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

# Stages as they stand in Timing, in order.
STAGES = ("transport", "waiting", "decoding", "inference", "publishing")

# A stamp older than this is a recording's: the delay since then says nothing.
OF_TODAY_MS = 10_000.0

# diagnostic_msgs/DiagnosticStatus: OK, WARN, ERROR, STALE.
LEVELS = ("OK", "WARN", "ERROR", "STALE")

_MARKDOWN = re.compile(r"([\\`*_{}\[\]<>()#+!|~-])")


@dataclass(frozen=True)
class Reading:
    """What one camera's topics say at a moment.

    Attributes:
        poses_hz: how many images are answered in a second; 0 while none is.
        images_hz: how many annotated images come in a second.
        latency_ms: from an image's stamp to its poses here, in the median; NaN where unknown.
        stages_ms: the median of each stage of the node, by the names of ``STAGES``.
        people: a line about each person.
    """

    poses_hz: float = 0.0
    images_hz: float = 0.0
    latency_ms: float = math.nan
    stages_ms: Mapping[str, float] | None = None
    people: Sequence[str] = ()


@dataclass(frozen=True)
class Diagnosis:
    """One status of a DiagnosticArray; ``level`` indexes ``LEVELS``."""

    name: str
    level: int
    message: str


def summary(reading: Reading, diagnoses: Sequence[Diagnosis]) -> str:
    """Return rates, people and diagnostics."""
    if not reading.poses_hz:
        return "\n\n".join(filter(None, ["**No poses are coming.**", _diagnostics(diagnoses)]))
    people = "\n".join(f"- {escaped(line)}" for line in reading.people) or "Nobody is there."
    return "\n\n".join(filter(None, [_rates(reading), people, _diagnostics(diagnoses)]))


def stages(reading: Reading) -> str:
    """Return how long each stage of the node takes."""
    if not reading.stages_ms:
        return "The node tells nothing of it."
    return _table(("stage", "median"), [(name, _number(reading.stages_ms[name], "ms")) for name in STAGES])


def escaped(text: str) -> str:
    """Return a text that Markdown shows as it is."""
    return _MARKDOWN.sub(r"\\\1", " ".join(text.split()))


def _rates(reading: Reading) -> str:
    rows = [
        ("poses", _number(reading.poses_hz, "/s")),
        ("pictures", _number(reading.images_hz, "/s")),
        ("from image to here", _number(reading.latency_ms, "ms")),
    ]
    return _table(("", ""), rows)


def _diagnostics(diagnoses: Sequence[Diagnosis]) -> str:
    rows = [(level_name(each.level), f"{escaped(each.name)}: {escaped(each.message)}") for each in diagnoses]
    return _table(("diagnostics", ""), rows, alignment="---|---") if rows else ""


def level_name(level: int) -> str:
    """Return a level as diagnostic_msgs names it, or the number where it names none."""
    return LEVELS[level] if level < len(LEVELS) else str(level)


def _table(head: tuple[str, str], rows: Sequence[tuple[str, str]], alignment: str = "---|---:") -> str:
    lines = [f"| {left} | {right} |" for left, right in (head, *rows)]
    return "\n".join([lines[0], f"|{alignment}|", *lines[1:]])


def _number(value: float, unit: str) -> str:
    return f"{value:.1f} {unit}" if math.isfinite(value) else f"- {unit}"
