# SPDX-License-Identifier: Apache-2.0
"""``blazepose calibrate cameras``: where several cameras are, from one person who walks about."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from blazepose_ros.cli.calibrate.camera_results import report, save_results, static_transforms
from blazepose_ros.cli.calibrate.camera_views import CameraViews
from blazepose_ros.cli.calibrate.people_sources import from_nodes, from_recording
from blazepose_ros.cli.console import file_to_write, note, number_above_0, say, show
from blazepose_ros.cli.models import MODEL_HELP, one_model
from blazepose_ros.cli.signals import Interruption
from blazepose_ros.core.errors import BlazePoseError
from blazepose_ros.core.estimation.factory import AUTO, BACKENDS
from blazepose_ros.core.extrinsics.calibration import Baseline, ExtrinsicCalibration, calibrate_cameras
from blazepose_ros.core.parameters import ParameterError
from blazepose_ros.core.settings import NodeSettings

NAME = "blazepose calibrate cameras"
DEFAULT_DURATION_S = 30.0
# The exit status where something is found that is not good enough.
NOT_GOOD = 3


def add_to(commands: Any) -> None:
    """Add the command to those of ``blazepose calibrate``."""
    parser = commands.add_parser(
        "cameras",
        prog=NAME,
        help="where several cameras are",
        description="Find where several cameras are, from one person who walks about before all of them:\n"
        "criss-cross over all of the floor that they share, for half a minute, nobody else in sight.\n"
        "Of nodes that run it listens to the poses; of a recording it takes the poses, or finds the\n"
        "person in the images. Writes static transforms as YAML, a launch file and a picture.",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "source",
        type=Path,
        nargs="?",
        metavar="IN",
        help="a recording of the cameras (default: nodes that run)",
    )
    parser.add_argument(
        "--output",
        type=file_to_write,
        default=Path("cameras.yaml"),
        metavar="YAML",
        help="where to write the transforms; launch file and picture go beside it (default: cameras.yaml)",
    )
    parser.add_argument(
        "--topics", nargs="+", default=[], metavar="TOPIC", help="the poses or images to use (default: all)"
    )
    parser.add_argument(
        "--duration",
        type=number_above_0,
        default=DEFAULT_DURATION_S,
        metavar="S",
        help=f"how long to listen to nodes (default: {DEFAULT_DURATION_S:g})",
    )
    parser.add_argument(
        "--person-height", type=number_above_0, default=0.0, metavar="M", help="sets the scale"
    )
    parser.add_argument(
        "--baseline",
        nargs=3,
        metavar=("FRAME", "FRAME", "M"),
        help="the measured distance between two cameras, named by their optical frames; sets the scale",
    )
    parser.add_argument(
        "--frame",
        default="map",
        help="the frame for cameras that no transform connects: level, on the floor under the first one"
        " (default: map)",
    )
    parser.add_argument("--rectified", action="store_true", help="the nodes' images were rectified")
    parser.add_argument("--model", type=one_model, metavar="MODEL", help=f"{MODEL_HELP} (default: 1)")
    parser.add_argument("--backend", choices=BACKENDS, default=AUTO, help="what runs it (default: auto)")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Find the cameras, write where they are, and return the exit status."""
    try:
        baseline = _baseline(options.baseline)
        with Interruption():
            views = _views(options)
        found = _calibrate(views, options, baseline)
        paths = save_results(options.output, found, static_transforms(found, views, options.frame))
    except (BlazePoseError, ParameterError) as err:
        note(f"{NAME}: {err}")
        return 1
    except OSError as err:
        note(f"{NAME}: cannot write {options.output}: {err.strerror}")
        return 1
    show(report(found))
    for frame, why in found.left_out.items():
        note(f"left out: {frame}: {why}")
    advice = list(found.advice())
    for text in advice:
        note(f"advice: {text}")
    for path in paths:
        say(f"wrote {path}")
    return NOT_GOOD if advice else 0


def _views(options: argparse.Namespace) -> CameraViews:
    if options.source is None:
        return from_nodes(options.topics, options.duration)
    settings = NodeSettings.from_values(
        {
            "model_complexity": int(options.model.complexity) if options.model else 1,
            "backend": options.backend,
            "placement": "mono",
        }
    )
    return from_recording(options.source, options.topics, settings)


def _calibrate(
    views: CameraViews, options: argparse.Namespace, baseline: Baseline | None
) -> ExtrinsicCalibration:
    sightings, left_out = views.sightings(options.person_height, rectified=options.rectified)
    for frame, why in left_out.items():
        note(f"left out: {frame}: {why}")
    guess = views.guess([each.name for each in sightings])
    return calibrate_cameras(sightings, guess, baseline, person_height_known=bool(options.person_height))


def _baseline(texts: list[str] | None) -> Baseline | None:
    if texts is None:
        return None
    try:
        return Baseline(texts[0], texts[1], number_above_0(texts[2]))
    except argparse.ArgumentTypeError as err:
        raise ParameterError(f"--baseline: {err}") from err
