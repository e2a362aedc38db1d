# SPDX-License-Identifier: Apache-2.0
"""``blazepose video``: finds the people in a video file and makes a recording of it."""

from __future__ import annotations

import argparse
import shlex
from collections.abc import Generator, Iterator, Sequence
from contextlib import closing
from dataclasses import asdict, dataclass
from pathlib import Path

import cv2
from sensor_msgs.msg import CameraInfo
from std_msgs.msg import Header

from blazepose_ros.cli.bag.camera_jobs import CameraJob
from blazepose_ros.cli.bag.cameras import COMPRESSED_IMAGE, CameraTopics, ImageTopic
from blazepose_ros.cli.bag.command import add_common, output_options, settings_of
from blazepose_ros.cli.bag.conversion_run import Plan, PlannedRecording, carry_out
from blazepose_ros.cli.bag.conversion_task import ConversionTask
from blazepose_ros.cli.bag.message_types import serialized
from blazepose_ros.cli.bag.outputs import CAMERA_INFO, IMAGES, check_target, products, tables_beside
from blazepose_ros.cli.bag.recorded_camera import RecordedFrame
from blazepose_ros.cli.bag.recording_files import BagError
from blazepose_ros.cli.bag.work_folder import WorkFolder, fingerprint
from blazepose_ros.cli.console import number_above_0
from blazepose_ros.conversions.camera_info import camera_info_message
from blazepose_ros.conversions.cdr import header_message
from blazepose_ros.conversions.frame_context import FrameContextCollector
from blazepose_ros.conversions.images import compressed_message
from blazepose_ros.core import hints
from blazepose_ros.core.errors import Logger
from blazepose_ros.core.frame_sources.calibration_file import (
    Calibration,
    CalibrationFileError,
    load_calibration,
)
from blazepose_ros.core.frame_sources.files import VideoFile
from blazepose_ros.core.frame_sources.frame_source import Captured, SourceError
from blazepose_ros.core.frame_sources.resize import FrameFit
from blazepose_ros.core.settings import NodeSettings
from blazepose_ros.core.timestamps import NS_PER_S
from blazepose_ros.core.types import Frame


@dataclass(frozen=True)
class VideoRecording:
    """A ``Recording`` of a video.

    Attributes:
        path: the file.
        rate: frames per second; 0 for each at its own time.
        start_ns: the stamp of the first frame.
        frame_id: the camera's frame.
        calibration: the camera's; None where it is not known.
        with_images: whether the frames go into the recording.
    """

    path: Path
    rate: float
    start_ns: int
    frame_id: str
    calibration: Calibration | None
    with_images: bool

    @property
    def name(self) -> str:
        """The file."""
        return str(self.path)

    def frames(self, settings: NodeSettings, logger: Logger) -> Generator[RecordedFrame, None, None]:
        """Yield the frames; see ``Recording``."""
        contexts = FrameContextCollector(self.name, logger)
        with closing(VideoFile(self.path)) as video:
            for number, captured in enumerate(iter(video.read, None), start=1):
                yield self._frame(number, captured, contexts, settings)

    def extras(self, recorded: RecordedFrame) -> Iterator[tuple[str, bytes]]:
        """Yield the frame as a JPEG, and the calibration."""
        if self.with_images:
            bgr = cv2.cvtColor(recorded.frame.rgb, cv2.COLOR_RGB2BGR)
            yield IMAGES, serialized(compressed_message(bgr, recorded.header))
        yield CAMERA_INFO, serialized(self._info(recorded.frame, recorded.header))

    def _frame(
        self, number: int, captured: Captured, contexts: FrameContextCollector, settings: NodeSettings
    ) -> RecordedFrame:
        evenly_ns = round((number - 1) * NS_PER_S / self.rate) if self.rate else None
        stamp_ns = self.start_ns + (captured.time_ns or 0 if evenly_ns is None else evenly_ns)
        frame = Frame(cv2.cvtColor(captured.bgr, cv2.COLOR_BGR2RGB), stamp_ns)
        header = header_message(stamp_ns, self.frame_id)
        contexts.calibration.update(self._info(frame, header))
        return RecordedFrame(
            number, stamp_ns, header, frame, contexts.context_of(frame, settings, self.frame_id)
        )

    def _info(self, frame: Frame, header: Header) -> CameraInfo:
        """Return the calibration for a frame.

        Raises:
            BagError: it is of images with other proportions.
        """
        size = (frame.width, frame.height)
        try:
            fitting = self.calibration and self.calibration.seen_through(FrameFit(size, size))
        except CalibrationFileError as err:
            raise BagError(f"{self.name}: {err}") from err
        return camera_info_message(fitting, size, header)


NAME = "blazepose video"
NAMESPACE = "/camera"


def main(arguments: Sequence[str]) -> int:
    """Run ``blazepose video`` and return its exit status."""
    options = _parser().parse_args(arguments)
    if options.scheduler:  # workers have working folders of their own
        options.source, options.target = options.source.absolute(), options.target.absolute()
    recording = PlannedRecording("", options.source, options.target, lambda: _task(options))
    return carry_out(NAME, lambda: Plan([recording]), options.jobs, options.scheduler)


def _task(options: argparse.Namespace) -> ConversionTask:
    """Return what is to be done with the video.

    Raises:
        BagError: the video or the calibration cannot be read.
    """
    check_target(options.target)
    settings = settings_of(options)
    frames, recording = _open(options)
    images = ImageTopic(f"{NAMESPACE}/{IMAGES}", COMPRESSED_IMAGE, frames)
    camera = CameraTopics(images, info_topic="", namespace=NAMESPACE)
    outputs = output_options(options)
    tables = tables_beside(options.target)
    folder = WorkFolder(options.target, products(options.target, [camera], outputs, tables))
    files = fingerprint(options.source)
    what = [str(options.source.absolute()), files, settings.values(), outputs.drawn]
    how = {name: str(value) for name, value in asdict(recording).items()}
    job = CameraJob(recording, settings, camera.tf_prefix, outputs.drawn, folder.path / "camera0.spool")
    return ConversionTask(
        options.source,
        files,
        [camera],
        [job],
        folder,
        outputs,
        kept=None,
        tables=tables,
        purpose={"what": what, "how": how},
    )


def _open(options: argparse.Namespace) -> tuple[int, VideoRecording]:
    """Return how many frames a video says it has, and the video."""
    if not options.source.exists():
        raise BagError(f"{options.source} does not exist")
    if options.source.is_dir():
        demo = hints.run(f"blazepose demo --source {shlex.quote(str(options.source))}")
        raise BagError(f"{options.source} is a folder, not a video: its pictures are annotated by {demo}")
    try:
        calibration = load_calibration(options.calibration) if options.calibration else None
        with closing(VideoFile(options.source)) as video:
            frames = video.count
    except (CalibrationFileError, SourceError) as err:
        raise BagError(str(err)) from err
    start_ns = round(options.start * NS_PER_S)
    recording = VideoRecording(
        path=options.source,
        rate=options.rate,
        start_ns=start_ns,
        frame_id=options.frame_id,
        calibration=calibration,
        with_images=not options.no_images,
    )
    return frames, recording


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog=NAME,
        description="Find the people in a video, as blazepose_node does, and write what it would publish,\n"
        "and the images, into a recording.",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("source", type=Path, metavar="IN", help="a video file")
    parser.add_argument(
        "target",
        type=Path,
        metavar="OUT",
        help="the recording: one file that ends in .mcap or .db3, or a folder",
    )
    parser.add_argument(
        "--calibration", type=Path, metavar="YAML", help="the camera's, of camera_calibration"
    )
    parser.add_argument("--frame-id", default="camera_optical_frame", help="(default: camera_optical_frame)")
    parser.add_argument(
        "--rate",
        type=number_above_0,
        default=0.0,
        metavar="FPS",
        help="of the images (default: each at its own time)",
    )
    parser.add_argument(
        "--start",
        type=float,
        default=0.0,
        metavar="SECONDS",
        help="the stamp of the first image (default: 0)",
    )
    parser.add_argument("--no-images", action="store_true", help="leave the images out of OUT")
    add_common(parser)
    return parser
