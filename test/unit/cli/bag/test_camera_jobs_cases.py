# SPDX-License-Identifier: Apache-2.0
"""Workers of a recording share the cores instead of taking all of them each."""

import os
from concurrent.futures import Future
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from blazepose_ros.cli.bag import camera_jobs
from blazepose_ros.cli.bag.camera_jobs import CameraJob, run_jobs
from blazepose_ros.core.errors import FunctionLogger
from blazepose_ros.core.settings import NodeSettings


class FakePool:
    """Takes jobs and does nothing with them."""

    def __init__(self, processes: Any, *_how: object) -> None:
        self.processes, self.jobs = processes, []

    def submit(self, _work: Any, job: Any) -> Future:
        self.jobs.append(job)
        done = Future()
        done.set_result(None)
        return done

    def shutdown(self, **_how: object) -> None:
        pass


@pytest.fixture
def pools(monkeypatch: pytest.MonkeyPatch) -> Any:
    made = []
    monkeypatch.setattr(
        camera_jobs, "ProcessPoolExecutor", lambda *how: made.append(FakePool(*how)) or made[-1]
    )
    return made


def job(num_threads: Any = 0) -> CameraJob:
    recording = SimpleNamespace(name="/camera")
    return CameraJob(recording, replace(NodeSettings(), num_threads=num_threads), "", False, Path("spool"))


@pytest.mark.parametrize(
    ("cores", "processes", "jobs", "threads"),
    [(8, 4, 4, 2), (8, 4, 2, 4), (8, 1, 5, 8), (8, 3, 9, 2), (2, 8, 8, 1), (None, 2, 2, 1)],
)
def test_each_worker_has_an_even_share_of_the_cores(
    monkeypatch: pytest.MonkeyPatch, pools: Any, cores: int | None, processes: int, jobs: int, threads: int
) -> None:
    monkeypatch.setattr(os, "cpu_count", lambda: cores)
    run_jobs([job() for _ in range(jobs)], processes, print, FunctionLogger(print))
    (pool,) = pools
    assert pool.processes == min(processes, jobs)
    assert [each.settings.num_threads for each in pool.jobs] == [threads] * jobs


def test_a_number_of_threads_that_the_user_gives_stays(monkeypatch: pytest.MonkeyPatch, pools: Any) -> None:
    monkeypatch.setattr(os, "cpu_count", lambda: 8)
    run_jobs([job(3), job()], 2, print, FunctionLogger(print))
    assert sorted(each.settings.num_threads for each in pools[0].jobs) == [3, 4]
