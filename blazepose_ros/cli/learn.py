# SPDX-License-Identifier: Apache-2.0
"""``blazepose learn``: an exercise of one's own, from a video of it, for `blazepose_repetitions`."""

from __future__ import annotations

import argparse
import re
from collections.abc import Sequence
from pathlib import Path

from blazepose_ros.cli.console import note, write
from blazepose_ros.cli.models import MODEL_HELP, one_model
from blazepose_ros.core.api import create_estimator, read_frames
from blazepose_ros.core.body_view import BodyView, up_of_camera
from blazepose_ros.core.errors import BlazePoseError
from blazepose_ros.core.hints import run
from blazepose_ros.core.repetitions.counter import RepetitionCounter
from blazepose_ros.core.repetitions.learning import LearnedExercise, LearningError, learn
from blazepose_ros.core.settings import NodeSettings
from blazepose_ros.core.types import ModelComplexity
from blazepose_ros.nodes.common.process_tuning import configure_opencv

NAME = "blazepose learn"


def main(arguments: Sequence[str]) -> int:
    """Run ``blazepose learn`` and return its exit status."""
    options = _parser().parse_args(arguments)
    name = options.name or re.sub(r"[^a-z0-9_]+", "_", options.source.stem.lower())
    path = options.output or Path(f"{name}.json")
    try:
        seen = _seen(options)
        learned = learn(name, [body for _, body in seen])
        count = _count(learned, seen)
        learned.save(path)
    except (BlazePoseError, OSError) as err:
        note(f"{NAME}: {err}")
        return 1
    moving = {joint: ends for joint, ends in learned.angles.items() if ends[0] != ends[1]}
    angles = ", ".join(f"{joint} {rest:.0f} to {turn:.0f}" for joint, (rest, turn) in moving.items())
    write(f"{count} seen in {options.source}; degrees: {angles}\n")
    write(f"{run('blazepose_repetitions')} --ros-args -p exercise:={path}\n")
    return 0


def _seen(options: argparse.Namespace) -> list[tuple[int, BodyView]]:
    """Return the stamps and the views of the person that is seen.

    Raises:
        BlazePoseError: the video cannot be read, or the model is missing.
    """
    configure_opencv()
    model = ModelComplexity.FULL if options.model is None else options.model.complexity
    up, threshold = up_of_camera(options.camera_tilt), NodeSettings.visibility_threshold
    with create_estimator(model) as estimator:
        return [
            (frame.stamp_ns, BodyView.of_pose(pose, up, threshold))
            for frame in read_frames(options.source)
            for pose in estimator.estimate(frame)[:1]
        ]


def _count(learned: LearnedExercise, seen: Sequence[tuple[int, BodyView]]) -> int:
    """Return how often the example shows what was learned from it.

    Raises:
        LearningError: it does not.
    """
    counter = RepetitionCounter(learned.exercise())
    for stamp_ns, body in seen:
        counter.update(body, stamp_ns)
    if not counter.count:
        raise LearningError(
            "the example shows no whole repetition: it has to begin at rest, and to come back to rest"
        )
    return counter.count


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog=NAME,
        description="Learn an exercise from a video that begins at rest and shows it once or more, and write"
        " a file for blazepose_repetitions.",
    )
    parser.add_argument("source", type=Path, metavar="VIDEO", help="the example")
    parser.add_argument("--name", help="what to call it (default: the video's name)")
    parser.add_argument("--output", type=Path, metavar="FILE", help="what to write (default: NAME.json)")
    parser.add_argument(
        "--camera-tilt",
        type=float,
        default=0.0,
        metavar="DEG",
        help="how far the camera looks down (default: 0)",
    )
    parser.add_argument("--model", type=one_model, metavar="MODEL", help=f"{MODEL_HELP} (default: 1)")
    return parser
