# SPDX-License-Identifier: Apache-2.0
"""The installed executables, run as real processes."""

import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO

from blazepose_ros.cli import processes
from blazepose_ros.cli.processes import executable_path as executable

STOP_TIMEOUT_S = 10.0


def ros_arguments(parameters: dict[str, object], remappings: dict[str, str] | None = None) -> list[str]:
    """Return the command line that sets parameters and renames topics."""
    arguments = processes.ros_arguments(parameters)
    for old, new in (remappings or {}).items():
        arguments += ["-r", f"{old}:={new}"]
    return arguments


@contextmanager
def running(name: str, *arguments: str, log: IO[str] | None = None) -> Iterator[subprocess.Popen]:
    """Run an executable for the length of a block, then stop it as Ctrl-C does."""
    with stopped_after(subprocess.Popen([executable(name), *arguments], stderr=log)) as process:
        yield process


@contextmanager
def stopped_after(process: subprocess.Popen) -> Iterator[subprocess.Popen]:
    """Stop a process after a block as Ctrl-C does."""
    try:
        yield process
    finally:
        process.send_signal(signal.SIGINT)
        try:
            process.wait(STOP_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            raise
