# SPDX-License-Identifier: Apache-2.0
"""Work in threads that nobody has to wait for."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import TypeVar

Result = TypeVar("Result")


def in_thread(work: Callable[[], Result], name: str) -> Future[Result]:
    """Start a function in a thread and return its outcome to come.

    The thread is a daemon: a process that ends does not wait for it.

    Args:
        work: called once; what it raises is raised again by ``result()``.
        name: the thread's name.
    """
    outcome: Future[Result] = Future()
    threading.Thread(target=_settle, args=(outcome, work), name=name, daemon=True).start()
    return outcome


def _settle(outcome: Future[Result], work: Callable[[], Result]) -> None:
    try:
        result = work()
    except BaseException as error:  # noqa: BLE001  who waits for the outcome gets to see it
        outcome.set_exception(error)
    else:
        outcome.set_result(result)
