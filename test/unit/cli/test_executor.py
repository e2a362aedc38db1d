# SPDX-License-Identifier: Apache-2.0
"""Processes that do tasks: a dead one costs its own task, which runs again, three times at most."""

import os
from concurrent.futures import CancelledError, ThreadPoolExecutor, wait
from pathlib import Path
from typing import Any

import pytest
from support.worker_tasks import die_until, fail, sleep_forever

from blazepose_ros.cli.executor import (
    TRIES,
    ExecutorError,
    WorkerLostError,
    WorkerProcesses,
    Workers,
    open_workers,
)

TIMEOUT_S = 60.0


def test_a_dead_process_costs_its_own_task_which_runs_again(tmp_path: Path) -> None:
    with WorkerProcesses(2) as processes:
        dying = processes.submit(die_until, tmp_path / "one", 1)
        living = processes.submit(die_until, tmp_path / "other", 0)
        assert os.getpid() not in (dying.result(), living.result())
        assert (tmp_path / "one").stat().st_size == 2
        assert (tmp_path / "other").stat().st_size == 1


def test_a_task_that_kills_each_process_ends_after_three_and_the_others_go_on(tmp_path: Path) -> None:
    with WorkerProcesses(1) as processes:
        poisoned = processes.submit(die_until, tmp_path / "one", 99)
        healthy = processes.submit(die_until, tmp_path / "other", 0)
        with pytest.raises(WorkerLostError, match=r"3 times \(exit code -9, -9, -9\)"):
            poisoned.result()
        assert healthy.result()
    assert (tmp_path / "one").stat().st_size == TRIES


def test_an_exception_is_that_of_the_task() -> None:
    with WorkerProcesses(1) as processes, pytest.raises(ValueError, match="as it is"):
        processes.submit(fail).result()


def test_an_exception_in_the_block_ends_the_processes_at_once(tmp_path: Path) -> None:
    def interrupted() -> Any:
        with open_workers(1) as workers:
            future = workers.executor.submit(sleep_forever, tmp_path / "begun")
            waiting = workers.executor.submit(fail)
            while not (tmp_path / "begun").exists():
                pass
            raise KeyboardInterrupt(future, waiting)

    with pytest.raises(KeyboardInterrupt) as caught:
        interrupted()
    assert wait(caught.value.args, TIMEOUT_S).not_done == set()  # whoever waits for them goes on
    for future in caught.value.args:
        with pytest.raises(CancelledError):
            future.result()


@pytest.mark.parametrize(
    ("cores", "count", "tasks", "threads"),
    [(8, 4, 4, 2), (8, 4, 2, 4), (8, 1, 5, 8), (8, 3, 9, 2), (2, 8, 8, 1), (1, 2, 2, 1)],
)
def test_each_task_has_an_even_share_of_the_cores(cores: int, count: int, tasks: int, threads: int) -> None:
    with ThreadPoolExecutor(1) as executor:
        assert Workers(executor, cores, count, 1).threads(tasks) == threads


def test_a_scheduler_that_does_not_answer_is_named() -> None:
    pytest.importorskip("distributed")
    with (
        pytest.raises(ExecutorError, match="no Dask scheduler answers at nonsense"),
        open_workers(1, "nonsense"),
    ):
        pass
