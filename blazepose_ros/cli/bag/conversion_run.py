# SPDX-License-Identifier: Apache-2.0
"""A run over recordings: hands their cameras to workers, tells what happens, and sums up."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_COMPLETED, CancelledError, Future, ThreadPoolExecutor, wait
from contextlib import ExitStack, closing
from dataclasses import dataclass, field, replace
from pathlib import Path
from threading import Event

from blazepose_ros.cli.bag.camera_jobs import CameraJob, CameraReport, work
from blazepose_ros.cli.bag.conversion_task import ConversionTask, FinishReport
from blazepose_ros.cli.bag.recording_files import BagError
from blazepose_ros.cli.bag.recording_folders import (
    FAILED,
    FINISHED,
    MADE,
    ImagesBar,
    OutputFolder,
    RecordingSummary,
    summary_tables,
)
from blazepose_ros.cli.bag.work_folder import (
    content_hash,
    fingerprint,
    is_disk_error,
    os_failure,
    recording_content,
)
from blazepose_ros.cli.console import note, show
from blazepose_ros.cli.executor import Workers, completed, open_workers
from blazepose_ros.cli.signals import Interruption
from blazepose_ros.core.errors import BlazePoseError
from blazepose_ros.core.text import printable

# The exit status where something was recorded, or is in a video, that could not be taken.
INCOMPLETE = 3
MAX_NOTE = 1000  # characters
# How often the progress of all recordings is read from files: on a network's disk each reading counts.
_POLL_S, _READS_PER_S = 0.2, 100.0


@dataclass(frozen=True)
class PlannedRecording:
    """A recording to work on.

    Attributes:
        name: what to call it; empty where it is the only one.
        source: where it is.
        target: where what is made of it goes.
        open: opens it and says what is to be done; raises BagError.
    """

    name: str
    source: Path
    target: Path
    open: Callable[[], ConversionTask]


@dataclass(frozen=True)
class Plan:
    """All that is to be done.

    Attributes:
        recordings: what is read.
        target: the folder for what is made of several recordings; None where there is one.
        how: what is asked for, as JSON has it.
        unreadable: what could not be looked into, and why.
    """

    recordings: Sequence[PlannedRecording]
    target: Path | None = None
    how: object = None
    unreadable: Sequence[RecordingSummary] = field(default_factory=list)


def carry_out(name: str, plan: Callable[[], Plan], processes: int, scheduler: str = "") -> int:
    """Do everything and return the exit status.

    Args:
        name: the command's, for messages.
        plan: says what is to be done.
        processes: how many cameras to work on at once on this machine.
        scheduler: the address of a Dask scheduler, whose workers do it instead; empty for none.
    """
    with Interruption():
        try:
            summaries = _carry_out(name, plan(), processes, scheduler)
        except OSError as err:
            note(printable(f"{name}: {err.filename}: {err.strerror}", MAX_NOTE))
            return 1
        except BlazePoseError as err:
            note(printable(f"{name}: {err}", MAX_NOTE))
            return 1
    return _status(name, summaries)


def _carry_out(name: str, plan: Plan, processes: int, scheduler: str) -> list[RecordingSummary]:
    """Do everything, and return what became of it.

    Raises:
        BagError: another run is at work on the folder.
        ExecutorError: there is nobody to do the work, or no longer.
        OSError: the folder or the summary cannot be written.
    """
    with ExitStack() as closing_all:
        outputs = None
        if plan.target is not None:
            outputs = closing_all.enter_context(closing(OutputFolder(plan.target, plan.how)))
        workers = closing_all.enter_context(open_workers(processes, scheduler))
        summaries = ConversionRun(name, workers, outputs).convert_all(plan.recordings)
        summaries += plan.unreadable
        if outputs is not None:
            show(*summary_tables(summaries))
            outputs.write_summary(summaries)
    return summaries


def _status(name: str, summaries: Sequence[RecordingSummary]) -> int:
    if any(each.cannot_write for each in summaries) or all(each.state == FAILED for each in summaries):
        return 1
    if not any(each.left_out for each in summaries):
        return 0
    note(f"{name}: not everything could be taken, see above")
    return INCOMPLETE


class ConversionRun:
    """Works on recordings side by side: each has a thread here, which waits for the workers.

    Args:
        name: the command's, for messages.
        workers: do the work.
        outputs: the folder of all outputs; None where there is one.
    """

    def __init__(self, name: str, workers: Workers, outputs: OutputFolder | None) -> None:
        self._name = name
        self._workers = workers
        self._outputs = outputs
        self._bar = ImagesBar()
        self._is_stopped, self._is_disk_full = Event(), Event()
        self._count = 1

    def convert_all(self, recordings: Sequence[PlannedRecording]) -> list[RecordingSummary]:
        """Work on recordings and return what became of them, in their order."""
        self._count = max(1, len(recordings))
        self._bar.begin({each.source: _size_bytes(each.source) for each in recordings})
        threads = ThreadPoolExecutor(self._workers.recordings, "recording")
        with closing(self._bar):
            futures = [threads.submit(self._convert, each) for each in recordings]
            try:
                for future in completed(futures):
                    future.result()
            except BaseException:
                self._is_stopped.set()
                threads.shutdown(wait=False, cancel_futures=True)
                raise
        threads.shutdown()
        return [future.result() for future in futures]

    def _convert(self, recording: PlannedRecording) -> RecordingSummary:
        """Work on a recording; what is wrong with it is told, and the others go on."""
        if self._is_disk_full.is_set():
            return _failed(recording, "not begun")
        failures: tuple[type[Exception], ...] = (BagError, *self._workers.lost)
        try:
            return self._finished_before(recording) or self._make(recording)
        except failures as err:
            return self._give_up(recording, str(err), is_disk_full=isinstance(err, _CannotWriteError))
        except OSError as err:
            failure = os_failure(recording.target, err)
            return self._give_up(recording, failure, is_disk_full=is_disk_error(err))
        finally:
            self._bar.leave(recording.source)

    def _give_up(self, recording: PlannedRecording, why: str, *, is_disk_full: bool) -> RecordingSummary:
        """Tell why nothing is made of a recording; where the disk is full no other one is begun."""
        note(printable(f"{self._name}: {why}", MAX_NOTE))
        if is_disk_full:
            self._is_disk_full.set()
        return replace(_failed(recording, why), cannot_write=is_disk_full)

    def _finished_before(self, recording: PlannedRecording) -> RecordingSummary | None:
        """Return what an earlier run has made of a recording with the same content.

        Raises:
            BagError: it was another content, or something else was made of it.
        """
        outputs = self._outputs
        known = outputs and outputs.find(recording.name)
        if not outputs or not known or not recording.target.exists():
            return None
        sha256 = known.sha256
        if fingerprint(recording.source) != known.files:
            sha256 = self._workers.executor.submit(content_hash, recording.source).result()
        if (sha256, outputs.how) != (known.sha256, known.how):
            is_other = sha256 != known.sha256
            what = f"of what {recording.source} was before" if is_other else "with other options"
            raise BagError(f"{recording.target} was made {what}: remove it to have it made anew")
        note(printable(f"{recording.target} is finished", MAX_NOTE))
        return replace(known.summary, state=FINISHED)

    def _make(self, recording: PlannedRecording) -> RecordingSummary:
        task = recording.open()
        with closing(task.folder):
            return self._carry_out(recording, task)

    def _carry_out(self, recording: PlannedRecording, task: ConversionTask) -> RecordingSummary:
        log = _RecordingLog(recording.name)
        log.info(*task.notes)
        log.error(*task.losses)
        if task.folder.open(task.purpose):
            log.info(_progress_of(task))
        if not task.folder.is_finished:
            self._find_people(recording, task, log)
        log.error(*task.lacking_images())
        report = self._finish(recording, task)
        log.info(*report.notes)
        log.error(*report.messages)
        reports = [job.report() for job in task.jobs]
        summary = RecordingSummary(
            recording.name,
            MADE,
            sum(each.images for each in reports),
            sum(each.people for each in reports),
            max(each.recorded_s for each in reports),
            sum(each.work_s for each in reports),
            tuple(log.left_out),
        )
        if self._outputs:
            self._outputs.add(summary, report.sha256, task.files)
        task.folder.remove()
        return summary

    def _find_people(self, recording: PlannedRecording, task: ConversionTask, log: _RecordingLog) -> None:
        """Have the cameras worked on that are not finished.

        Raises:
            BagError: one failed; what became of the others is kept.
        """
        jobs = [job for job in task.jobs if not job.is_finished]
        threads = self._workers.threads(max(self._count, len(jobs), 1))
        images = sum(
            camera.images.count for camera, job in zip(task.cameras, task.jobs, strict=True) if job in jobs
        )
        self._bar.expect(recording.source, images)
        executor = self._workers.executor
        futures = {executor.submit(work, job.begin(threads)): job for job in jobs}
        failures: list[CameraReport] = []
        pending = set(futures)
        while pending:
            done, pending = wait(pending, self._poll_s, FIRST_COMPLETED)
            self._bar.show(recording.source, sum(job.images_done for job in jobs))
            for future in done:
                report = self._outcome(future, futures[future])
                log.info(*report.warnings)
                log.error(*report.errors)
                failures += [report] if report.failure else []
        for report in failures:
            raise (_CannotWriteError if report.cannot_write else BagError)(report.failure)

    def _outcome(self, future: Future[CameraReport], job: CameraJob) -> CameraReport:
        """Return what became of a camera, also where its workers did not live to tell."""
        if self._is_stopped.is_set():
            raise CancelledError
        try:
            return future.result()
        except self._workers.lost as err:
            return CameraReport(failure=f"{job.recording.name}: {err}")

    def _finish(self, recording: PlannedRecording, task: ConversionTask) -> FinishReport:
        """Have everything put together by a worker, unless an earlier run has.

        Raises:
            BagError: nothing was made.
        """
        if task.folder.is_finished:
            return task.finish()
        try:
            report = self._workers.executor.submit(task.finish).result()
        except self._workers.lost as err:
            raise BagError(f"{recording.target}: {err}") from err
        if report.failure:
            raise (_CannotWriteError if report.cannot_write else BagError)(report.failure)
        for path in report.made:
            note(printable(f"wrote {path}", MAX_NOTE))
        return report

    @property
    def _poll_s(self) -> float:
        return max(_POLL_S, min(self._count, self._workers.recordings) / _READS_PER_S)


class _CannotWriteError(BagError):
    """The disk takes no more."""


def _failed(recording: PlannedRecording, why: str) -> RecordingSummary:
    return RecordingSummary(recording.name, FAILED, left_out=(why,))


def _progress_of(task: ConversionTask) -> str:
    """Return how far an earlier run has come."""
    if task.folder.is_finished:
        return f"{task.folder.target} is finished"
    finished = sum(job.is_finished for job in task.jobs)
    return f"going on with {task.folder.path}: {finished} of {len(task.jobs)} cameras finished"


def _size_bytes(source: Path) -> int:
    try:
        return sum(file.stat().st_size for file in recording_content(source))
    except OSError:  # which will be told when it is opened
        return 0


class _RecordingLog:
    """Shows what is said of a recording.

    Attributes:
        left_out: what its output lacks.
    """

    def __init__(self, name: str) -> None:
        self._prefix = f"{name}: " if name else ""
        self.left_out: list[str] = []

    def info(self, *messages: str) -> None:
        """Show what happens."""
        for message in messages:
            note(printable(self._prefix + message, MAX_NOTE))

    def error(self, *messages: str) -> None:
        """Show what the output lacks."""
        self.left_out += messages
        self.info(*messages)
