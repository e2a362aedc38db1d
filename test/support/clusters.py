# SPDX-License-Identifier: Apache-2.0
"""A Dask cluster of two workers on this machine."""

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any, NamedTuple

import psutil

from support.fleets import TIMEOUT_S
from support.processes import stopped_after


class Cluster(NamedTuple):
    """A scheduler, and two workers' keepers, which start them anew."""

    address: str
    scheduler: subprocess.Popen
    keepers: list[psutil.Process]


def waited_for(what: Any) -> Any:
    """Wait for something and return it."""
    deadline = time.monotonic() + TIMEOUT_S
    while not (found := what()):
        assert time.monotonic() < deadline
        time.sleep(0.01)
    return found


@contextmanager
def dask_cluster(tmp_path: Path) -> Iterator[Cluster]:
    """A scheduler and two workers with a thread each."""
    file, folder = tmp_path / "scheduler.json", tmp_path / "workers"
    folder.mkdir()

    def start(name: str, *arguments: str) -> subprocess.Popen:
        command = [sys.executable, "-m", f"distributed.cli.dask_{name}", *arguments, "--no-dashboard"]
        return subprocess.Popen(command, cwd=folder, stderr=subprocess.DEVNULL)

    with ExitStack() as stack:
        where = ("--scheduler-file", str(file))
        local = ("--host", "127.0.0.1", "--port", "0")
        scheduler = stack.enter_context(stopped_after(start("scheduler", *where, *local)))
        waited_for(file.exists)
        workers = [
            stack.enter_context(stopped_after(start("worker", *where, "--nthreads", "1"))) for _ in "12"
        ]
        address = json.loads(file.read_text())["address"]
        yield Cluster(address, scheduler, [psutil.Process(each.pid) for each in workers])


def at_work(keepers: list[psutil.Process], target: Path) -> Any:
    """Return a worker that writes what it finds; None where there is none yet."""
    for worker in (child for keeper in keepers for child in keeper.children(recursive=True)):
        with suppress(psutil.Error):
            if any(str(target) in file.path for file in worker.open_files()):
                return worker
    return None
