# SPDX-License-Identifier: Apache-2.0
"""A thread that works on the latest item; the items that it supersedes are dropped."""

from __future__ import annotations

import threading
from collections.abc import Callable
from queue import SimpleQueue
from typing import Generic, TypeVar

Item = TypeVar("Item")

STOP_TIMEOUT_S = 1.0


class LatestItemWorker(Generic[Item]):
    """Hands the latest item to a function, one at a time, in a thread of its own.

    There is no queue: at most one item waits.

    Args:
        work: called with each item. What it raises ends the thread, and the next offer fails.
        name: the thread's name.
    """

    def __init__(self, work: Callable[[Item], object], name: str) -> None:
        self._work = work
        self._lock = threading.Lock()
        self._waiting: Item | None = None
        self._stopping = False
        self._ended = False
        # Nothing but wake-ups. A Condition's are made of Python, which costs more than most work's own time.
        self._filled: SimpleQueue[None] = SimpleQueue()
        self._emptied: SimpleQueue[None] = SimpleQueue()
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self._thread.start()

    def offer(self, item: Item) -> bool:
        """Make an item the next one; return false where it supersedes one that waited.

        Raises:
            RuntimeError: the thread has ended.
        """
        self._check_alive()
        with self._lock:
            superseded, self._waiting = self._waiting, item
        if superseded is None:
            self._filled.put(None)
        return superseded is None

    def hand_over(self, item: Item) -> None:
        """Make an item the next one as soon as none waits: nothing is dropped.

        It is for one thread, which offers nothing besides.

        Raises:
            RuntimeError: the thread has ended.
        """
        while self._waiting is not None and not (self._stopping or self._ended):
            self._emptied.get()
        self.offer(item)

    def end(self) -> None:
        """End after the item at hand, without waiting for that."""
        self._stopping = True
        self._filled.put(None)
        self._emptied.put(None)

    def stop(self) -> bool:
        """Finish the item at hand and end; return false if that takes longer than a second."""
        self.end()
        self._thread.join(STOP_TIMEOUT_S)
        return not self._thread.is_alive()

    def _check_alive(self) -> None:
        if self._ended and not self._stopping:
            raise RuntimeError(f"the thread {self._thread.name!r} has ended")

    def _run(self) -> None:
        try:
            while (item := self._next()) is not None:
                self._work(item)
        finally:
            self._ended = True
            self._emptied.put(None)

    def _next(self) -> Item | None:
        self._filled.get()
        with self._lock:
            item, self._waiting = self._waiting, None
        if self._emptied.empty():
            self._emptied.put(None)
        return None if self._stopping else item
