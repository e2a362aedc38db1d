"""``blazepose video``: finds the people in a video file and makes a recording of it."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from contextlib import closing
from dataclasses import asdict
from pathlib import Path

import cv2

from blazepose_ros.bag.cameras import COMPRESSED_IMAGE, Camera, ImageTopic
from blazepose_ros.bag.errors import BagError
from blazepose_ros.bag.job import Job
from blazepose_ros.bag.options import add_common, settings_of, wanted_of
from blazepose_ros.bag.outputs import IMAGES
from blazepose_ros.bag.session import carry_out
from blazepose_ros.bag.undertaking import Undertaking, products
from blazepose_ros.bag.video_recording import VideoRecording
from blazepose_ros.bag.work_folder import WorkFolder, fingerprint
from blazepose_ros.camera.calibration import CalibrationError, load_calibration
from blazepose_ros.camera.frame_source import SourceError
from blazepose_ros.camera.image_source import VideoFile
from blazepose_ros.nanoseconds import NS_PER_S
from blazepose_ros.terminal import number_above_0

NAME = "blazepose video"
NAMESPACE = "/camera"


def main(arguments: Sequence[str]) -> int:
    """Run ``blazepose video`` and return its exit status."""
    options = _parser().parse_args(arguments)
    return carry_out(NAME, lambda: [_undertake(options)], options.jobs)


def _undertake(options: argparse.Namespace) -> Undertaking:
    """Return what is to be done with the video.

    Raises:
        BagError: the video or the calibration cannot be read.
    """
    settings = settings_of(options)
    frames, recording = _open(options)
    images = ImageTopic(f"{NAMESPACE}/{IMAGES}", COMPRESSED_IMAGE, frames)
    camera = Camera(images, info_topic="", namespace=NAMESPACE)
    wanted = wanted_of(options)
    drawn = wanted.annotated or wanted.video
    folder = WorkFolder(options.target, products(options.target, [camera], wanted))
    what = [str(options.source.absolute()), fingerprint(options.source), vars(settings), drawn]
    how = {name: str(value) for name, value in asdict(recording).items()}
    job = Job(recording, settings, camera.tf_prefix, drawn, folder.path / "camera0.part")
    return Undertaking([camera], [job], folder, wanted, kept=None, purpose={"what": what, "how": how})


def _open(options: argparse.Namespace) -> tuple[int, VideoRecording]:
    """Return how many frames a video says it has, and the video."""
    if not options.source.is_file():
        raise BagError(f"{options.source} does not exist")
    try:
        calibration = load_calibration(options.calibration) if options.calibration else None
        with closing(VideoFile(options.source)) as video:
            rate = options.rate or video.rate
    except (CalibrationError, SourceError) as err:
        raise BagError(str(err)) from err
    start_ns = round(options.start * NS_PER_S)
    recording = VideoRecording(
        options.source, rate, start_ns, options.frame_id, calibration, with_images=not options.no_images
    )
    frames = cv2.VideoCapture(str(options.source)).get(cv2.CAP_PROP_FRAME_COUNT)
    return max(0, int(frames)), recording


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog=NAME,
        description="Find the people in a video, as blazepose_node does, and write what it would publish,\n"
        "and the images, into a recording. An interrupted run goes on where it was.",
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
        help="of the images (default: what the file says)",
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
