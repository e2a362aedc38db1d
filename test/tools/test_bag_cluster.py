# SPDX-License-Identifier: Apache-2.0
"""``blazepose bag --scheduler``: workers of Dask in place of processes, one of which is killed."""

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Any

import cv2
import psutil
import pytest
from support.photographs import read_rgb
from support.processes import executable, stopped_after
from support.recordings import raw_images, read_bag, write_bag

from blazepose_ros.core.frame_sources.files import photograph

pytest.importorskip("openvino")
pytest.importorskip("distributed")
pytestmark = pytest.mark.usefixtures("models")

TIMEOUT_S = 240.0
RECORDINGS, IMAGES = 2, 30
HEIGHT_PX = 240


def waited_for(what: Any) -> Any:
    """Wait for something and return it."""
    deadline = time.monotonic() + TIMEOUT_S
    while not (found := what()):
        assert time.monotonic() < deadline
        time.sleep(0.01)
    return found


@pytest.fixture
def fleet(tmp_path: Path) -> Path:
    rgb = read_rgb(photograph())
    scale = HEIGHT_PX / rgb.shape[0]
    small = cv2.resize(rgb, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    for number in range(RECORDINGS):
        path = tmp_path / "in" / f"robot{number}" / "walk"
        path.parent.mkdir(parents=True)
        write_bag(path, raw_images("/image", [small] * IMAGES))
    return tmp_path / "in"


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[tuple[str, list[psutil.Process]]]:
    """A scheduler and two workers with a thread each; yield its address and their keepers."""
    file = tmp_path / "scheduler.json"

    def start(name: str, *arguments: str) -> subprocess.Popen:
        command = [sys.executable, "-m", f"distributed.cli.dask_{name}", *arguments, "--no-dashboard"]
        return subprocess.Popen(command, cwd=tmp_path, stderr=subprocess.DEVNULL)

    with ExitStack() as stack:
        where = ("--scheduler-file", str(file))
        local = ("--host", "127.0.0.1", "--port", "0")
        stack.enter_context(stopped_after(start("scheduler", *where, *local)))
        waited_for(file.exists)
        workers = [
            stack.enter_context(stopped_after(start("worker", *where, "--nthreads", "1"))) for _ in "12"
        ]
        yield json.loads(file.read_text())["address"], [psutil.Process(each.pid) for each in workers]


def bag(source: Path, target: Path, *arguments: str) -> subprocess.Popen:
    what = [source, target, "--model", "lite", "--backend", "openvino", "-p", "num_threads:=1", "--csv"]
    return subprocess.Popen(
        [executable("blazepose"), "bag", *map(str, what), *arguments], stderr=subprocess.PIPE, text=True
    )


def at_work(keepers: list[psutil.Process], target: Path) -> Any:
    """Return a worker that writes what it finds; None where there is none yet."""
    for worker in (child for keeper in keepers for child in keeper.children(recursive=True)):
        with suppress(psutil.Error):
            if any(str(target) in file.path for file in worker.open_files()):
                return worker
    return None


@pytest.mark.thorough
def test_a_killed_worker_of_a_cluster_costs_nothing_but_its_task(
    fleet: Path, cluster: tuple[str, list[psutil.Process]], tmp_path: Path
) -> None:
    address, keepers = cluster
    process = bag(fleet, tmp_path / "cluster", "--scheduler", address)
    waited_for(lambda: at_work(keepers, tmp_path / "cluster")).kill()
    _, said = process.communicate(timeout=TIMEOUT_S)
    assert process.returncode == 0, said

    alone = bag(fleet, tmp_path / "alone")
    _, said = alone.communicate(timeout=TIMEOUT_S)
    assert alone.returncode == 0, said
    for number in range(RECORDINGS):
        ours, theirs = (
            read_bag(tmp_path / run / f"robot{number}" / "walk", "/blazepose/poses")
            for run in ("cluster", "alone")
        )
        assert str(ours) == str(theirs)
        assert len(ours) == IMAGES
    for table in (tmp_path / "alone").rglob("people.csv"):
        same = tmp_path / "cluster" / table.relative_to(tmp_path / "alone")
        assert same.read_bytes() == table.read_bytes()
