# SPDX-License-Identifier: Apache-2.0
"""The table of exercises: the angle that goes there and back, and what tells one exercise from another."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from blazepose_ros.core.body_frame import MIN_EXTENT_M
from blazepose_ros.core.body_view import HIPS, BodyView, angle_deg, greatest, least
from blazepose_ros.core.landmarks import Landmark

ANKLES = (Landmark.LEFT_ANKLE, Landmark.RIGHT_ANKLE)


@dataclass(frozen=True)
class Exercise:
    """What is counted.

    Attributes:
        name: what it is called.
        signal: what goes there and back, NaN where it is not seen: degrees, or the progress of a learned one.
        rest: at most this at rest, before and after each repetition.
        turn: at least this where a repetition turns back.
        form: whether the body has the posture of this exercise there, rather than that of another.
        sink: how far the hips are lower there than at rest, at least, in trunks, where they are placed.
    """

    name: str
    signal: Callable[[BodyView], float]
    rest: float
    turn: float
    form: Callable[[BodyView], bool]
    sink: float = -math.inf


def knee(body: BodyView) -> float:
    """Return how far the left knee is bent."""
    return body.bend(Landmark.LEFT_HIP, Landmark.LEFT_KNEE, Landmark.LEFT_ANKLE)


def elbow(body: BodyView) -> float:
    """Return how far the left elbow is bent."""
    return body.bend(Landmark.LEFT_SHOULDER, Landmark.LEFT_ELBOW, Landmark.LEFT_WRIST)


def arm(body: BodyView) -> float:
    """Return how far the left arm, from shoulder to wrist, is raised from hanging down."""
    return angle_deg(body.at(Landmark.LEFT_WRIST) - body.at(Landmark.LEFT_SHOULDER), -body.up)


def _of_both(measure: Callable[[BodyView], float]) -> Callable[[BodyView], float]:
    return lambda body: least((measure(body), measure(body.exchanged)))


def _of_either(measure: Callable[[BodyView], float]) -> Callable[[BodyView], float]:
    return lambda body: greatest((measure(body), measure(body.exchanged)))


# Of feet that are further apart, in trunks of half a meter, one walks, lunges or straddles.
FEET_APART = 0.9
# The trunk of someone who is on the feet, and of someone who is on hands and feet.
UPRIGHT_DEG, LEVEL_DEG = 60.0, 45.0
# Knees bent by 70 degrees let the hips down by 15 cm and more. Under a long coat knees are a guess.
MIN_SINK = 0.25
# A knee that carries is bent by less than in any squat.
STRAIGHT_KNEE_DEG = 45.0


def feet_distance(body: BodyView) -> float:
    """Return how far the ankles are from each other in the horizontal plane, in trunks; 0 if not seen."""
    distance = body.level_length(body.at(ANKLES[0]) - body.at(ANKLES[1]))
    return 0.0 if math.isnan(distance) else distance


def step(body: BodyView) -> float:
    """Return how far one ankle is before the other, at right angles to the hips, in trunks; 0 if not seen."""
    between = body.at(ANKLES[0]) - body.at(ANKLES[1])
    forwards = np.cross(body.at(HIPS[0]) - body.at(HIPS[1]), body.up)
    width_m = max(math.hypot(*forwards.tolist()), MIN_EXTENT_M)
    distance = abs(float(between @ forwards)) / (body.trunk_m * width_m)
    return 0.0 if math.isnan(distance) else distance


def _is_upright(body: BodyView) -> bool:
    return angle_deg(body.trunk, body.up) < UPRIGHT_DEG


def _squats(body: BodyView) -> bool:
    return _is_upright(body) and step(body) < FEET_APART


def _lunges(body: BodyView) -> bool:
    return _is_upright(body) and step(body) >= FEET_APART


def _pushes(body: BodyView) -> bool:
    return abs(body.elevation(body.trunk)) < LEVEL_DEG


def _jumps(body: BodyView) -> bool:
    return _is_upright(body) and feet_distance(body) >= FEET_APART


def _raises(body: BodyView) -> bool:
    bent = _of_both(knee)(body)  # NaN for legs that are not seen
    return _is_upright(body) and feet_distance(body) < FEET_APART and not bent > STRAIGHT_KNEE_DEG


# A joint is straight at 0; landmarks have 10 to 20 degrees then. A half squat and a push-up bend theirs
# by 90 degrees, of which landmarks show 70 and more. Where both sides move, the lesser one counts.
EXERCISES: dict[str, Exercise] = {
    exercise.name: exercise
    for exercise in (
        Exercise("squat", _of_both(knee), 40.0, 70.0, _squats, MIN_SINK),
        Exercise("push_up", _of_both(elbow), 40.0, 70.0, _pushes),
        Exercise("jumping_jack", _of_both(arm), 60.0, 120.0, _jumps),
        Exercise("lunge", _of_either(knee), 40.0, 70.0, _lunges, MIN_SINK),
        Exercise("arm_raise", _of_either(arm), 40.0, 75.0, _raises),
    )
}
