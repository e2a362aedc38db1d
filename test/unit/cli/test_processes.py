# SPDX-License-Identifier: Apache-2.0
"""Processes that are stopped for certain, and what they said."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from blazepose_ros.cli.processes import STOPPING, ChildProcess, ChildProcesses, last_error, stop

DEADLINE_S = 10.0
STUBBORN = "trap '' INT TERM; echo ready; while :; do sleep 0.05; done"


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Any]:
    children = []

    def start(script: Any) -> ChildProcess:
        child = ChildProcess(["/bin/sh", "-c", script], tmp_path / f"{len(children)}.log")
        children.append(child)
        return child

    yield start
    stop(children)


def wait_for(condition: Any) -> None:
    deadline = time.monotonic() + DEADLINE_S
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.01)


def is_running(pid: Any) -> Any:
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def test_a_process_that_runs_or_ended_well_has_no_failure(start: Any) -> None:
    running, ended = start("sleep 60"), start("echo fine")
    wait_for(lambda: ended.exit_status == 0)
    assert running.failure() == ended.failure() == ""


@pytest.mark.parametrize(
    ("script", "failure"),
    [
        ("echo one; echo two >&2; exit 3", "two"),
        ("exit 3", "it ended with status 3"),
        ("echo fine; kill -KILL $$", "it was ended by SIGKILL"),
    ],
)
def test_a_process_that_failed_is_quoted(start: Any, script: str, failure: str) -> None:
    child = start(script)
    wait_for(lambda: child.exit_status is not None)
    assert child.failure() == failure


def test_what_is_asked_to_stop_stops(start: Any) -> None:
    polite, stubborn = start("sleep 60"), start(STUBBORN)
    wait_for(lambda: "ready" in stubborn.log.read_text())
    stop([polite, stubborn])
    assert polite.exit_status == -signal.SIGINT
    assert stubborn.exit_status == -signal.SIGKILL


def test_stopping_takes_less_than_three_seconds() -> None:
    assert sum(patience_s for _, patience_s in STOPPING) < 3


def test_everything_stops_where_an_error_ends_the_block(tmp_path: Path) -> None:
    started = []

    def interrupted() -> None:
        with ChildProcesses() as children:
            started.append(children.start(["sleep", "60"], tmp_path / "log"))
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert started[0].exit_status is not None


def test_a_terminals_signals_do_not_reach_a_child(start: Any, tmp_path: Path) -> None:
    pid_file = tmp_path / "pid"
    start(f"echo $$ > {pid_file}; sleep 60")
    wait_for(lambda: pid_file.exists() and pid_file.read_text().strip())
    assert os.getpgid(int(pid_file.read_text())) != os.getpgid(0)


def test_a_killed_parent_takes_its_children_along(tmp_path: Path) -> None:
    program = (
        "import sys, time; from pathlib import Path\n"
        "from blazepose_ros.cli.processes import ChildProcess\n"
        "ChildProcess(['/bin/sh', '-c', 'echo $$; exec sleep 60'], Path(sys.argv[1]))\n"
        "time.sleep(60)"
    )
    log = tmp_path / "log"
    parent = subprocess.Popen([sys.executable, "-c", program, str(log)])
    wait_for(lambda: log.exists() and log.read_text().strip())
    child = int(log.read_text())
    assert is_running(child)
    parent.kill()
    parent.wait()
    wait_for(lambda: not is_running(child))


@pytest.mark.parametrize(
    ("log", "error"),
    [
        ("", ""),
        ("noise\nRuntimeError: broken\n\n", "RuntimeError: broken"),
        ("[INFO] [1.5] [n]: hello\n[FATAL] [2.5] [n]: no model\nfetch it\n", "no model\nfetch it"),
        ("[ERROR] [1.5] [n]: first\n[ERROR] [2.5] [n]: second\n[INFO] [3.5] [n]: bye\n", "second"),
    ],
)
def test_the_last_error_of_a_log_is_found(log: str, error: str) -> None:
    assert last_error(log) == error
