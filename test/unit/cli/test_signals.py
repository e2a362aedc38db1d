# SPDX-License-Identifier: Apache-2.0
"""How Ctrl-C and SIGTERM end a program."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest

from blazepose_ros.cli.signals import STOP_SIGNALS, Interruption, held_back


@pytest.fixture(autouse=True)
def _restore_handlers() -> Iterator[None]:
    before = {number: signal.getsignal(number) for number in STOP_SIGNALS}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


def send(number: Any) -> None:
    """Do what Python does when a signal has come; the process tests send real ones."""
    handler = signal.getsignal(number)
    if callable(handler):  # not SIG_IGN
        handler(number, None)


def interrupt(number: Any, after: Any = lambda: None) -> None:
    """Send a signal within a block, and go on with something where it does not raise."""
    with Interruption():
        send(number)
        after()


def test_ctrl_c_is_a_keyboard_interrupt() -> None:
    with pytest.raises(KeyboardInterrupt):
        interrupt(signal.SIGINT)


def test_sigterm_is_the_status_that_a_shell_reports() -> None:
    with pytest.raises(SystemExit) as caught:
        interrupt(signal.SIGTERM)
    assert caught.value.code == 143


def test_nothing_disturbs_what_cleans_up() -> None:
    cleaned = []

    def clean() -> None:
        try:
            interrupt(signal.SIGINT)
        finally:
            for number in STOP_SIGNALS:
                send(number)
            cleaned.append(True)

    with pytest.raises(KeyboardInterrupt):
        clean()
    assert cleaned == [True]


def test_an_exception_that_it_has_turned_into_does_not_hide_it() -> None:
    def lose() -> None:
        with Interruption():
            try:
                send(signal.SIGTERM)
            except SystemExit:
                raise RuntimeError("what C++ makes of it") from None

    with pytest.raises(SystemExit):
        lose()


def test_without_a_signal_nothing_happens() -> None:
    with Interruption(), held_back():
        pass


@pytest.mark.parametrize("by", ["this thread", "another one"])
def test_a_signal_that_is_held_back_comes_at_the_end(by: str) -> None:
    """Whichever thread the kernel gives it to."""
    done = []

    def work() -> None:
        with Interruption(), held_back():
            if by == "another one":
                signal.pthread_sigmask(signal.SIG_UNBLOCK, STOP_SIGNALS)
            os.kill(os.getpid(), signal.SIGINT)
            done.append(True)

    with pytest.raises(KeyboardInterrupt):
        work()
    assert done == [True]


def test_processes_begin_with_the_signals_held_back() -> None:
    with held_back():
        process = subprocess.Popen(
            [sys.executable, "-c", "from signal import *; print(pthread_sigmask(SIG_BLOCK, []))"],
            stdout=subprocess.PIPE,
            text=True,
        )
    blocked, _ = process.communicate()
    assert all(repr(number) in blocked for number in STOP_SIGNALS)


def test_after_a_block_that_holds_back_all_is_as_before() -> None:
    with Interruption():
        handlers = [signal.getsignal(number) for number in STOP_SIGNALS]
        with held_back():
            pass
        assert [signal.getsignal(number) for number in STOP_SIGNALS] == handlers
    assert not signal.pthread_sigmask(signal.SIG_BLOCK, []) & set(STOP_SIGNALS)
