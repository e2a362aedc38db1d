"""Waiting for threads in callbacks, while the executor goes on with others."""

from __future__ import annotations

from concurrent.futures import Future
from typing import Any

from rclpy.task import Future as Awaitable


async def finished(outcome: Future[Any]) -> None:
    """Wait until a thread's outcome is there, whatever it is.

    Callbacks of the waiting one's callback group wait with it, others do not.
    """
    done = Awaitable()
    outcome.add_done_callback(lambda _outcome: done.set_result(None))
    await done
