"""Nothing that the benchmark starts outlives it."""

import os
import signal
import subprocess
import time
import uuid
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest
from support.processes import executable

pytest.importorskip("rclpy", reason="rclpy is not installed")

TIMEOUT_S = 60.0
MARK = "BLAZEPOSE_TEST_RUN"


def marked(mark: str) -> list[str]:
    """Return the command lines of all processes that inherited a mark."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):  # it has ended meanwhile, or is somebody else's
            if f"{MARK}={mark}".encode() in (process / "environ").read_bytes().split(b"\0"):
                found.append((process / "cmdline").read_bytes().replace(b"\0", b" ").decode())
    return found


def wait_for(condition: Callable[[], object], what: str) -> None:
    deadline_s = time.monotonic() + TIMEOUT_S
    while not condition():
        assert time.monotonic() < deadline_s, f"waited {TIMEOUT_S:g} s in vain for {what}"
        time.sleep(0.05)


@pytest.mark.usefixtures("models")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_every_process(number, tmp_path):
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
