# SPDX-License-Identifier: Apache-2.0
"""What a worker says of a camera, and when it refuses one."""

import errno
import os
import threading
from collections.abc import Generator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from support.waiting import wait_until

from blazepose_ros.cli.bag import camera_jobs
from blazepose_ros.cli.bag.camera_jobs import CameraJob, CameraReport, FirstMessages, work
from blazepose_ros.cli.bag.recording_files import BagError
from blazepose_ros.cli.executor import TRIES
from blazepose_ros.core.settings import NodeSettings


def job(folder: Path, **settings: Any) -> CameraJob:
    recording = SimpleNamespace(name="/camera")
    return CameraJob(recording, NodeSettings(**settings), "", False, folder / "camera0.spool")


def test_a_camera_that_three_workers_did_not_outlive_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun = []
    monkeypatch.setattr(camera_jobs, "find_people", lambda *_: begun.append(1) or CameraReport())
    reports = [work(job(tmp_path)) for _ in range(TRIES + 1)]
    assert len(begun) == TRIES
    assert [report.failure for report in reports[:-1]] == [""] * TRIES
    assert reports[-1].failure.startswith("/camera: 3 workers ended")


def test_another_run_tries_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(camera_jobs, "find_people", lambda *_: CameraReport())
    for _ in range(TRIES):
        work(job(tmp_path))
    assert work(job(tmp_path).begin(threads=1)).failure == ""


def test_what_is_finished_is_not_done_again(tmp_path: Path) -> None:
    one = job(tmp_path)
    report = CameraReport(images=7, people=2, work_s=1.5, warnings=("dark",))
    one.keep(report)
    one.spool.touch()
    assert work(one) == report


@pytest.mark.parametrize(
    ("number", "is_full"),
    [(errno.ENOSPC, True), (errno.EDQUOT, True), (errno.EROFS, True), (errno.EACCES, False)],
)
def test_a_full_disk_is_no_fault_of_the_recording(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int, is_full: bool
) -> None:
    def fail(*_: object) -> CameraReport:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(camera_jobs, "find_people", fail)
    report = work(job(tmp_path))
    assert report.cannot_write == is_full
    assert report.failure.startswith(f"{tmp_path}: {os.strerror(number)}")


@pytest.mark.parametrize(("given", "threads"), [(0, 2), (3, 3)])
def test_a_number_of_threads_that_the_user_gives_stays(tmp_path: Path, given: int, threads: int) -> None:
    assert job(tmp_path, num_threads=given).begin(threads=2).settings.num_threads == threads


def test_the_first_messages_are_kept_and_the_others_counted() -> None:
    log = FirstMessages()
    for number in range(8):
        log.warning(f"image {number}")
        log.error("no floor")
    report = log.report(images=3)
    assert report.warnings == (*(f"image {number}" for number in range(4)), "and 4 more like these")
    assert report.errors == ("no floor",)


def test_how_far_a_worker_is_can_be_read_elsewhere(tmp_path: Path) -> None:
    assert job(tmp_path).images_done == 0
    job(tmp_path).say(12)
    assert job(tmp_path).images_done == 12


def numbered(log: list[Any], end: Exception | None = None) -> Generator[int, None, None]:
    """Yield 1, 2 and 3, and note in which thread each is read, and where it all ends."""
    try:
        for number in (1, 2, 3):
            log.append((number, threading.current_thread()))
            yield number
        if end is not None:
            raise end
    finally:
        log.append(("closed", threading.current_thread()))


def test_an_image_is_read_while_the_one_before_is_worked_on() -> None:
    log: list[Any] = []
    with camera_jobs._read_ahead(numbered(log)) as frames:
        assert next(frames) == 1
        wait_until(lambda: len(log) == 2)  # nobody has asked for the second one yet
        assert [*frames] == [2, 3]
    assert [what for what, _ in log] == [1, 2, 3, "closed"]
    assert {thread for _, thread in log} != {threading.current_thread()}


def test_images_before_a_damage_are_worked_on() -> None:
    seen: list[int] = []
    reading = camera_jobs._read_ahead(numbered([], BagError("damaged")))
    with pytest.raises(BagError, match="damaged"), reading as frames:
        seen.extend(frames)
    assert seen == [1, 2, 3]


def test_a_recording_is_closed_by_the_thread_that_reads_it() -> None:
    log: list[Any] = []
    with camera_jobs._read_ahead(numbered(log)) as frames:
        next(frames)
    assert log[-1][0] == "closed"
    assert len({thread for _, thread in log}) == 1
