# SPDX-License-Identifier: Apache-2.0
"""How Ctrl-C and SIGTERM end a command."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType, TracebackType

STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM)
# What a shell reports of a process that Ctrl-C ended.
INTERRUPTED = 128 + signal.SIGINT


class Interruption:
    """Ends its block by an exception when Ctrl-C or SIGTERM comes.

    This is a ``KeyboardInterrupt``, or a ``SystemExit`` with the status that a shell reports
    of a process that SIGTERM ended. Only the first signal counts: users and launchers
    repeat it, and the cleaning up must not be disturbed.
    """

    def __init__(self) -> None:
        self._received: int | None = None

    def __enter__(self) -> Interruption:
        for number in STOP_SIGNALS:
            signal.signal(number, self._receive)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        # Raised within an extension module, the exception may have turned into another one.
        self._raise_if_received()

    def _receive(self, number: int, _frame: FrameType | None) -> None:
        for each in STOP_SIGNALS:
            signal.signal(each, signal.SIG_IGN)
        self._received = number
        self._raise_if_received()

    def _raise_if_received(self) -> None:
        if self._received == signal.SIGINT:
            raise KeyboardInterrupt
        if self._received is not None:
            raise SystemExit(128 + self._received)


@contextmanager
def held_back() -> Iterator[None]:
    """Let signals wait for the end of a block.

    It may call back from C or C++, where an exception can be lost on its way, or start
    processes, every one of which is then known. These begin with the signals blocked, and receive
    them once they call `unblock_signals`: their start is not disturbed.
    """
    received: list[int] = []
    # The handlers, because another thread may take a signal that this one has blocked.
    handlers = {
        number: signal.signal(number, lambda number, _: received.append(number)) for number in STOP_SIGNALS
    }
    blocked = signal.pthread_sigmask(signal.SIG_BLOCK, STOP_SIGNALS)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, blocked)
        for number, handler in handlers.items():
            signal.signal(number, handler)
        for each in received:
            signal.raise_signal(each)


def unblock_signals() -> None:
    """Receive the signals that `held_back` has blocked in this process."""
    signal.pthread_sigmask(signal.SIG_UNBLOCK, STOP_SIGNALS)


@contextmanager
def exit_at_once_on_ctrl_c() -> Iterator[None]:
    """Raise no exception for Ctrl-C in a block that imports: extension modules turn it into another one."""
    before = signal.getsignal(signal.SIGINT)
    if before is signal.default_int_handler:
        signal.signal(signal.SIGINT, _exit_at_once)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def _exit_at_once(_number: int, _frame: FrameType | None) -> None:
    os._exit(interrupted())


def interrupted() -> int:
    """Say that Ctrl-C has ended the command, and return its exit status."""
    sys.stderr.write("\ninterrupted\n")
    return INTERRUPTED
