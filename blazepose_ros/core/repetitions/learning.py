# SPDX-License-Identifier: Apache-2.0
"""A user's own exercise, from an example of it: the posture at rest and the one where it turns back."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from blazepose_ros.core.body_view import BodyView, angle_deg
from blazepose_ros.core.errors import BlazePoseError
from blazepose_ros.core.files import write_atomically
from blazepose_ros.core.landmarks import Landmark
from blazepose_ros.core.repetitions.exercises import Exercise, elbow, knee
from blazepose_ros.core.text import quoted

NAME = re.compile(r"[a-z0-9_]{1,40}")
MAX_ANGLE_DEG = 180.0


class LearningError(BlazePoseError, ValueError):
    """An example, or a file of a learned exercise, is of no use; the message says why."""


def _upper_arm(body: BodyView) -> float:
    """Return how far the left upper arm is raised from along the trunk."""
    return angle_deg(body.at(Landmark.LEFT_ELBOW) - body.at(Landmark.LEFT_SHOULDER), -body.trunk)


def _hip(body: BodyView) -> float:
    """Return how far the left thigh is raised from in line with the trunk."""
    return angle_deg(body.at(Landmark.LEFT_KNEE) - body.at(Landmark.LEFT_HIP), -body.trunk)


def _right(measure: Callable[[BodyView], float]) -> Callable[[BodyView], float]:
    return lambda body: measure(body.exchanged)


_LEFT = {"elbow": elbow, "shoulder": _upper_arm, "hip": _hip, "knee": knee}
# All from 0 to 180 degrees, without a jump, and the same from wherever the body is seen.
ANGLES: dict[str, Callable[[BodyView], float]] = {
    **{f"left_{name}": measure for name, measure in _LEFT.items()},
    **{f"right_{name}": _right(measure) for name, measure in _LEFT.items()},
    "trunk": lambda body: angle_deg(body.trunk, body.up),
}

# Joints that move by less are held still; landmarks move them by 10 degrees.
MIN_RANGE_DEG = 25.0
# An angle that is seen in fewer images of the example is left out.
MIN_SEEN = 0.7
# The first images show the body at rest.
REST_IMAGES = 5
# The images where it turns back: as far from rest as the furthest, or nearly so.
NEAR_TURN = 0.9

# Of the way there: where a repetition begins and ends, and where it has to turn back.
REST_PROGRESS, TURN_PROGRESS = 0.35, 0.65
# How far the posture may be from the way between the two, as a share of its length. Nine joints, each 15
# degrees wrong, are 45 degrees aside: of a short way that is no share to speak of.
MAX_ASIDE = 0.6
MIN_WAY_DEG = 100.0
# Of the way's square, so much has to be seen.
MIN_KNOWN = 0.5


@dataclass(frozen=True)
class LearnedExercise:
    """An exercise that was learned from an example.

    Attributes:
        name: what it is called.
        angles: of each joint, the angle at rest and where it turns back, in degrees; the same for one that
            is held still.
    """

    name: str
    angles: Mapping[str, tuple[float, float]]

    def exercise(self) -> Exercise:
        """Return what counts it, as it was shown and mirrored."""
        return Exercise(self.name, self._progress, REST_PROGRESS, TURN_PROGRESS, self._is_on_the_way)

    def save(self, path: Path) -> None:
        """Write it to a file.

        Raises:
            OSError: that fails.
        """
        angles = {name: list(ends) for name, ends in self.angles.items()}
        content = {"exercise": self.name, "angles_deg": angles}
        write_atomically(path, (json.dumps(content, indent=2) + "\n").encode())

    def _progress(self, body: BodyView) -> float:
        return self._further(body)[0]

    def _is_on_the_way(self, body: BodyView) -> bool:
        return self._further(body)[1] <= MAX_ASIDE

    def _further(self, body: BodyView) -> tuple[float, float]:
        """Return how far along the way a body is, as shown or mirrored, whichever is further, and aside."""
        places = [place for place in map(self._place, (body, body.exchanged)) if not math.isnan(place[0])]
        return max(places, default=(math.nan, math.nan))

    def _place(self, body: BodyView) -> tuple[float, float]:
        """Return how far along the way from rest to turn a body is, and how far aside, as shares of it."""
        now = np.array([ANGLES[name](body) for name in self.angles])
        rest, turn = np.array(list(self.angles.values())).T
        known = ~np.isnan(now)
        way, gone = (turn - rest)[known], (now - rest)[known]
        square = float(way @ way)
        if square < MIN_KNOWN * float((turn - rest) @ (turn - rest)):
            return math.nan, math.nan
        along = float(gone @ way) / square
        return along, float(np.linalg.norm(gone - along * way)) / max(math.sqrt(square), MIN_WAY_DEG)


def learn(name: str, bodies: Sequence[BodyView]) -> LearnedExercise:
    """Return the exercise that a person shows, who begins at rest.

    Args:
        name: what to call it.
        bodies: of the person, in the order of the images.

    Raises:
        LearningError: the name or the example is of no use.
    """
    if not NAME.fullmatch(name):
        raise LearningError(f"{quoted(name)} is no name: it takes 1 to 40 of a-z, 0-9 and _")
    if len(bodies) < 2 * REST_IMAGES:
        raise LearningError(f"a person is seen in {len(bodies)} images only: too few to learn from")
    angles = np.array([[measure(body) for measure in ANGLES.values()] for body in bodies])
    seen = (~np.isnan(angles)).mean(axis=0) >= MIN_SEEN
    names = [each for each, is_seen in zip(ANGLES, seen, strict=True) if is_seen]
    return LearnedExercise(name, _ends(names, angles[:, seen]))


def _ends(names: Sequence[str], angles: NDArray) -> dict[str, tuple[float, float]]:
    """Return the angles of joints at rest and where the exercise turns back, the same of those held still."""
    complete = angles[~np.isnan(angles).any(axis=1)] if names else angles[:0]
    if len(complete) < 2 * REST_IMAGES:
        raise LearningError("too little of the body is seen: show all that moves, from the front or the side")
    rest = np.median(complete[:REST_IMAGES], axis=0)
    away = np.linalg.norm(complete - rest, axis=1)
    turn = np.median(complete[away >= NEAR_TURN * away.max()], axis=0)
    moves = np.abs(turn - rest) >= MIN_RANGE_DEG
    if not moves.any():
        raise LearningError(f"no joint moves by {MIN_RANGE_DEG:g} degrees: that cannot be counted")
    turn = np.where(moves, turn, rest)
    return {
        name: (round(float(low), 1), round(float(high), 1))
        for name, low, high in zip(names, rest, turn, strict=True)
    }


def load_exercise(path: Path) -> LearnedExercise:
    """Return an exercise from a file that `LearnedExercise.save` wrote.

    Raises:
        LearningError: it cannot be read, or is none.
    """
    try:
        content = json.loads(path.read_text())
        name, given = content["exercise"], content["angles_deg"]
        angles = {each: (float(ends[0]), float(ends[1])) for each, ends in given.items()}
    except OSError as err:
        raise LearningError(f"{path} cannot be read: {err.strerror}") from err
    except (ValueError, KeyError, TypeError, AttributeError, IndexError) as err:
        raise LearningError(f"{path} is no exercise of `blazepose learn`") from err
    if not (isinstance(name, str) and NAME.fullmatch(name) and angles and angles.keys() <= ANGLES.keys()):
        raise LearningError(f"{path} names no exercise, or joints that there are not")
    if not all(0.0 <= angle <= MAX_ANGLE_DEG for ends in angles.values() for angle in ends):
        raise LearningError(f"{path} has angles that are not from 0 to {MAX_ANGLE_DEG:g}")
    if all(rest == turn for rest, turn in angles.values()):
        raise LearningError(f"{path} has no joint that moves")
    return LearnedExercise(name, angles)
