"""Child processes that never outlive their parent."""

from __future__ import annotations

import ctypes
import os
import re
import signal
import subprocess
import time
from collections.abc import Iterable, Sequence
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import IO

from blazepose_ros.interruption import hear_signals, held_back

# How a process is asked to end, ever less kindly, and how long each request may take.
STOPPING = ((signal.SIGINT, 1.5), (signal.SIGTERM, 0.5), (signal.SIGKILL, 0.5))
_POLL_S = 0.01

# A log that `last_error` can read: without colours and in this format.
_LOG_ENVIRONMENT = {
    "RCUTILS_COLORIZED_OUTPUT": "0",
    "RCUTILS_CONSOLE_OUTPUT_FORMAT": "[{severity}] [{time}] [{name}]: {message}",
}
_LOG_LINE = re.compile(r"^\[[A-Z]+\] \[[\d.]+\] \[[^\]]*\]: ", re.MULTILINE)
_ERROR = re.compile(r"^\[(?:ERROR|FATAL)\] \[[\d.]+\] \[[^\]]*\]: ", re.MULTILINE)

_PR_SET_PDEATHSIG = 1  # linux/prctl.h
_PRCTL = ctypes.CDLL(None).prctl


class ChildProcess:
    """A process in a session of its own: Ctrl-C in the terminal does not reach it.

    It is killed when the thread that started it ends, however that ends.

    Args:
        command: the executable and its arguments.
        log: where its output goes; an old file is overwritten.
        pipes: whether its standard input and output are ``input`` and ``output`` instead.
    """

    def __init__(self, command: Sequence[str], log: Path, *, pipes: bool = False) -> None:
        self.log = log
        with log.open("wb") as output:
            self._process = subprocess.Popen(
                command,
                stdin=subprocess.PIPE if pipes else subprocess.DEVNULL,
                stdout=subprocess.PIPE if pipes else output,
                stderr=output,
                env={**os.environ, **_LOG_ENVIRONMENT},
                start_new_session=True,
                preexec_fn=_begin_as_child,
            )

    @property
    def exit_status(self) -> int | None:
        """The status it ended with, negative for a signal; None while it runs."""
        return self._process.poll()

    @property
    def input(self) -> IO[bytes]:
        """What it reads, where it was started with pipes."""
        assert self._process.stdin is not None
        return self._process.stdin

    @property
    def output(self) -> IO[bytes]:
        """What it writes, where it was started with pipes."""
        assert self._process.stdout is not None
        return self._process.stdout

    @property
    def pid(self) -> int:
        """The number of the process."""
        return self._process.pid

    def complaint(self) -> str:
        """Return what it said about its failure; empty where it runs or ended well."""
        status = self.exit_status
        if not status:
            return ""
        if status < 0:
            return f"it was ended by {signal.Signals(-status).name}"
        return last_error(self.log.read_text(errors="replace")) or f"it ended with status {status}"

    def wait(self, timeout_s: float) -> None:
        """Wait for its end, but not for longer than a time."""
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(timeout_s)

    def close(self) -> None:
        """Close its pipes, where there are any."""
        for pipe in filter(None, (self._process.stdin, self._process.stdout)):
            with suppress(BrokenPipeError):  # what it did not read is lost
                pipe.close()

    def signal(self, number: signal.Signals) -> None:
        """Send a signal to the process and all that it has started."""
        with suppress(ProcessLookupError):
            os.killpg(self._process.pid, number)


class ChildProcesses:
    """Starts processes and stops all of them together at the end of its block."""

    def __init__(self) -> None:
        self._children: list[ChildProcess] = []

    def start(self, command: Sequence[str], log: Path, *, pipes: bool = False) -> ChildProcess:
        """Start a process; see ``ChildProcess``.

        A signal meanwhile waits: it must not find a process that nobody knows of.
        """
        with held_back():
            child = ChildProcess(command, log, pipes=pipes)
            self._children.append(child)
        return child

    def __enter__(self) -> ChildProcesses:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        stop(self._children)


def stop(children: Iterable[ChildProcess]) -> None:
    """End processes side by side, within three seconds."""
    running = everyone = list(children)
    for number, patience_s in STOPPING:
        running = [child for child in running if child.exit_status is None]
        for child in running:
            child.signal(number)
        deadline_s = time.monotonic() + patience_s
        while time.monotonic() < deadline_s and any(child.exit_status is None for child in running):
            time.sleep(_POLL_S)
    for child in everyone:
        child.close()


def last_error(log: str) -> str:
    """Return the last error in a log, which may take several lines; else its last line."""
    errors = _ERROR.split(log)
    if len(errors) > 1:
        return _LOG_LINE.split(errors[-1])[0].strip()
    lines = log.strip().splitlines()
    return lines[-1].strip() if lines else ""


def _begin_as_child() -> None:
    """Die with the parent, and hear the signals that it has blocked."""
    _PRCTL(_PR_SET_PDEATHSIG, signal.SIGKILL)
    hear_signals()
