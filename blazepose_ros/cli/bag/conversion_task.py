# SPDX-License-Identifier: Apache-2.0
"""One recording to convert: what is read, what is made of it, and how it is put together."""

from __future__ import annotations

import heapq
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path

from rclpy.serialization import deserialize_message
from rosbags.interfaces import Connection
from sensor_msgs.msg import CompressedImage

from blazepose_ros.cli.bag.bag_files import BagError, BagMessage, BagReader, BagWriter
from blazepose_ros.cli.bag.camera_jobs import OUTPUT_NUMBERS, CameraJob
from blazepose_ros.cli.bag.cameras import (
    CAMERA_INFO,
    COMPRESSED_IMAGE,
    IMAGE,
    TOPIC_PROBES,
    CameraTopics,
    ImageTopic,
    find_cameras,
    probe_topic,
    registered_depth,
)
from blazepose_ros.cli.bag.outputs import ANNOTATED, OUTPUTS, POSES, type_name
from blazepose_ros.cli.bag.recorded_camera import CameraRecording
from blazepose_ros.cli.bag.tables import Row, rows, write_csv, write_parquet
from blazepose_ros.cli.bag.work_folder import WorkFolder, fingerprint, publish, read_spool
from blazepose_ros.conversions.cdr import stamp_ns
from blazepose_ros.conversions.images import decode
from blazepose_ros.core.errors import Logger
from blazepose_ros.core.settings import NodeSettings
from blazepose_ros.core.visualization.video_writer import VideoWriter

# A video plays at this rate, whatever the camera's.
VIDEO_RATE = 30.0
SINGLE_FILES = {".mcap": "mcap", ".db3": "sqlite3"}
CSV, PARQUET = ".csv", ".parquet"
_OUTPUTS = list(OUTPUTS)


@dataclass(frozen=True)
class OutputOptions:
    """What is made of a recording.

    Attributes:
        storage: mcap or sqlite3.
        compressed: whether an MCAP is compressed.
        annotated: whether images with skeletons on them go into it.
        csv: whether to make a table of the people.
        parquet: whether to make that as a Parquet file.
        video: whether to make a video of each camera.
    """

    storage: str
    compressed: bool
    annotated: bool
    csv: bool
    parquet: bool
    video: bool

    @property
    def drawn(self) -> bool:
        """Whether skeletons are drawn on the images."""
        return self.annotated or self.video


@dataclass(frozen=True)
class ConversionTask:
    """One recording to work on.

    Attributes:
        cameras: those that the jobs are for, in their order.
        jobs: one for each camera.
        folder: where everything grows.
        options: what is made.
        kept: the bag whose messages are taken over, and which of its topics; None for nothing.
        purpose: tells this from other work for the same output.
    """

    cameras: Sequence[CameraTopics]
    jobs: Sequence[CameraJob]
    folder: WorkFolder
    options: OutputOptions
    kept: tuple[Path, frozenset[str]] | None
    purpose: Mapping[str, object]

    def finish(self, logger: Logger) -> list[Path]:
        """Put everything together under its final name, the recording last; return what was made.

        What the cameras' jobs left on the disk is removed.

        Raises:
            BagError: the recording is damaged, or a library is missing.
            OSError: the disk does not take it.
        """
        made = [*self._tables(), *self._videos(), self._bag(logger)]
        for path, target in made:
            publish(path, target)
        for job in self.jobs:
            job.spool.unlink()
        return [target for _, target in made]

    def _tables(self) -> Iterator[tuple[Path, Path]]:
        writers: Mapping[str, tuple[bool, Callable[[Path, Iterable[Row]], None]]] = {
            CSV: (self.options.csv, write_csv),
            PARQUET: (self.options.parquet, write_parquet),
        }
        for suffix, (is_wanted, write) in writers.items():
            if is_wanted:
                path = self.folder.fresh(f"table{suffix}")
                write(path, self._rows())
                yield path, beside(self.folder.target, suffix)

    def _rows(self) -> Iterator[Row]:
        for camera, job in zip(self.cameras, self.jobs, strict=True):
            for record in read_spool(job.spool):
                if record.output == OUTPUT_NUMBERS[POSES]:
                    yield from rows(camera.images.name, record.data)

    def _videos(self) -> Iterator[tuple[Path, Path]]:
        if self.options.video:
            for suffix, job in zip(_video_suffixes(self.cameras), self.jobs, strict=True):
                path = self.folder.fresh(f"video{suffix}")
                _film(job.spool, path)
                yield path, beside(self.folder.target, suffix)

    def _bag(self, logger: Logger) -> tuple[Path, Path]:
        target = self.folder.target
        single = SINGLE_FILES.get(target.suffix)
        path = self.folder.fresh(target.stem if single else target.name)
        storage = single or self.options.storage
        BagWriter(path, storage, compressed=self.options.compressed, logger=logger).write(self._messages())
        return (path / f"{path.name}{target.suffix}" if single else path), target

    def _messages(self) -> Iterator[BagMessage]:
        """Yield what was recorded and what was found, in the order of their times."""
        found = (self._found(camera, job) for camera, job in zip(self.cameras, self.jobs, strict=True))
        return heapq.merge(self._recorded(), *found, key=lambda message: message.log_ns)

    def _recorded(self) -> Iterator[BagMessage]:
        if self.kept is None:
            return
        path, topics = self.kept
        with BagReader(path) as bag:
            for connection, log_ns, data in bag.messages(topics):
                yield BagMessage(log_ns, connection.topic, connection.msgtype, data, connection)

    def _found(self, camera: CameraTopics, job: CameraJob) -> Iterator[BagMessage]:
        for record in read_spool(job.spool):
            output = _OUTPUTS[record.output]
            if output != ANNOTATED or self.options.annotated:
                yield BagMessage(record.log_ns, camera.topic(output), type_name(OUTPUTS[output]), record.data)


def products(target: Path, cameras: Sequence[CameraTopics], options: OutputOptions) -> list[Path]:
    """Return what is made beside a recording."""
    tables = [suffix for suffix, is_wanted in ((CSV, options.csv), (PARQUET, options.parquet)) if is_wanted]
    videos = _video_suffixes(cameras) if options.video else []
    return [beside(target, suffix) for suffix in (*tables, *videos)]


def beside(target: Path, suffix: str) -> Path:
    """Return the path of something that is made beside a recording."""
    name = target.stem if target.suffix in SINGLE_FILES else target.name
    return target.with_name(name + suffix)


def _video_suffixes(cameras: Sequence[CameraTopics]) -> list[str]:
    """Return how the names of the cameras' videos end."""
    if len(cameras) == 1:
        return [".mp4"]
    names = (re.sub(r"\W+", "_", camera.images.base.strip("/")) for camera in cameras)
    return [f"_{name}.mp4" for name in names]


def _film(spool: Path, path: Path) -> None:
    """Make a video of the annotated images in a spool."""
    with ExitStack() as closing:
        video: VideoWriter | None = None
        for record in read_spool(spool):
            if record.output == OUTPUT_NUMBERS[ANNOTATED]:
                message = deserialize_message(record.data, CompressedImage)
                rgb = decode(message)
                if video is None:
                    video = VideoWriter(path, (rgb.shape[1], rgb.shape[0]), VIDEO_RATE)
                    closing.callback(video.close)
                video.add(rgb, stamp_ns(message.header))


KEEP_ALL, KEEP_NO_IMAGES, KEEP_NOTHING = KEEPS = ("all", "no-images", "nothing")


def conversion_task(
    source: Path,
    target: Path,
    settings: NodeSettings,
    options: OutputOptions,
    *,
    topics: Iterable[str] = (),
    keep: str = KEEP_ALL,
) -> ConversionTask:
    """Return what is to be done with a bag.

    Args:
        source: the bag.
        target: the new one.
        settings: the node's parameters.
        options: what is made.
        topics: the images to work on; nothing for all cameras.
        keep: one of ``KEEPS``, what of the bag goes into the new one.

    Raises:
        BagError: the bag cannot be read or holds no images, or there is no folder for the target.
    """
    with BagReader(source) as bag:
        connections = list(bag.connections)
        cameras = _cameras(bag, topics)
    folder = WorkFolder(target, products(target, cameras, options))
    what = [
        str(source.absolute()),
        fingerprint(source),
        settings.values(),
        [[each.images.name, each.depth and each.depth.name] for each in cameras],
    ]
    jobs = [
        CameraJob(
            recording=CameraRecording(source, camera),
            settings=settings,
            tf_prefix=camera.tf_prefix,
            annotated=options.drawn,
            spool=folder.path / f"camera{number}.spool",
        )
        for number, camera in enumerate(cameras)
    ]
    return ConversionTask(
        cameras,
        jobs,
        folder,
        options,
        kept=(source, _kept(connections, cameras, keep)),
        purpose={"what": what, "drawn": options.drawn},
    )


def _cameras(bag: BagReader, topics: Iterable[str]) -> list[CameraTopics]:
    counts: dict[tuple[str, str], int] = {}
    for connection in bag.connections:
        key = connection.topic, connection.msgtype
        counts[key] = counts.get(key, 0) + connection.msgcount
    image_topics = {
        topic: ImageTopic(topic, message_type, count)
        for (topic, message_type), count in counts.items()
        if message_type in TOPIC_PROBES
    }
    probes = {
        topic: probe
        for topic, images in image_topics.items()
        if (probe := probe_topic(bag, images)) is not None
    }
    color = [image_topics[topic] for topic, probe in probes.items() if not probe.is_depth]
    if not color:
        types = sorted({f"{topic} ({message_type})" for topic, message_type in counts})
        raise BagError(f"{bag.path} holds no color images, only: {', '.join(types)}")
    infos = {topic for topic, message_type in counts if message_type == CAMERA_INFO}
    return [
        replace(camera, depth=registered_depth(camera, probes, infos))
        for camera in find_cameras(color, infos, topics)
    ]


def _kept(connections: Sequence[Connection], cameras: Sequence[CameraTopics], keep: str) -> frozenset[str]:
    """Return the topics that are taken over: those whose place is not taken by what is found."""
    if keep == KEEP_NOTHING:
        return frozenset()
    replaced = {camera.topic(output) for camera in cameras for output in OUTPUTS if output.startswith("~")}
    left_out = {IMAGE, COMPRESSED_IMAGE} if keep == KEEP_NO_IMAGES else set()
    return frozenset(each.topic for each in connections if each.msgtype not in left_out) - replaced
