"""Waiting for threads in callbacks, while the executor goes on with others."""

from __future__ import annotations

from concurrent.futures import Future
from typing import Any

from rclpy.executors import Executor
from rclpy.task import Future as Awaitable


async def finished(outcome: Future[Any], executor: Executor) -> None:
    """Wait until a thread's outcome is there, whatever it is.

    Callbacks of the waiting one's callback group wait with it, others do not.

    Args:
        outcome: what is waited for.
        executor: of the callback that waits; it may be asleep by then.
    """
    done = Awaitable()

    def go_on(_outcome: Future[Any]) -> None:
        done.set_result(None)
        executor.wake()

    outcome.add_done_callback(go_on)
    await done
