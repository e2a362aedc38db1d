# SPDX-License-Identifier: Apache-2.0
"""The life of a node's process, with nodes that do one thing."""

import resource
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

pytest.importorskip("rclpy", reason="rclpy is not installed")

# Twice as long as it may take, on a machine that is busy.
STOP_TIMEOUT_S = 4.0

NODES = {
    "waits": "pass",
    "is in a callback": "time.sleep(60)",
    # Not even Python's signal handlers run then.
    "is in a library that never returns": "libc.pthread_mutex_lock(lock); libc.pthread_mutex_lock(lock)",
    "hangs as it closes": "node.destroy_node = lambda: time.sleep(60)",
}
PROGRAM = """
import ctypes, sys, time
from rclpy.node import Node
from blazepose_ros.nodes.common.main import run_node

libc, lock = ctypes.CDLL(None), bytes(64)

class OneThing(Node):
    def __init__(self):
        super().__init__("one_thing")
        node = self
        def do():
            timer.cancel()
            print("ready", flush=True)
            {thing}
        timer = self.create_timer(0.01, do)

if __name__ == "__main__":
    sys.modules["one_thing"] = sys.modules["__main__"]
    sys.exit(run_node("one_thing:OneThing"))
"""


@contextmanager
def at_work(thing: Any) -> Iterator[Any]:
    """Run a node until its timer has come."""
    command = [sys.executable, "-c", PROGRAM.format(thing=thing)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout.readline() == "ready\n"
            yield process
        finally:
            process.kill()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=lambda number: number.name)
@pytest.mark.parametrize("thing", NODES.values(), ids=list(NODES))
def test_a_signal_ends_a_node_that(thing: Any, number: signal.Signals) -> None:
    with at_work(thing) as process:
        process.send_signal(number)
        _, said = process.communicate(timeout=STOP_TIMEOUT_S)
    assert (process.returncode, said) == (0, "")


def test_signals_that_repeat_change_nothing() -> None:
    with at_work(NODES["hangs as it closes"]) as process:
        for number in (signal.SIGINT, signal.SIGINT, signal.SIGTERM):
            process.send_signal(number)
        _, said = process.communicate(timeout=STOP_TIMEOUT_S)
    assert (process.returncode, said) == (0, "")


@pytest.mark.parametrize(("soft", "hard", "status"), [(20, 20, 1), (20, 512, 0)])
def test_too_few_open_files_are_one_line_or_become_enough(soft: int, hard: int, status: int) -> None:
    def limit() -> None:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))

    program = PROGRAM.format(thing="raise SystemExit(0)")
    command = [sys.executable, "-c", program]
    result = subprocess.run(command, preexec_fn=limit, capture_output=True, text=True, timeout=60)
    assert result.returncode == status
    if status:
        assert (
            result.stderr
            == "-c: only 20 files may be open at once, 256 are needed: raise the limit (ulimit -n)\n"
        )
    else:
        assert result.stdout == "ready\n"
