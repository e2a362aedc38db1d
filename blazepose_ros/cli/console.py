"""What the commands read from and write to the terminal."""

from __future__ import annotations

import argparse
import math
import os
import signal
import sys
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

# What a shell reports of a process whose reader, such as head, has left: 128 + SIGPIPE.
UNREAD = 128 + signal.SIGPIPE


def say(text: str) -> None:
    """Print a line at once, also where the output is not a terminal."""
    write(text + "\n")


def write(text: str) -> None:
    """Write text to the standard output at once.

    Raises:
        SystemExit: nobody reads it any more; what is written from then on goes nowhere.
    """
    try:
        print(text, end="", flush=True)  # noqa: T201
    except BrokenPipeError:
        # Else Python writes again when it ends, and complains.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise SystemExit(UNREAD) from None


_STDERR = Console(stderr=True)


def note(text: str) -> None:
    """Print a line to the standard error, above the progress where that is shown."""
    _STDERR.out(text, highlight=False)


def progress(unit: str) -> Progress:
    """Return a display of progress on the standard error: a bar on a terminal, else one line at the end.

    Args:
        unit: what is counted, in the plural.
    """
    return Progress(
        BarColumn(),
        TextColumn(f"{{task.completed}}/{{task.total}} {unit}"),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
        console=_STDERR,
    )


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


def aligned(lines: Sequence[Sequence[str]]) -> list[str]:
    """Return lines whose columns stand under each other, the first to the left."""
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    return [
        "  ".join([first.ljust(widths[0]), *map(str.rjust, others, widths[1:])]) for first, *others in lines
    ]
