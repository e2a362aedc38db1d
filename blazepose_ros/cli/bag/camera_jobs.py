# SPDX-License-Identifier: Apache-2.0
"""From a camera's images to a spool of messages: the task that workers do."""

from __future__ import annotations

import json
import logging
import socket
import time
from collections.abc import Generator, Iterator
from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import closing, contextmanager, suppress
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, TypeVar

from blazepose_ros.cli.bag.outputs import OUTPUTS, Outputs
from blazepose_ros.cli.bag.recorded_camera import RecordedFrame, Recording
from blazepose_ros.cli.bag.recording_files import BagError
from blazepose_ros.cli.bag.work_folder import SpooledMessage, is_disk_error, os_failure, writing_spool
from blazepose_ros.cli.executor import TRIES
from blazepose_ros.core.errors import Logger
from blazepose_ros.core.estimation.estimator import EstimatorError
from blazepose_ros.core.estimation.loading import load_model, pipeline_options
from blazepose_ros.core.files import write_atomically
from blazepose_ros.core.frame_anonymizer import FrameAnonymizer
from blazepose_ros.core.models.registry import ModelError
from blazepose_ros.core.person_pipeline import PersonPipeline
from blazepose_ros.core.settings import NodeSettings
from blazepose_ros.core.timestamps import NS_PER_S

OUTPUT_NUMBERS = {output: number for number, output in enumerate(OUTPUTS)}
# More of the same camera are counted, not shown.
MAX_MESSAGES = 5
# How often a worker says how far it is.
PROGRESS_S = 1.0

Item = TypeVar("Item")


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

    @property
    def images_done(self) -> int:
        """How many images are done so far, as the worker has last said."""
        with suppress(FileNotFoundError, ValueError):
            return int(self._progress.read_text())
        return 0

    def begin(self, threads: int) -> CameraJob:
        """Return it as a worker does it, with so many threads unless the user has said how many.

        The workers that an earlier run has lost are forgotten.
        """
        self._tries.unlink(missing_ok=True)
        num_threads = self.settings.num_threads or threads
        return replace(self, settings=replace(self.settings, num_threads=num_threads))

    def report(self) -> CameraReport:
        """Return what became of it, once it is finished."""
        values = json.loads(self._report.read_text())
        return CameraReport(**values | {name: tuple(values[name]) for name in ("warnings", "errors")})

    def keep(self, report: CameraReport) -> None:
        """Keep what becomes of it."""
        write_atomically(self._report, json.dumps(asdict(report)).encode())

    def say(self, images: int) -> None:
        """Tell how many images are done; whoever waits for it may be on another machine."""
        self._progress.write_text(str(images))

    def count_try(self) -> None:
        """Count that a worker begins.

        Raises:
            BagError: too many have not lived to the end of it.
        """
        with self._tries.open("ab") as file:
            file.write(b".")
            tries = file.tell()
        if tries > TRIES:
            raise BagError(
                f"{self.recording.name}: {TRIES} workers ended while at work on it: out of memory?"
            )

    @property
    def _progress(self) -> Path:
        return self.spool.with_suffix(".progress")

    @property
    def _tries(self) -> Path:
        return self.spool.with_suffix(".tries")

    @property
    def _report(self) -> Path:
        return self.spool.with_suffix(".json")


@dataclass(frozen=True)
class CameraReport:
    """What became of a camera.

    Attributes:
        images: how many could be taken.
        people: how many different people were found.
        recorded_s: from the first image to the last, in seconds.
        work_s: how long it took, in seconds.
        warnings: what may not be as intended, in words.
        errors: what the output lacks, in words.
        failure: why nothing was made of it; empty where it is finished.
        cannot_write: whether that is the disk's fault, and all else fails as well: see `is_disk_error`.
    """

    images: int = 0
    people: int = 0
    recorded_s: float = 0.0
    work_s: float = 0.0
    warnings: tuple[str, ...] = ()
    errors: tuple[str, ...] = ()
    failure: str = ""
    cannot_write: bool = False


def work(job: CameraJob) -> CameraReport:
    """Do a job, in a worker; what is finished is not done again."""
    if job.is_finished:
        return job.report()
    log = FirstMessages()
    try:
        job.count_try()
        return find_people(job, log)
    except BagError as err:
        return log.report(failure=str(err))
    except (EstimatorError, ModelError) as err:
        return log.report(failure=f"{socket.gethostname()}: {err}")
    except OSError as err:
        return log.report(failure=os_failure(job.spool.parent, err), cannot_write=is_disk_error(err))


def find_people(job: CameraJob, log: FirstMessages) -> CameraReport:
    """Write what is found in a camera's images into its spool.

    Args:
        job: the camera.
        log: told of images that are left out.

    Raises:
        BagError: the recording is damaged, or none of its images can be read.
        EstimatorError: the backend or the model does not load.
        ModelError: the model is missing or damaged.
        OSError: the spool cannot be written.
    """
    begun_s = said_s = time.monotonic()
    finder = _PeopleFinder(job, log)
    with (
        closing(finder.estimator),
        _read_ahead(job.recording.frames(job.settings, log)) as frames,
        writing_spool(job.spool) as write,
    ):
        for recorded in frames:
            for output, data in finder.messages(recorded):
                write(SpooledMessage(recorded.log_ns, OUTPUT_NUMBERS[output], data))
            if time.monotonic() > said_s + PROGRESS_S:
                said_s = time.monotonic()
                job.say(recorded.number)
        job.say(finder.last_image)
        if not finder.images:
            raise BagError(f"{job.recording.name}: none of the images could be read")
        report = log.report(
            images=finder.images,
            people=len(finder.people),
            recorded_s=finder.recorded_s,
            work_s=time.monotonic() - begun_s,
        )
        job.keep(report)
    return report


@contextmanager
def _read_ahead(frames: Generator[Item, None, None]) -> Iterator[Iterator[Item]]:
    """Yield the frames, each of which is read and decoded while the one before is worked on."""
    with ThreadPoolExecutor(1, "reading") as thread:
        try:
            yield _one_ahead(frames, thread)
        finally:
            thread.submit(frames.close).result()  # where it was begun, as SQLite wants it


def _one_ahead(frames: Iterator[Item], thread: Executor) -> Iterator[Item]:
    coming = thread.submit(next, frames, None)
    while (frame := coming.result()) is not None:
        coming = thread.submit(next, frames, None)
        yield frame


class _PeopleFinder:
    """The way of the node from an image to messages.

    Attributes:
        images: how many have been searched.
        last_image: the number of the last one.
        people: the ids of those who were found.
        recorded_s: from the first image to the last, in seconds.
    """

    def __init__(self, job: CameraJob, logger: Logger) -> None:
        model = load_model(job.settings, logging.getLogger(__name__))
        self.estimator = model.estimator
        self.images = self.last_image = 0
        self.people: set[int] = set()
        self.recorded_s = 0.0
        self._first_ns = 0
        self._job = job
        self._logger = logger
        self._pipeline = PersonPipeline(pipeline_options(job.settings))
        self._anonymizer = FrameAnonymizer(logging.getLogger(__name__))
        self._anonymizer.load(job.settings)
        self._outputs = Outputs(model.complexity, job.tf_prefix, annotated=job.annotated)

    def messages(self, recorded: RecordedFrame) -> Iterator[tuple[str, bytes]]:
        """Yield output and serialized message of what belongs to an image."""
        self.last_image = recorded.number
        try:
            poses = self.estimator.estimate(recorded.frame)
            people = self._pipeline.update(recorded.frame, poses, recorded.context)
            rgb = self._anonymizer.shown(recorded.frame, people, self._job.settings)
        except EstimatorError as err:
            self._logger.warning(f"image {recorded.number} is left out: {err}")
            return
        self.images += 1
        self._first_ns = self._first_ns or recorded.log_ns
        self.recorded_s = (recorded.log_ns - self._first_ns) / NS_PER_S
        self.people |= {each.person_id for each in people}
        recorded = replace(recorded, frame=replace(recorded.frame, rgb=rgb))
        yield from self._outputs.messages(recorded, people, self._job.settings)
        yield from self._job.recording.extras(recorded)


class FirstMessages:
    """A `Logger` that keeps the first few messages and counts the rest."""

    def __init__(self) -> None:
        self._kept: dict[bool, list[str]] = {False: [], True: []}
        self._count = 0

    def warning(self, message: str) -> None:
        """Take what may not be as intended."""
        self._take(message, is_error=False)

    info = warning

    def error(self, message: str) -> None:
        """Take what makes the output lack something."""
        self._take(message, is_error=True)

    def report(self, **what: Any) -> CameraReport:
        """Return a report with what there was."""
        more = self._count - MAX_MESSAGES
        rest = [f"and {more} more like these"] if more > 0 else []
        warnings, errors = (*self._kept[False], *rest), tuple(self._kept[True])
        return CameraReport(warnings=warnings, errors=errors, **what)

    def _take(self, message: str, *, is_error: bool) -> None:
        kept = self._kept[is_error]
        if message in kept:
            return
        self._count += 1
        if self._count <= MAX_MESSAGES or (is_error and not kept):
            kept.append(message)
