# SPDX-License-Identifier: Apache-2.0
"""One recording to convert: what is read, what is made of it, and how it is put together."""

from __future__ import annotations

import heapq
import json
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from rosbags.interfaces import Connection

from blazepose_ros.cli.bag.anonymized import may_show_people
from blazepose_ros.cli.bag.bag_files import BagMessage, BagReader, BagWriter
from blazepose_ros.cli.bag.camera_jobs import OUTPUT_NUMBERS, CameraJob
from blazepose_ros.cli.bag.cameras import COMPRESSED_IMAGE, IMAGE, CameraTopics, cameras_of
from blazepose_ros.cli.bag.fusion import FusedRecording, PosesRecord
from blazepose_ros.cli.bag.message_types import type_name
from blazepose_ros.cli.bag.motions import write_motions
from blazepose_ros.cli.bag.outputs import (
    ANNOTATED,
    MOTION,
    OUTPUTS,
    POSES,
    SINGLE_FILES,
    OutputOptions,
    beside,
    film,
    products,
    tables_beside,
    video_suffixes,
)
from blazepose_ros.cli.bag.recorded_camera import CameraRecording
from blazepose_ros.cli.bag.recording_files import BagError
from blazepose_ros.cli.bag.tables import CSV, PARQUET, Row, rows, write_csv, write_parquet
from blazepose_ros.cli.bag.work_folder import (
    WorkFolder,
    content_hash,
    fingerprint,
    is_disk_error,
    os_failure,
    publish,
    read_spool,
)
from blazepose_ros.core.errors import Logger
from blazepose_ros.core.files import write_atomically
from blazepose_ros.core.settings import NodeSettings
from blazepose_ros.core.visualization.anonymizer import Anonymize
from blazepose_ros.core.visualization.video_writer import RecordingError

_OUTPUTS = list(OUTPUTS)


@dataclass(frozen=True)
class FinishReport:
    """What became of a recording when everything was put together.

    Attributes:
        made: what was made, the recording last.
        sha256: of the recording that it was made of.
        notes: what is odd and does no harm, in words.
        messages: what was left out, in words.
        failure: why nothing was made; empty where it was.
        cannot_write: whether that is the disk's fault.
    """

    made: tuple[str, ...] = ()
    sha256: str = ""
    notes: tuple[str, ...] = ()
    messages: tuple[str, ...] = ()
    failure: str = ""
    cannot_write: bool = False


@dataclass(frozen=True)
class ConversionTask:
    """One recording to work on.

    Attributes:
        source: the recording.
        files: name, size and time of change of its files when it was opened.
        cameras: those that the jobs are for, in their order.
        jobs: one for each camera.
        folder: where everything grows.
        options: what is made.
        kept: which of the bag's topics are taken over; None for what is no bag.
        tables: where the tables go, by their suffixes.
        purpose: tells this from other work for the same output.
        losses: what of the recording could not be read to begin with, in words.
        notes: what is odd about it and does no harm, in words.
    """

    source: Path
    files: list[list[object]]
    cameras: Sequence[CameraTopics]
    jobs: Sequence[CameraJob]
    folder: WorkFolder
    options: OutputOptions
    kept: frozenset[str] | None
    tables: Mapping[str, Path]
    purpose: Mapping[str, object]
    losses: Sequence[str] = ()
    notes: Sequence[str] = ()

    @property
    def images(self) -> int:
        """How many images its cameras have."""
        return sum(camera.images.count for camera in self.cameras)

    def lacking_images(self) -> list[str]:
        """Return which cameras have images that could not be taken, in words, once the jobs are finished."""
        if self.kept is None:  # a video only estimates how many it has
            return []
        pairs = (
            (camera.images, job.report().images) for camera, job in zip(self.cameras, self.jobs, strict=True)
        )
        return [
            f"{images.name}: {done} of {images.count} images could be read"
            for images, done in pairs
            if done < images.count
        ]

    def finish(self) -> FinishReport:
        """Put everything together under its final name, the recording last; what is there stays."""
        if self.folder.is_finished:
            return FinishReport(**json.loads(self._report.read_text()))
        log = _Messages()
        try:
            self._check_unchanged()
            made = [*self._tables(), *self._motions(log), *self._videos(), self._bag(log)]
            targets = tuple(str(target) for _, target in made)
            report = FinishReport(targets, content_hash(self.source), tuple(log.notes), tuple(log.losses))
            self._check_unchanged()
            write_atomically(self._report, json.dumps(asdict(report)).encode())
            for path, target in made:
                target.parent.mkdir(parents=True, exist_ok=True)
                publish(path, target)
        except (BagError, RecordingError) as err:
            return FinishReport(failure=str(err))
        except OSError as err:
            failure = os_failure(self.folder.target, err)
            return FinishReport(failure=failure, cannot_write=is_disk_error(err))
        return report

    def _check_unchanged(self) -> None:
        """Refuse to make half of a recording.

        Raises:
            BagError: it is not as it was when it was opened.
        """
        if fingerprint(self.source) != self.files:
            raise BagError(
                f"{self.source} has changed while it was read: is it still being recorded? Nothing is made"
                " of it: run this again when it is complete"
            )

    @property
    def _report(self) -> Path:
        return self.folder.path / "report.json"

    def _tables(self) -> Iterator[tuple[Path, Path]]:
        writers: Mapping[str, tuple[bool, Callable[[Path, Iterable[Row]], None]]] = {
            CSV: (self.options.csv, write_csv),
            PARQUET: (self.options.parquet, write_parquet),
        }
        for suffix, (is_wanted, write) in writers.items():
            if is_wanted:
                path = self.folder.fresh(f"table{suffix}")
                write(path, self._rows())
                yield path, self.tables[suffix]

    def _rows(self) -> Iterator[Row]:
        for camera, job in zip(self.cameras, self.jobs, strict=True):
            for data in self._of(job, POSES):
                yield from rows(camera.images.name, data)

    def _of(self, job: CameraJob, output: str) -> Iterator[bytes]:
        """Yield the serialized messages of one output."""
        number = OUTPUT_NUMBERS[output]
        return (record.data for record in read_spool(job.spool) if record.output == number)

    def _motions(self, logger: Logger) -> Iterator[tuple[Path, Path]]:
        if self.options.motions:
            path = self.folder.fresh("motion")
            path.mkdir()
            topics = (camera.images.name for camera in self.cameras)
            messages = (self._of(job, POSES) for job in self.jobs)
            for text in write_motions(path, zip(topics, messages, strict=True), self.options.motions):
                logger.info(text)
            yield path, beside(self.folder.target, MOTION)

    def _videos(self) -> Iterator[tuple[Path, Path]]:
        if self.options.video:
            for suffix, job in zip(video_suffixes(self.cameras), self.jobs, strict=True):
                path = self.folder.fresh(f"video{suffix}")
                film(self._of(job, ANNOTATED), path)
                yield path, beside(self.folder.target, suffix)

    def _bag(self, logger: Logger) -> tuple[Path, Path]:
        target = self.folder.target
        single = SINGLE_FILES.get(target.suffix)
        # In a folder of its own: OUT may be named like what else lies in the work folder.
        path = self.folder.fresh("recording") / (target.stem if single else target.name)
        storage = single or self.options.storage
        BagWriter(path, storage, compressed=self.options.compressed, logger=logger).write(
            self._messages(logger)
        )
        return (path / f"{path.name}{target.suffix}" if single else path), target

    def _messages(self, logger: Logger) -> Iterator[BagMessage]:
        """Yield what was recorded and what was found, in the order of their times."""
        found = [self._found(camera, job) for camera, job in zip(self.cameras, self.jobs, strict=True)]
        found.append(self._fused(logger))
        return heapq.merge(self._recorded(logger), *found, key=lambda message: message.log_ns)

    def _recorded(self, logger: Logger) -> Iterator[BagMessage]:
        if self.kept is None:
            return
        topics = self.kept
        with BagReader(self.source) as bag:
            missing = Counter({each.topic: each.msgcount for each in bag.connections if each.topic in topics})
            for connection, log_ns, data in bag.messages(topics):
                missing[connection.topic] -= 1
                yield BagMessage(log_ns, connection.topic, connection.msgtype, data, connection)
        for topic, count in (+missing).items():
            logger.error(f"{topic}: {count} messages that the recording's index names are not in it")

    def _fused(self, logger: Logger) -> Iterator[BagMessage]:
        if not self.options.fuse or self.kept is None:
            return
        fused = FusedRecording(self.source, self.cameras, self.options.fuse, self.jobs[0].settings)
        yield from fused.messages([_people(*each) for each in enumerate(self.jobs)], logger)

    def _found(self, camera: CameraTopics, job: CameraJob) -> Iterator[BagMessage]:
        for record in read_spool(job.spool):
            output = _OUTPUTS[record.output]
            if output != ANNOTATED or self.options.annotated:
                yield BagMessage(record.log_ns, camera.topic(output), type_name(OUTPUTS[output]), record.data)


def _people(camera: int, job: CameraJob) -> Iterator[PosesRecord]:
    """Yield the people of each image of a camera."""
    for record in read_spool(job.spool):
        if record.output == OUTPUT_NUMBERS[POSES]:
            yield PosesRecord(record.log_ns, camera, record.data)


class _Messages:
    """A `Logger` that keeps what it is told."""

    def __init__(self) -> None:
        self.notes: list[str] = []
        self.losses: list[str] = []
        self.info = self.warning = self.notes.append
        self.error = self.losses.append


KEEP_ALL, KEEP_NO_IMAGES, KEEP_NOTHING = KEEPS = ("all", "no-images", "nothing")


def conversion_task(
    source: Path,
    target: Path,
    settings: NodeSettings,
    options: OutputOptions,
    *,
    topics: Iterable[str] = (),
    keep: str = KEEP_ALL,
    tables: Mapping[str, Path] | None = None,
) -> ConversionTask:
    """Return what is to be done with a bag.

    Args:
        source: the bag.
        target: the new one.
        settings: the node's parameters.
        options: what is made.
        topics: the images to work on; nothing for all cameras.
        keep: one of ``KEEPS``, what of the bag goes into the new one.
        tables: where the tables go, by their suffixes; None for beside the target.

    Raises:
        BagError: the bag cannot be read or holds no images, or there is no folder for the target.
    """
    with BagReader(source) as bag:
        connections = list(bag.connections)
        cameras = cameras_of(bag, topics)
    kept, hidden = _kept(connections, cameras, keep), frozenset[str]()
    is_anonymized = settings.anonymize is not Anonymize.NONE
    if is_anonymized:
        hidden = kept & set(may_show_people(connections))
    replaces_images = is_anonymized and keep == KEEP_ALL
    tables = tables or tables_beside(target)
    folder = WorkFolder(target, products(target, cameras, options, tables))
    files = fingerprint(source)
    what = [
        str(source.absolute()),
        files,
        settings.values(),
        [[each.images.name, each.depth and each.depth.name] for each in cameras],
    ]
    jobs = [
        CameraJob(
            recording=CameraRecording(source, camera, replaces_images),
            settings=settings,
            tf_prefix=camera.tf_prefix,
            annotated=options.drawn,
            spool=folder.path / f"camera{number}.spool",
        )
        for number, camera in enumerate(cameras)
    ]
    return ConversionTask(
        source,
        files,
        cameras,
        jobs,
        folder,
        options,
        kept=kept - hidden,
        tables=tables,
        purpose={"what": what, "drawn": options.drawn, "replaces_images": replaces_images},
        losses=bag.losses,
        notes=[*bag.notes, *_left_out(hidden - {each.images.name for each in cameras})],
    )


def _left_out(hidden: Iterable[str]) -> Iterator[str]:
    """Yield which topics are not taken over since they may show people."""
    if topics := sorted(hidden):
        yield f"left out, since it may show people: {', '.join(topics)}"


def _kept(connections: Sequence[Connection], cameras: Sequence[CameraTopics], keep: str) -> frozenset[str]:
    """Return the topics that are taken over: those whose place is not taken by what is found."""
    if keep == KEEP_NOTHING:
        return frozenset()
    replaced = {camera.topic(output) for camera in cameras for output in OUTPUTS if output.startswith("~")}
    left_out = {IMAGE, COMPRESSED_IMAGE} if keep == KEEP_NO_IMAGES else set()
    return frozenset(each.topic for each in connections if each.msgtype not in left_out) - replaced
