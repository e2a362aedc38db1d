"""A thread that works on the newest item and forgets the ones it had no time for."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Generic, TypeVar

Item = TypeVar("Item")

STOP_TIMEOUT_S = 1.0


class NewestWorker(Generic[Item]):
    """Hands the newest item to a function, one at a time, in a thread of its own.

    There is no queue: an item that comes while another waits takes its place.

    Args:
        work: called with each item. What it raises ends the thread, and the next offer fails.
        name: the thread's name.
    """

    def __init__(self, work: Callable[[Item], None], name: str) -> None:
        self._work = work
        self._changed = threading.Condition()
        self._waiting: Item | None = None
        self._stopping = False
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self._thread.start()

    def offer(self, item: Item) -> bool:
        """Make an item the next one; return false where one that waited is dropped for it.

        Raises:
            RuntimeError: the thread has ended.
        """
        if not self._thread.is_alive():
            raise RuntimeError(f"the thread {self._thread.name!r} has ended")
        with self._changed:
            replaced, self._waiting = self._waiting, item
            self._changed.notify()
        return replaced is None

    def stop(self) -> bool:
        """Finish the item at hand and end; return false if that takes longer than a second."""
        with self._changed:
            self._stopping = True
            self._changed.notify()
        self._thread.join(STOP_TIMEOUT_S)
        return not self._thread.is_alive()

    def _run(self) -> None:
        while (item := self._next()) is not None:
            self._work(item)

    def _next(self) -> Item | None:
        with self._changed:
            self._changed.wait_for(lambda: self._stopping or self._waiting is not None)
            item, self._waiting = self._waiting, None
            return None if self._stopping else item
