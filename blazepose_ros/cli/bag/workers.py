"""Jobs side by side, each in a process of its own."""

from __future__ import annotations

import ctypes
import multiprocessing
import os
import queue
import signal
from collections.abc import Callable, Sequence
from dataclasses import replace
from multiprocessing.process import BaseProcess
from typing import Any

from blazepose_ros.cli.bag.bag_files import BagError
from blazepose_ros.cli.bag.camera_job import CameraJob, work
from blazepose_ros.cli.signals import hear_signals, held_back
from blazepose_ros.core.estimation.estimator import EstimatorError
from blazepose_ros.core.models.registry import ModelError
from blazepose_ros.nodes.common.process_tuning import configure_opencv

# More of the same camera are counted, not shown.
MAX_WARNINGS = 5
_POLL_S = 0.2
_PR_SET_PDEATHSIG = 1  # linux/prctl.h


def run(
    jobs: Sequence[CameraJob],
    processes: int,
    advance: Callable[[int], object],
    warn: Callable[[str], object],
) -> None:
    """Do all jobs, so many at a time, and share the processor's cores among them.

    Raises:
        BagError: one of them failed; the others are stopped, and what they did is kept.
    """
    context = multiprocessing.get_context("spawn")
    with held_back():
        news: Any = context.Queue()
    threads = max(1, (os.cpu_count() or 1) // min(processes, len(jobs)))
    waiting = [
        context.Process(target=_begin, args=(_with_threads(job, threads), news), daemon=True) for job in jobs
    ]
    running: list[BaseProcess] = []
    try:
        while waiting or running:
            while waiting and len(running) < processes:
                with held_back():
                    running.append(waiting.pop(0))
                    running[-1].start()
            _listen(news, advance, warn)
            running = [process for process in running if not _has_ended(process, news, advance, warn)]
    finally:
        for process in running:
            process.kill()
            process.join()


def _with_threads(job: CameraJob, threads: int) -> CameraJob:
    """Return a job that leaves cores to the others, unless the user has said how many to take."""
    if job.settings.num_threads:
        return job
    return replace(job, settings=replace(job.settings, num_threads=threads))


def _has_ended(
    process: BaseProcess, news: Any, advance: Callable[[int], object], warn: Callable[[str], object]
) -> bool:
    if process.exitcode is None:
        return False
    process.join()
    while _listen(news, advance, warn):
        pass
    if process.exitcode:
        raise BagError(f"a worker process ended unexpectedly (exit code {process.exitcode}): out of memory?")
    return True


def _listen(news: Any, advance: Callable[[int], object], warn: Callable[[str], object]) -> bool:
    """Pass on one thing that a worker said; return whether there was one.

    Raises:
        BagError: it was that it failed.
    """
    try:
        kind, what = news.get(timeout=_POLL_S)
    except queue.Empty:
        return False
    if kind == "failed":
        raise BagError(what)
    if kind == "advance":
        advance(what)
    else:
        warn(what)
    return True


def _begin(job: CameraJob, news: Any) -> None:
    """Do a job in a process of its own, which dies with its parent and leaves Ctrl-C to it."""
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    parent = multiprocessing.parent_process()
    if parent is None or parent.pid != os.getppid():
        return  # it died before it could take this one along
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    hear_signals()
    configure_opencv()
    warnings = _Warnings(lambda text: news.put(("warn", text)))
    try:
        work(job, lambda images: news.put(("advance", images)), warnings.warn)
    except (BagError, EstimatorError, ModelError) as err:
        news.put(("failed", str(err)))
    except OSError as err:
        news.put(("failed", f"{job.part.parent} cannot be written: {err.strerror}"))
    finally:
        warnings.close()


class _Warnings:
    """Passes on the first few warnings and counts the rest."""

    def __init__(self, say: Callable[[str], object]) -> None:
        self._say = say
        self._count = 0

    def warn(self, text: str) -> None:
        self._count += 1
        if self._count <= MAX_WARNINGS:
            self._say(text)

    def close(self) -> None:
        if self._count > MAX_WARNINGS:
            self._say(f"and {self._count - MAX_WARNINGS} more like these")
