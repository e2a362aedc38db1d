# SPDX-License-Identifier: Apache-2.0
"""Nothing that the benchmark starts outlives it."""

import os
import signal
import subprocess
import time
import uuid
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import psutil
import pytest
from support.processes import executable

pytest.importorskip("rclpy", reason="rclpy is not installed")

pytestmark = pytest.mark.alone

TIMEOUT_S = 60.0
MARK = "BLAZEPOSE_TEST_RUN"


def marked(mark: str) -> list[str]:
    """Return the command lines of all processes that inherited a mark."""
    found = []
    for process in psutil.process_iter():
        with suppress(psutil.Error):  # it has ended meanwhile, or belongs to another user
            if process.environ().get(MARK) == mark:
                found.append(" ".join(process.cmdline()))
    return found


def wait_for(condition: Callable[[], object], what: str) -> None:
    deadline_s = time.monotonic() + TIMEOUT_S
    while not condition():
        assert time.monotonic() < deadline_s, f"waited {TIMEOUT_S:g} s in vain for {what}"
        time.sleep(0.05)


@pytest.mark.usefixtures("models")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_every_process(number: signal.Signals, tmp_path: Path) -> None:
    mark = uuid.uuid4().hex
    process = subprocess.Popen(
        [executable("blazepose"), "bench", "--quick", "--backends", "mediapipe", "--sizes", "320x240"],
        env={**os.environ, MARK: mark, "TMPDIR": str(tmp_path)},
        stderr=subprocess.PIPE,
        text=True,
    )
    wait_for(lambda: any("bench.camera" in command for command in marked(mark)), "the camera")
    process.send_signal(number)
    _, errors = process.communicate(timeout=TIMEOUT_S)
    assert "Traceback" not in errors
    wait_for(lambda: not marked(mark), "all processes to end")
    assert process.returncode == {signal.SIGINT: 130, signal.SIGTERM: 143}[number]
    assert list(tmp_path.iterdir()) == []
