"""One recording to work on: what is read, what is made of it, and how it is put together."""

from __future__ import annotations

import heapq
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from rclpy.serialization import deserialize_message
from sensor_msgs.msg import CompressedImage

from blazepose_ros.bag.cameras import Camera
from blazepose_ros.bag.job import OUTPUT_NUMBERS, Job
from blazepose_ros.bag.outputs import ANNOTATED, OUTPUTS, POSES, type_name
from blazepose_ros.bag.part import read_part
from blazepose_ros.bag.reader import BagReader
from blazepose_ros.bag.tables import Row, rows, write_csv, write_parquet
from blazepose_ros.bag.work_folder import WorkFolder
from blazepose_ros.bag.writer import BagWriter, Message
from blazepose_ros.image_messages import stamp_ns
from blazepose_ros.images import decode
from blazepose_ros.video_file import Video

# A video plays at this rate, whatever the camera's.
VIDEO_RATE = 30.0
SINGLE_FILES = {".mcap": "mcap", ".db3": "sqlite3"}
CSV, PARQUET = ".csv", ".parquet"
_OUTPUTS = list(OUTPUTS)


@dataclass(frozen=True)
class Wanted:
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


@dataclass(frozen=True)
class Undertaking:
    """One recording to work on.

    Attributes:
        cameras: whom the jobs are for, in their order.
        jobs: one for each camera.
        folder: where everything grows.
        wanted: what is made.
        kept: the bag whose messages are taken over, and which of its topics; None for nothing.
        purpose: tells this from other work for the same output.
    """

    cameras: Sequence[Camera]
    jobs: Sequence[Job]
    folder: WorkFolder
    wanted: Wanted
    kept: tuple[Path, frozenset[str]] | None
    purpose: Mapping[str, object]

    def finish(self, warn: Callable[[str], object]) -> list[Path]:
        """Put everything together under its final name, the recording last; return what was made.

        Raises:
            BagError: the recording is damaged, or a library is missing.
            OSError: the disk does not take it.
        """
        made = [*self._tables(), *self._videos(), self._bag(warn)]
        for path, target in made:
            self.folder.publish(path, target)
        self.folder.remove()
        return [target for _, target in made]

    def _tables(self) -> Iterator[tuple[Path, Path]]:
        writers: Mapping[str, tuple[bool, Callable[[Path, Iterable[Row]], None]]] = {
            CSV: (self.wanted.csv, write_csv),
            PARQUET: (self.wanted.parquet, write_parquet),
        }
        for suffix, (wanted, write) in writers.items():
            if wanted:
                path = self.folder.fresh(f"table{suffix}")
                write(path, self._rows())
                yield path, beside(self.folder.target, suffix)

    def _rows(self) -> Iterator[Row]:
        for camera, job in zip(self.cameras, self.jobs, strict=True):
            for record in read_part(job.part):
                if record.output == OUTPUT_NUMBERS[POSES]:
                    yield from rows(camera.images.name, record.data)

    def _videos(self) -> Iterator[tuple[Path, Path]]:
        if self.wanted.video:
            for suffix, job in zip(_video_suffixes(self.cameras), self.jobs, strict=True):
                path = self.folder.fresh(f"video{suffix}")
                _film(job.part, path)
                yield path, beside(self.folder.target, suffix)

    def _bag(self, warn: Callable[[str], object]) -> tuple[Path, Path]:
        target = self.folder.target
        single = SINGLE_FILES.get(target.suffix)
        path = self.folder.fresh(target.stem if single else target.name)
        storage = single or self.wanted.storage
        BagWriter(path, storage, compressed=self.wanted.compressed, warn=warn).write(self._messages())
        return (path / f"{path.name}{target.suffix}" if single else path), target

    def _messages(self) -> Iterator[Message]:
        """Yield what was recorded and what was found, in the order of their times."""
        found = (self._found(camera, job) for camera, job in zip(self.cameras, self.jobs, strict=True))
        return heapq.merge(self._recorded(), *found, key=lambda message: message.log_ns)

    def _recorded(self) -> Iterator[Message]:
        if self.kept is None:
            return
        path, topics = self.kept
        with BagReader(path) as bag:
            for connection, log_ns, data in bag.messages(topics):
                yield Message(log_ns, connection.topic, connection.msgtype, data, connection)

    def _found(self, camera: Camera, job: Job) -> Iterator[Message]:
        for record in read_part(job.part):
            output = _OUTPUTS[record.output]
            if output != ANNOTATED or self.wanted.annotated:
                yield Message(record.log_ns, camera.topic(output), type_name(OUTPUTS[output]), record.data)


def products(target: Path, cameras: Sequence[Camera], wanted: Wanted) -> list[Path]:
    """Return what is made beside a recording."""
    tables = [suffix for suffix, is_wanted in ((CSV, wanted.csv), (PARQUET, wanted.parquet)) if is_wanted]
    videos = _video_suffixes(cameras) if wanted.video else []
    return [beside(target, suffix) for suffix in (*tables, *videos)]


def beside(target: Path, suffix: str) -> Path:
    """Return the path of something that is made beside a recording."""
    name = target.stem if target.suffix in SINGLE_FILES else target.name
    return target.with_name(name + suffix)


def _video_suffixes(cameras: Sequence[Camera]) -> list[str]:
    """Return how the names of the cameras' videos end."""
    if len(cameras) == 1:
        return [".mp4"]
    names = (re.sub(r"\W+", "_", camera.images.base.strip("/")) for camera in cameras)
    return [f"_{name}.mp4" for name in names]


def _film(part: Path, path: Path) -> None:
    """Make a video of the annotated images in a part."""
    with ExitStack() as closing:
        video: Video | None = None
        for record in read_part(part):
            if record.output == OUTPUT_NUMBERS[ANNOTATED]:
                message = deserialize_message(record.data, CompressedImage)
                rgb = decode(message)
                if video is None:
                    video = Video(path, (rgb.shape[1], rgb.shape[0]), VIDEO_RATE)
                    closing.callback(video.close)
                video.add(rgb, stamp_ns(message.header))
