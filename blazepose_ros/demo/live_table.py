"""The demo's live table: redrawn in place on a terminal, a line a second elsewhere."""

from __future__ import annotations

import math
from collections.abc import Callable

from blazepose_ros.demo.report import Snapshot, distance_and_std, visible_landmarks
from blazepose_ros.landmarks import NUM_LANDMARKS
from blazepose_ros.pose import Pose

_ROW = "{:>6}  {:>8}  {:>7}  {:>7}  {:>5}  {:>13}  {:>9}"
HEADER = _ROW.format("time", "images/s", "poses/s", "latency", "score", "hip distance", "landmarks")
UNKNOWN = "-"

TERMINAL_PERIOD_S = 0.2
LINE_PERIOD_S = 1.0
_RETURN, _CLEAR_TO_END = "\r", "\x1b[K"


def row(elapsed_s: float, snapshot: Snapshot) -> str:
    """Return one line of the table; a dash stands for what is not known."""
    return _ROW.format(
        f"{elapsed_s:.0f} s",
        _number(snapshot.image_rate, "{:.1f}"),
        _number(snapshot.pose_rate, "{:.1f}"),
        _number(snapshot.latency_ms, "{:.0f} ms"),
        *_person(snapshot.pose),
    )


def _person(pose: Pose | None) -> tuple[str, str, str]:
    """Return a person's score, distance and visible landmarks."""
    if pose is None:
        return UNKNOWN, UNKNOWN, UNKNOWN
    distance = UNKNOWN
    if pose.hip_center is not None:
        distance = "{:.2f} ± {:.2f} m".format(*distance_and_std(pose.hip_center))
    return _number(pose.score, "{:.2f}"), distance, f"{visible_landmarks(pose)} / {NUM_LANDMARKS}"


def _number(value: float, form: str) -> str:
    return form.format(value) if math.isfinite(value) else UNKNOWN


class LiveTable:
    """Writes the table.

    Args:
        write: writes text at once.
        terminal: whether this text is shown on a terminal.
    """

    def __init__(self, write: Callable[[str], object], *, terminal: bool) -> None:
        self._write = write
        self._terminal = terminal
        self._period_s = TERMINAL_PERIOD_S if self._terminal else LINE_PERIOD_S
        self._next_s = self._period_s
        self._begun = False

    def show(self, elapsed_s: float, snapshot: Snapshot) -> None:
        """Write a row if it is time for one.

        Args:
            elapsed_s: seconds since the first image.
            snapshot: the state of the stream.
        """
        if elapsed_s < self._next_s:
            return
        if not self._begun:
            self._write(HEADER + "\n")
            self._begun = True
        self._next_s = elapsed_s + self._period_s
        line = row(elapsed_s, snapshot)
        self._write(_RETURN + line + _CLEAR_TO_END if self._terminal else line + "\n")

    def end(self) -> None:
        """Leave the last row standing."""
        if self._terminal and self._begun:
            self._write("\n")
