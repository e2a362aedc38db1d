# SPDX-License-Identifier: Apache-2.0
"""The settings of the nodes that listen to people: every parameter is declared here, once."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from blazepose_ros.core.parameters import ParameterError, Settings, parameter
from blazepose_ros.core.repetitions.exercises import EXERCISES, Exercise
from blazepose_ros.core.repetitions.learning import LearningError, load_exercise
from blazepose_ros.core.text import quoted


@dataclass(frozen=True)
class PeopleSettings(Settings):
    """What the nodes that listen to people have in common."""

    autostart: bool = parameter(
        True,
        "Whether the node configures and activates itself when it starts, rather than wait for a"
        " lifecycle manager.",
        read_only=True,
    )
    visibility_threshold: float = parameter(
        0.5, "Landmarks below it are taken as not seen.", minimum=0.0, maximum=1.0
    )
    ground_frame: str = parameter(
        "",
        "A TF frame whose z axis points upwards, such as base_footprint or map; empty where none is known:"
        " then z of the header's frame does for fused people, and the image's upper edge for others.",
    )
    camera_tilt_deg: float = parameter(
        0.0,
        "How far the camera looks down, in degrees, where no ground_frame tells it; it has to be level from"
        " side to side.",
        minimum=-90.0,
        maximum=90.0,
    )


@dataclass(frozen=True)
class GestureSettings(PeopleSettings):
    """The parameters of `blazepose_gestures`."""

    target_frame: str = parameter(
        "",
        "A TF frame whose z = 0 is the floor, to tell where who points points to; empty for none.",
    )


ALL_EXERCISES = "all"
EXERCISE_FILE_SUFFIX = ".json"


@dataclass(frozen=True)
class RepetitionSettings(PeopleSettings):
    """The parameters of `blazepose_repetitions`."""

    exercise: str = parameter(
        ALL_EXERCISES,
        f"What is counted: {', '.join(EXERCISES)}, {ALL_EXERCISES} for each of them, or a file that blazepose"
        " learn has written. Another value starts all counts anew.",
    )


def exercises_named(name: str) -> list[Exercise]:
    """Return what the parameter ``exercise`` names.

    Raises:
        ParameterError: there is no such exercise, or its file cannot be used.
    """
    if name == ALL_EXERCISES:
        return list(EXERCISES.values())
    if name in EXERCISES:
        return [EXERCISES[name]]
    if not name.endswith(EXERCISE_FILE_SUFFIX):
        names = ", ".join((ALL_EXERCISES, *EXERCISES))
        raise ParameterError(
            f"parameter exercise is {quoted(name)}, it takes one of {names} or a file *.json"
        )
    try:
        return [load_exercise(Path(name).expanduser()).exercise()]
    except LearningError as err:
        raise ParameterError(f"parameter exercise: {err}") from err
