# SPDX-License-Identifier: Apache-2.0
"""Processes that take turns."""

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from blazepose_ros.cli.bench.worker_process import BenchError, WorkerProcess
from blazepose_ros.cli.processes import ChildProcesses

TIMEOUT_S = 20.0
DOUBLES = "from blazepose_ros.cli.bench.worker_process import take_turns; take_turns(lambda turn: 2 * turn)"


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Any]:
    """Return a function that starts a script."""
    with ChildProcesses() as children:
        yield lambda script: WorkerProcess(children, [sys.executable, "-c", script], tmp_path / "worker.log")


def test_a_process_works_whenever_it_is_told_to(start: Any) -> None:
    worker = start(DOUBLES)
    for turn in (3, [1, 2]):
        worker.begin(turn)
        assert worker.end(TIMEOUT_S) == 2 * turn
    assert worker.process.exit_status is None


def test_a_process_ends_with_what_it_reads(start: Any) -> None:
    worker = start(DOUBLES)
    worker.process.close()
    worker.process.wait(TIMEOUT_S)
    assert worker.process.exit_status == 0


def test_several_work_at_the_same_time(start: Any) -> None:
    first, second = start(DOUBLES), start(DOUBLES)
    first.begin(1)
    second.begin(2)
    assert (second.end(TIMEOUT_S), first.end(TIMEOUT_S)) == (4, 2)


def test_a_process_that_fails_at_its_turn_is_quoted(start: Any) -> None:
    worker = start("import sys; sys.stdin.readline(); sys.exit('the lens cap is on')")
    worker.begin(1)
    with pytest.raises(BenchError, match="the lens cap is on"):
        worker.end(TIMEOUT_S)


def test_a_process_that_has_failed_takes_no_turn(start: Any) -> None:
    worker = start("raise SystemExit('no camera')")
    worker.process.wait(TIMEOUT_S)
    with pytest.raises(BenchError, match="no camera"):
        worker.begin(1)


def test_a_process_that_ends_without_a_word_is_an_error(start: Any) -> None:
    worker = start("import sys; sys.stdin.readline()")
    worker.begin(1)
    with pytest.raises(BenchError, match="worker has ended"):
        worker.end(TIMEOUT_S)


def test_a_turn_that_does_not_end_is_an_error(start: Any) -> None:
    worker = start("import time; time.sleep(60)")
    worker.begin(1)
    with pytest.raises(BenchError, match="worker does not end its turn"):
        worker.end(0.1)
