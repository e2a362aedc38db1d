# SPDX-License-Identifier: Apache-2.0
"""``blazepose measure``: angles at joints and distances between landmarks, in pictures and videos."""

from __future__ import annotations

import argparse
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path

import numpy as np

from blazepose_ros.cli.console import note, write
from blazepose_ros.cli.models import MODEL_HELP, one_model
from blazepose_ros.core.api import create_estimator, read_frames
from blazepose_ros.core.errors import BlazePoseError
from blazepose_ros.core.frame_sources.calibration_file import load_calibration
from blazepose_ros.core.landmarks import Landmark
from blazepose_ros.core.measurements import JOINTS, Measured, angle_at, distance
from blazepose_ros.core.settings import NodeSettings
from blazepose_ros.core.types import ModelComplexity, Pose
from blazepose_ros.nodes.common.process_tuning import configure_opencv

NAME = "blazepose measure"
PERCENTILES = (5, 50, 95)

Measure = Callable[[Pose], Measured]


def main(arguments: Sequence[str]) -> int:
    """Run ``blazepose measure`` and return its exit status, 0 only where something was measured."""
    options = _parser().parse_args(arguments)
    wanted = {**dict(options.angle), **dict(options.distance)} or {
        joint: _angle(joint)[1] for joint in JOINTS
    }
    found: dict[tuple[int, str], list[Measured]] = defaultdict(list)
    try:
        for pose in _people(options):
            for name, measure in wanted.items():
                measured = measure(pose)
                if np.isfinite(measured.value):
                    found[pose.person_id, name].append(measured)
    except BlazePoseError as err:
        note(f"{NAME}: {err}")
        return 1
    if not found:
        note(f"{NAME}: nobody is seen in {options.source}, or not the landmarks that were asked for")
        return 1
    for (person_id, name), measured in sorted(found.items(), key=lambda each: each[0][0]):
        write(f"person {person_id}: {name} {_in_words(name, measured)}\n")
    return 0


def _in_words(name: str, measured: Sequence[Measured]) -> str:
    unit, digits = ("deg", 0) if name in JOINTS else ("m", 2)
    low, middle, high = np.percentile([each.value for each in measured], PERCENTILES)
    std = float(np.median([each.std for each in measured]))
    text = f"{middle:.{digits}f} {unit} (std {std:.{digits}f} in one image)"
    if len(measured) == 1:
        return text
    return f"{text}, from {low:.{digits}f} to {high:.{digits}f} in {len(measured)} images"


def _people(options: argparse.Namespace) -> Iterator[Pose]:
    """Yield the people of all images.

    Raises:
        BlazePoseError: the source cannot be read, the calibration either, or the model is missing.
    """
    configure_opencv()
    camera = None if options.calibration is None else load_calibration(options.calibration).camera
    model = ModelComplexity.FULL if options.model is None else options.model.complexity
    with create_estimator(model, num_poses=options.people, camera=camera) as estimator:
        for frame in read_frames(options.source):
            yield from estimator.estimate(frame)


def _angle(text: str) -> tuple[str, Measure]:
    if text not in JOINTS:
        raise argparse.ArgumentTypeError(f"{text!r} is none of {', '.join(JOINTS)}")
    return text, partial(angle_at, joint=text, visibility_threshold=NodeSettings.visibility_threshold)


def _distance(text: str) -> tuple[str, Measure]:
    known = {landmark.frame_name: landmark for landmark in Landmark}
    names = text.split(",")
    if len(names) != 2 or not known.keys() >= set(names):
        raise argparse.ArgumentTypeError(
            f"{text!r} is not two of {', '.join(known)} with a comma between them"
        )
    first, second = (known[name] for name in names)
    threshold = NodeSettings.visibility_threshold
    return text, partial(distance, first=first, second=second, visibility_threshold=threshold)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog=NAME,
        description="Measure people in a picture or a video: the angles between limbs,"
        " 180 degrees where a joint is straight, and distances between landmarks.",
    )
    parser.add_argument("source", metavar="IN", help="a picture or a video")
    parser.add_argument(
        "--angle",
        type=_angle,
        action="append",
        default=[],
        metavar="JOINT",
        help=f"one of {', '.join(JOINTS)}",
    )
    parser.add_argument(
        "--distance",
        type=_distance,
        action="append",
        default=[],
        metavar="A,B",
        help="left_wrist,right_wrist, say; without --angle and --distance all angles are measured",
    )
    parser.add_argument(
        "--calibration", type=Path, metavar="YAML", help="the camera's, of camera_calibration"
    )
    parser.add_argument(
        "--people", type=int, choices=range(1, 33), default=1, metavar="N", help="at most so many"
    )
    parser.add_argument("--model", type=one_model, metavar="MODEL", help=f"{MODEL_HELP} (default: 1)")
    return parser
