# SPDX-License-Identifier: Apache-2.0
"""From a camera's images to a spool of messages, for several cameras side by side in worker processes."""

from __future__ import annotations

import logging
import multiprocessing
import os
import signal
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import closing
from dataclasses import dataclass, replace
from multiprocessing.process import BaseProcess
from pathlib import Path
from threading import Thread
from typing import Any

from blazepose_ros.cli.bag.bag_files import BagError
from blazepose_ros.cli.bag.outputs import OUTPUTS, Outputs
from blazepose_ros.cli.bag.recorded_camera import RecordedFrame, Recording
from blazepose_ros.cli.bag.work_folder import SpooledMessage, writing_spool
from blazepose_ros.cli.signals import held_back, unblock_signals
from blazepose_ros.core.errors import FunctionLogger, Logger
from blazepose_ros.core.estimation.estimator import EstimatorError
from blazepose_ros.core.estimation.loading import load_model, pipeline_options
from blazepose_ros.core.models.registry import ModelError
from blazepose_ros.core.person_pipeline import PersonPipeline
from blazepose_ros.core.settings import NodeSettings
from blazepose_ros.nodes.common.process_tuning import configure_opencv

OUTPUT_NUMBERS = {output: number for number, output in enumerate(OUTPUTS)}
# More of the same camera are counted, not shown.
MAX_WARNINGS = 5
_POLL_S = 0.2


@dataclass(frozen=True)
class CameraJob:
    """One camera to work on.

    Attributes:
        recording: gives its images.
        settings: the parameters of the node.
        tf_prefix: goes before the frames of people.
        annotated: whether to draw on the images.
        spool: where what is found goes.
    """

    recording: Recording
    settings: NodeSettings
    tf_prefix: str
    annotated: bool
    spool: Path

    @property
    def is_finished(self) -> bool:
        """Whether all images are done."""
        return self.spool.exists()


def find_people(job: CameraJob, advance: Callable[[int], object], logger: Logger) -> None:
    """Write what is found in a camera's images into its spool.

    Args:
        job: the camera.
        advance: told how many more images are done.
        logger: told of images that are left out.

    Raises:
        BagError: the recording is damaged, or none of its images can be read.
        EstimatorError: the backend or the model does not load.
        ModelError: the model is missing or damaged.
        OSError: the spool cannot be written.
    """
    finder = _PeopleFinder(job, logger)
    images = 0
    with closing(finder.estimator), writing_spool(job.spool) as write:
        for recorded in job.recording.frames(job.settings, logger):
            for output, data in finder.messages(recorded):
                write(SpooledMessage(recorded.log_ns, OUTPUT_NUMBERS[output], data))
            advance(recorded.number - images)
            images = recorded.number
        if not images:
            raise BagError(f"{job.recording.name}: none of the images could be read")


class _PeopleFinder:
    """The way of the node from an image to messages."""

    def __init__(self, job: CameraJob, logger: Logger) -> None:
        model = load_model(job.settings, logging.getLogger(__name__))
        self.estimator = model.estimator
        self._job = job
        self._logger = logger
        self._pipeline = PersonPipeline(pipeline_options(job.settings))
        self._outputs = Outputs(model.complexity, job.tf_prefix, annotated=job.annotated)

    def messages(self, recorded: RecordedFrame) -> Iterator[tuple[str, bytes]]:
        """Yield output and serialized message of what belongs to an image."""
        try:
            poses = self.estimator.estimate(recorded.frame)
        except EstimatorError as err:
            self._logger.warning(f"image {recorded.number} is left out: {err}")
            return
        people = self._pipeline.update(recorded.frame, poses, recorded.context)
        yield from self._outputs.messages(recorded, people, self._job.settings)
        yield from self._job.recording.extras(recorded)


def run_jobs(
    jobs: Sequence[CameraJob],
    processes: int,
    advance: Callable[[int], object],
    logger: Logger,
) -> None:
    """Do all jobs, so many at a time, and share the processor's cores among them.

    Args:
        jobs: the cameras, one at least.
        processes: how many to work on at once.
        advance: told how many more images are done.
        logger: told of images that are left out.

    Raises:
        BagError: one of them failed; the others are stopped, and what is finished is kept.
    """
    processes = min(processes, len(jobs))
    threads = max(1, (os.cpu_count() or 1) // processes)
    configure_opencv()  # here: a worker imports OpenCV, which reads the variables, before it is prepared
    context = multiprocessing.get_context("spawn")
    cameras: dict[int, str] = {}  # what each process works on
    handlers: dict[str, Callable[[Any], object]] = {
        "begin": cameras.update,
        "advance": advance,
        "warn": logger.warning,
    }
    workers: list[BaseProcess] = []
    with held_back():
        news = context.SimpleQueue()
        pool = ProcessPoolExecutor(processes, context, _begin_worker, (news,))
    try:
        with held_back():
            futures = {pool.submit(_work, _with_threads(job, threads)) for job in jobs}
            workers = multiprocessing.active_children()
        _watch(futures, workers, news, handlers)
    except BrokenProcessPool as err:
        for worker in workers:
            worker.terminate()
        pool.shutdown()
        raise BagError(_name_the_killed(workers, cameras)) from err
    except BaseException:
        for worker in multiprocessing.active_children():
            worker.kill()
        raise
    finally:
        pool.shutdown()


def _with_threads(job: CameraJob, threads: int) -> CameraJob:
    """Return a job that leaves cores to the others, unless the user has said how many to take."""
    if job.settings.num_threads:
        return job
    return replace(job, settings=replace(job.settings, num_threads=threads))


def _watch(
    futures: set[Future[None]],
    workers: Iterable[BaseProcess],
    news: Any,
    handlers: Mapping[str, Callable[[Any], object]],
) -> None:
    """Pass on what the workers tell until everything is done.

    Raises:
        BagError: a job failed.
        BrokenProcessPool: a worker was killed.
    """
    while futures:
        done, futures = wait(futures, _POLL_S, FIRST_COMPLETED)
        while not news.empty():
            kind, what = news.get()
            handlers[kind](what)
        for future in done:
            future.result()
        # The pool itself overlooks one that started while it was already waiting for the others.
        if any(worker.exitcode is not None for worker in workers):
            raise BrokenProcessPool


def _name_the_killed(workers: Iterable[BaseProcess], cameras: Mapping[int, str]) -> str:
    """Return what to say of workers that ended otherwise than by the SIGTERM that the pool sends the rest."""
    killed = [worker for worker in workers if worker.exitcode != -signal.SIGTERM] or workers
    names = ", ".join(cameras.get(worker.pid or 0, "a camera") for worker in killed)
    codes = ", ".join(str(worker.exitcode) for worker in killed)
    return f"{names}: the worker process ended unexpectedly (exit code {codes}): out of memory?"


_news: Any = None  # in a worker process: takes what it tells


def _begin_worker(news: Any) -> None:
    """Prepare a worker process, which ends with its parent and leaves Ctrl-C to it."""
    global _news
    _news = news
    Thread(target=_end_with_parent, daemon=True).start()
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    unblock_signals()


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    assert parent is not None
    parent.join()
    os._exit(1)


def _work(job: CameraJob) -> None:
    """Do a job in a worker process.

    Raises:
        BagError: it failed.
    """
    _news.put(("begin", {os.getpid(): job.recording.name}))
    warnings = _FirstWarnings(lambda text: _news.put(("warn", text)))
    try:
        find_people(job, lambda images: _news.put(("advance", images)), FunctionLogger(warnings.take))
    except (EstimatorError, ModelError) as err:
        raise BagError(str(err)) from err
    except OSError as err:
        raise BagError(f"{job.spool.parent} cannot be written: {err.strerror}") from err
    finally:
        warnings.close()


class _FirstWarnings:
    """Passes on the first few warnings and counts the rest."""

    def __init__(self, say: Callable[[str], object]) -> None:
        self._say = say
        self._count = 0

    def take(self, text: str) -> None:
        self._count += 1
        if self._count <= MAX_WARNINGS:
            self._say(text)

    def close(self) -> None:
        if self._count > MAX_WARNINGS:
            self._say(f"and {self._count - MAX_WARNINGS} more like these")
