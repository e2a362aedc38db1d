"""The estimators alone, as text: how fast, how near to the physical floor, how right."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from blazepose_ros.bench.estimators import AccuracyRow, SpeedRow
from blazepose_ros.text_table import aligned

CM_PER_M = 100
PERCENT = 100


def speed_table(model: str, rows: Iterable[SpeedRow]) -> str:
    """Return milliseconds per frame and how many times faster than MediaPipe that is."""
    lines = [[row.name, f"{row.frame_ms:.1f}", f"{row.speedup:.2f}"] for row in rows]
    return _titled(f"estimators alone, {model}", [["", "ms", "times faster"], *lines])


def accuracy_table(model: str, rows: Iterable[AccuracyRow]) -> str:
    """Return PDJ at a fifth of the torso, and how far world landmarks are from MediaPipe's."""
    lines = [[row.name, f"{PERCENT * row.pdj:.1f}", f"{CM_PER_M * row.world_error_m:.2f}"] for row in rows]
    return _titled(f"on labelled photographs, {model}", [["", "PDJ %", "world cm"], *lines])


def _titled(title: str, lines: Sequence[Sequence[str]]) -> str:
    return "\n".join([title, *aligned(lines)])
