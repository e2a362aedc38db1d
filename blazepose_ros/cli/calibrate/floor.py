# SPDX-License-Identifier: Apache-2.0
"""``blazepose calibrate floor``: how high a camera is and how far it looks down."""

from __future__ import annotations

import argparse
import math
from pathlib import Path
from typing import Any

from scipy.spatial.transform import Rotation

from blazepose_ros.cli.bag.bag_files import BagReader
from blazepose_ros.cli.bag.cameras import cameras_of
from blazepose_ros.cli.bag.recorded_camera import CameraRecording, Recording
from blazepose_ros.cli.bag.recording_files import BagError
from blazepose_ros.cli.bag.video import VideoRecording
from blazepose_ros.cli.calibrate.people_sources import recorded_people
from blazepose_ros.cli.console import note, progress, write
from blazepose_ros.cli.models import MODEL_HELP, one_model
from blazepose_ros.core.camera_model import CameraModel
from blazepose_ros.core.errors import BlazePoseError
from blazepose_ros.core.estimation.factory import AUTO, BACKENDS
from blazepose_ros.core.frame_sources.calibration_file import load_calibration
from blazepose_ros.core.parameters import ParameterError
from blazepose_ros.core.placement.floor_calibration import (
    FloorCalibration,
    FloorCalibrationError,
    Sighting,
    find_floor,
)
from blazepose_ros.core.settings import NodeSettings

NAME = "blazepose calibrate floor"
BAG_SUFFIXES = (".mcap", ".db3")
# More uncertain than this, a tilt is of no use: at 4 m it is a tenth of the distance.
MAX_TILT_STD_DEG = 2.5
# The parameters know no roll; one of this size puts a person at the image's edge 2 % off.
MAX_ROLL_DEG = 2.0


def add_to(commands: Any) -> None:
    """Add the command to those of ``blazepose calibrate``."""
    parser = commands.add_parser(
        "floor",
        prog=NAME,
        help="how high a camera is and how far it looks down",
        description="Find how high a camera is and how far it looks down, from a video or a recording of\n"
        "people who walk about: one at a time, near and far, for half a minute. Prints parameters of\n"
        "blazepose_node and a static transform; one of them is enough.",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("source", type=Path, metavar="IN", help="a video file, or a recording of one camera")
    parser.add_argument(
        "--calibration", type=Path, metavar="YAML", help="the camera's, of camera_calibration; for a video"
    )
    parser.add_argument("--topic", help="the images to use, in a recording of several cameras")
    parser.add_argument("--model", type=one_model, metavar="MODEL", help=f"{MODEL_HELP} (default: 1)")
    parser.add_argument("--backend", choices=BACKENDS, default=AUTO, help="what runs it (default: auto)")
    parser.add_argument(
        "--person-height",
        type=float,
        default=0.0,
        metavar="M",
        help="the people's height, which the camera's comes from (default: unknown, that of adults)",
    )
    parser.add_argument(
        "--ground-frame", default="base_footprint", help="the transform's parent (default: base_footprint)"
    )
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Find the floor, print it, and return the exit status."""
    try:
        settings = NodeSettings.from_values(
            {
                "model_complexity": int(options.model.complexity) if options.model else 1,
                "backend": options.backend,
                "person_height_m": options.person_height,
                "placement": "mono",
            }
        )
        frame_id, found = _find(_recording(options), settings)
    except (BlazePoseError, ParameterError) as err:
        note(f"{NAME}: {err}")
        return 1
    write(f"{report(found, frame_id, options.ground_frame)}\n")
    return 0


def report(found: FloorCalibration, frame_id: str, ground_frame: str) -> str:
    """Return what was found, as parameters and as a static transform.

    Args:
        found: the floor, with its deviations.
        frame_id: the camera's optical frame.
        ground_frame: the transform's parent.
    """
    floor = found.floor
    tilt_std_deg = math.degrees(floor.tilt_std)
    x, y, z, w = Rotation.from_matrix(found.camera_axes).as_quat().tolist()
    lines = [
        f"# people seen for {found.seen_s:.0f} s, {found.nearest_m:.1f} to {found.furthest_m:.1f} m away;"
        f" the camera is rolled by {found.roll_deg:.1f} degrees",
        f"camera_height_m: {floor.height_m:.3f}",
        f"camera_tilt_deg: {found.tilt_deg:.2f}",
        f"ground_height_std_m: {floor.height_std_m:.3f}",
        f"ground_tilt_std_deg: {tilt_std_deg:.2f}",
        "# or, with ground_frame:",
        f"ros2 run tf2_ros static_transform_publisher --z {floor.height_m:.3f} --qx {x:.5f} --qy {y:.5f}"
        f" --qz {z:.5f} --qw {w:.5f} --frame-id {ground_frame} --child-frame-id {frame_id}",
    ]
    if abs(found.roll_deg) > MAX_ROLL_DEG:
        lines.insert(1, "# the parameters know no roll: level the camera, or use the transform")
    return "\n".join(lines)


def _recording(options: argparse.Namespace) -> tuple[int, Recording]:
    """Return how many images there are, and what they are read from.

    Raises:
        BlazePoseError: it cannot be read.
    """
    source = options.source
    if not source.exists():
        raise BagError(f"{source} does not exist")
    if source.is_dir() or source.suffix in BAG_SUFFIXES:
        with BagReader(source) as bag:
            cameras = cameras_of(bag, [options.topic] if options.topic else [])
        if len(cameras) > 1:
            names = ", ".join(camera.images.name for camera in cameras)
            raise BagError(f"{source} holds several cameras, choose one with --topic: {names}")
        return cameras[0].images.count, CameraRecording(source, cameras[0])
    if options.calibration is None:
        raise FloorCalibrationError("the floor takes a calibrated camera: give its --calibration")
    calibration = load_calibration(options.calibration)
    return 0, VideoRecording(source, 0.0, 0, "camera_optical_frame", calibration, with_images=False)


def _find(source: tuple[int, Recording], settings: NodeSettings) -> tuple[str, FloorCalibration]:
    """Return the camera's frame and the floor under it.

    Raises:
        BlazePoseError: the recording cannot be read, the model is missing, or too little is seen.
    """
    count, recording = source
    sightings: list[Sighting] = []
    camera: CameraModel | None = None
    frame_id = ""
    with progress("finding people", count, "images") as bar:
        for image, people in recorded_people(recording, settings):
            bar.advance(1)
            camera, frame_id = image.context.camera, image.header.frame_id
            sightings += [Sighting(person, image.frame.stamp_ns) for person in people]
    if camera is None or camera.assumed:
        raise FloorCalibrationError(
            f"the floor takes a calibrated camera: {recording.name} has no camera_info with numbers"
        )
    found = find_floor(
        sightings,
        camera,
        settings.visibility_threshold,
        settings.person_height_m,
        settings.model_complexity,
    )
    tilt_std_deg = math.degrees(found.floor.tilt_std)
    if tilt_std_deg > MAX_TILT_STD_DEG:
        raise FloorCalibrationError(
            f"the tilt is uncertain by {tilt_std_deg:.1f} degrees: people were {found.nearest_m:.1f} to"
            f" {found.furthest_m:.1f} m away for {found.seen_s:.0f} s; let them come nearer, go further, and"
            " walk longer"
        )
    return frame_id, found
