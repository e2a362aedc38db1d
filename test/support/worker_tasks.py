# SPDX-License-Identifier: Apache-2.0
"""Tasks for worker processes, which have to be able to import them."""

import os
import signal
from pathlib import Path


def die_until(marks: Path, tries: int) -> int:
    """Kill the own process so many times, then return its id."""
    with marks.open("ab") as file:
        file.write(b".")
    if marks.stat().st_size <= tries:
        os.kill(os.getpid(), signal.SIGKILL)
    return os.getpid()


def fail() -> None:
    raise ValueError("as it is")


def sleep_forever(begun: Path) -> None:
    begun.touch()
    signal.pause()
