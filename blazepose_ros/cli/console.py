# SPDX-License-Identifier: Apache-2.0
"""What the commands read from and write to the terminal."""

from __future__ import annotations

import argparse
import math
import os
import signal
import sys
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from rich.cells import cell_len
from rich.console import Console, ConsoleOptions, JustifyMethod, RenderableType, RenderResult
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from rich.table import Table

# What a shell reports of a process whose reader, such as head, has left: 128 + SIGPIPE.
UNREAD = 128 + signal.SIGPIPE
GAP = 2  # spaces between two columns


def say(text: str) -> None:
    """Print a line at once, also where the output is not a terminal."""
    write(text + "\n")


def write(text: str) -> None:
    """Write text to the standard output at once.

    Raises:
        SystemExit: the reader has left; what is written from then on goes nowhere.
    """
    try:
        print(text, end="", flush=True)  # noqa: T201
    except BrokenPipeError:
        # Else Python writes again when it ends, and fails.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise SystemExit(UNREAD) from None


def show(*parts: RenderableType) -> None:
    """Print tables and lines; escape codes only on a terminal, lines of text as long as they are."""
    console = plain_console()
    with console.capture() as capture:
        print_on(console, *parts)
    write(capture.get())


def print_on(console: Console, *parts: RenderableType) -> None:
    """Print tables and lines; a terminal wraps what is too long, nothing is cut."""
    for part in parts:
        console.print(part, soft_wrap=True)


def plain_console(*, stderr: bool = False) -> Console:
    """Return a console that shows texts as they are: 80 columns wide where it is not a terminal."""
    return Console(stderr=stderr, highlight=False, markup=False, emoji=False)


@dataclass(frozen=True)
class FittingTable:
    """A table whose columns go on below where the terminal is too narrow: no number is cut.

    Attributes:
        head: the headings, which may have several lines; that of the first column is the title.
        rows: the cells of each row, as many as there are headings.
        left: the indices of the columns that hold words and not numbers.
    """

    head: Sequence[str]
    rows: Sequence[Sequence[str]]
    left: Collection[int] = (0,)

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """Yield one table below the other, each with the first column."""
        columns = list(zip(self.head, *self.rows, strict=True))
        widths = [max(cell_len(line) for cell in column for line in cell.split("\n")) for column in columns]
        for block in _blocks(widths, options.max_width):
            table = Table(box=None, pad_edge=False, padding=(0, GAP, 0, 0))
            for index in block:
                justify: JustifyMethod = "left" if index in self.left else "right"
                table.add_column(self.head[index], justify=justify, no_wrap=True, overflow="fold")
            for row in self.rows:
                table.add_row(*(row[index] for index in block))
            width = sum(widths[index] + GAP for index in block)
            yield from console.render(table, options.update(width=max(width, options.max_width)))


def _blocks(widths: Sequence[int], room: int) -> Iterator[list[int]]:
    """Yield the columns that fit beside each other, the first one in every block."""
    block, used = [0], widths[0]
    for index in range(1, len(widths)):
        if len(block) > 1 and used + GAP + widths[index] > room:
            yield block
            block, used = [0], widths[0]
        block.append(index)
        used += GAP + widths[index]
    yield block


_STDERR = plain_console(stderr=True)


def note(text: str) -> None:
    """Print a line to the standard error, above the progress where that is shown."""
    print_on(_STDERR, text)


class ProgressBar:
    """A bar on the standard error; see ``progress``."""

    def __init__(self, bars: Progress, task: TaskID) -> None:
        self._bars = bars
        self._task = task

    def advance(self, count: float = 1) -> None:
        """Count what has been done."""
        self._bars.advance(self._task, count)

    def show(self, done: int, total: int) -> None:
        """Show how much has been done, and of how much."""
        self._bars.update(self._task, completed=done, total=total)

    def describe(self, text: str) -> None:
        """Say what is being done."""
        self._bars.update(self._task, description=text)


@contextmanager
def progress(description: str, total: int, unit: str) -> Iterator[ProgressBar]:
    """Show progress for the length of a block on the standard error: a bar, off a terminal a line at the end.

    Args:
        description: what is being done.
        total: how much there is to do.
        unit: what is counted, in the plural.
    """
    columns = (
        TextColumn("{task.description}", markup=False),
        BarColumn(bar_width=None),
        TextColumn("{task.completed:.0f}/{task.total:.0f} " + unit),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=_STDERR, expand=True) as bars:
        yield ProgressBar(bars, bars.add_task(description, total=total))


def number_above_0(text: str) -> float:
    """Return the number that an option is given.

    Raises:
        argparse.ArgumentTypeError: it is no finite number above 0.
    """
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if not 0 < number < math.inf:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number above 0")
    return number


def count_from_1(text: str) -> int:
    """Return the number that an option is given.

    Raises:
        argparse.ArgumentTypeError: it is no whole number from 1.
    """
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number from 1")
    return int(text)


def file_to_write(text: str) -> Path:
    """Return the file that an option is given, to be written when the work is done.

    Raises:
        argparse.ArgumentTypeError: it cannot be, which is better known before the work than after.
    """
    path = Path(text)
    try:
        is_folder, has_folder = path.is_dir(), path.parent.is_dir()
    except OSError as err:
        raise argparse.ArgumentTypeError(f"{text} cannot be written: {err.strerror}") from err
    if is_folder:
        raise argparse.ArgumentTypeError(f"{text} is a folder")
    if not has_folder:
        raise argparse.ArgumentTypeError(f"there is no folder {path.parent}: make it first")
    return path
