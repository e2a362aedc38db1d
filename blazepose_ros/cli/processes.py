# SPDX-License-Identifier: Apache-2.0
"""Processes that a command starts, and a ROS domain of their own."""

from __future__ import annotations

import ctypes
import os
import random
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, suppress
from pathlib import Path
from types import TracebackType
from typing import IO

from ament_index_python.packages import get_package_prefix
from domain_coordinator import domain_id

from blazepose_ros.cli.signals import held_back, unblock_signals
from blazepose_ros.core.errors import BlazePoseError


def executable_path(name: str) -> str:
    """Return the path of one of this package's executables.

    pip installs them beside Python, colcon in the package's lib folder.
    """
    beside_python = Path(sys.executable).with_name(name)
    if beside_python.exists():
        return str(beside_python)
    return str(Path(get_package_prefix("blazepose_ros"), "lib", "blazepose_ros", name))


def ros_arguments(parameters: Mapping[str, object]) -> list[str]:
    """Return the command line that sets a node's parameters."""
    settings = (("-p", f"{name}:={_yaml(value)}") for name, value in parameters.items())
    return ["--ros-args", *(part for setting in settings for part in setting)]


def _yaml(value: object) -> str:
    """Return a value as ROS reads it: text in quotes, whatever is in it."""
    if isinstance(value, str):
        return "'" + value.replace("'", "''") + "'"
    return str(value).lower()


# The signals that end a process, one after the other, and how long each may take.
STOPPING = ((signal.SIGINT, 1.5), (signal.SIGTERM, 0.5), (signal.SIGKILL, 0.5))
_POLL_S = 0.01

# A log that `last_error` can read: without colors and in this format.
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

    It is killed when the thread that started it ends.

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

    def failure(self) -> str:
        """Return the last error it logged; empty where it runs or ended well."""
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

        A signal meanwhile waits, so that every process that it finds is known here.
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
    running = started = list(children)
    for number, patience_s in STOPPING:
        running = [child for child in running if child.exit_status is None]
        for child in running:
            child.signal(number)
        deadline_s = time.monotonic() + patience_s
        while time.monotonic() < deadline_s and any(child.exit_status is None for child in running):
            time.sleep(_POLL_S)
    for child in started:
        child.close()


def last_error(log: str) -> str:
    """Return the last error in a log, which may take several lines; else its last line."""
    errors = _ERROR.split(log)
    if len(errors) > 1:
        return _LOG_LINE.split(errors[-1])[0].strip()
    lines = log.strip().splitlines()
    return lines[-1].strip() if lines else ""


def _begin_as_child() -> None:
    """End with the parent, and receive the signals that it has blocked."""
    _PRCTL(_PR_SET_PDEATHSIG, signal.SIGKILL)
    unblock_signals()


# RTPS 2.5 (9.6.2.3): a domain's first port is this many above those of the one before.
DOMAIN_PORTS, FIRST_PORT = 250, 7400
# Those that domain_coordinator reserves. Above them, Linux hands the ports to any process.
DOMAINS = range(1, 101)

_kept = ExitStack()  # until the process ends


class NoFreeDomainError(BlazePoseError, RuntimeError):
    """Every domain is in use."""


def isolate() -> None:
    """Keep what this process starts apart from other ROS processes and on this machine.

    Raises:
        NoFreeDomainError: all domains are in use.
    """
    candidates = iter(random.sample(DOMAINS, len(DOMAINS)))
    domain = _kept.enter_context(domain_id(lambda: next_free_domain(candidates)))
    os.environ["ROS_DOMAIN_ID"] = str(domain)
    os.environ["ROS_AUTOMATIC_DISCOVERY_RANGE"] = "LOCALHOST"


def next_free_domain(candidates: Iterator[int]) -> int:
    """Return the next domain that no process on this machine takes part in.

    domain_coordinator keeps those apart that ask it, this one finds all others.

    Raises:
        NoFreeDomainError: there is none.
    """
    for domain in candidates:
        with suppress(OSError), socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
            probe.bind(("", FIRST_PORT + DOMAIN_PORTS * domain))
            return domain
    raise NoFreeDomainError("no ROS domain is free: end other ROS processes first")
