# SPDX-License-Identifier: Apache-2.0
"""Processes that take turns: each works on request and is idle in between."""

from __future__ import annotations

import json
import select
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from blazepose_ros.cli.processes import ChildProcess, ChildProcesses
from blazepose_ros.core.errors import BlazePoseError

# Between the end of what it writes and its own.
STOP_TIMEOUT_S = 5.0


class BenchError(BlazePoseError, RuntimeError):
    """A case could not be measured; the message says what failed."""


class WorkerProcess:
    """The parent's end of a process that ``take_turns``.

    Args:
        children: ends the process with their block.
        command: the executable and its arguments.
        log: where its errors go.
    """

    def __init__(self, children: ChildProcesses, command: Sequence[str], log: Path) -> None:
        self.process: ChildProcess = children.start(command, log, pipes=True)

    def begin(self, turn: object) -> None:
        """Send what to do, as JSON, and return at once.

        Raises:
            BenchError: the process has ended.
        """
        try:
            self.process.input.write(json.dumps(turn).encode() + b"\n")
            self.process.input.flush()
        except BrokenPipeError as err:
            raise BenchError(self._failure()) from err

    def end(self, timeout_s: float) -> Any:
        """Wait for the end of a turn and return what came of it.

        Raises:
            BenchError: the process has ended, or does not come to an end in time.
        """
        if not select.select([self.process.output], [], [], timeout_s)[0]:
            raise BenchError(f"{self.process.log.stem} does not end its turn")
        answer = self.process.output.readline()
        if not answer:
            raise BenchError(self._failure())
        return json.loads(answer)

    def _failure(self) -> str:
        self.process.wait(STOP_TIMEOUT_S)
        return self.process.failure() or f"{self.process.log.stem} has ended"


def take_turns(work: Callable[[Any], object]) -> None:
    """Do what is read from standard input, and write what came of it to standard output, until that ends."""
    for line in sys.stdin:
        sys.stdout.write(json.dumps(work(json.loads(line))) + "\n")
        sys.stdout.flush()
