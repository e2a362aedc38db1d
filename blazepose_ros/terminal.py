"""What the commands read from and write to the terminal."""

from __future__ import annotations

import argparse
import math


def say(text: str) -> None:
    """Print a line at once, also where the output is not a terminal."""
    print(text, flush=True)  # noqa: T201


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
