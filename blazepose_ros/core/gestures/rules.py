# SPDX-License-Identifier: Apache-2.0
"""The table of gestures: what has to be so for each, where it begins and where it ends."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from enum import IntEnum

from blazepose_ros.core.body_view import BodyView
from blazepose_ros.core.gestures import measures
from blazepose_ros.core.gestures.measures import ArmMotion


class GestureKind(IntEnum):
    """What is recognized; the values of ``Gesture.gesture``."""

    HAND_RAISED = 1
    BOTH_HANDS_RAISED = 2
    WAVING = 3
    POINTING = 4
    ARMS_CROSSED = 5
    STANDING = 6
    SITTING = 7
    LYING = 8
    FALLEN = 9


class Side(IntEnum):
    """Which arm a gesture is of, the person's own; the values of ``Gesture.side``."""

    NONE = 0
    LEFT = 1
    RIGHT = 2
    BOTH = 3


@dataclass(frozen=True)
class Condition:
    """What has to be so.

    Attributes:
        measure: of the body and, where the condition is about an arm, of the left one and its motion.
        begin: the threshold where it begins to be so: at least, if it is above `end`, at most otherwise.
        end: the threshold where it ends.
    """

    measure: Callable[[BodyView, ArmMotion], float]
    begin: float
    end: float

    def share(self, body: BodyView, motion: ArmMotion) -> float:
        """Return how clearly it is so: 1 at `begin`, 0 at `end`, NaN where that is not seen."""
        return (self.measure(body, motion) - self.end) / (self.begin - self.end)


@dataclass(frozen=True)
class GestureRule:
    """When a gesture is shown: all conditions hold for a moment.

    Attributes:
        kind: which gesture.
        conditions: what has to be so.
        begin_s: for how long, before it is shown.
        end_s: how long one of them has to fail, or to be out of sight, before it is shown no more.
    """

    kind: GestureKind
    conditions: tuple[Condition, ...]
    begin_s: float
    end_s: float

    def share(self, body: BodyView, motion: ArmMotion) -> float:
        """Return how clearly it is shown: that of the least clear condition; NaN where one is not seen."""
        shares = [condition.share(body, motion) for condition in self.conditions]
        return math.nan if any(map(math.isnan, shares)) else min(shares)


def _body(measure: Callable[[BodyView], float], begin: float, end: float) -> Condition:
    return Condition(lambda body, _motion: measure(body), begin, end)


# A hand that passes by is up for a fifth of a second; who wants to be seen keeps it up for longer.
_ARM_S = 0.3
# A squat's bottom and a stoop last for less; who sits or lies does so for longer.
_POSTURE_S = 0.7

# Of each arm. Lengths are in trunks, from hips to shoulders, of about half a meter.
ARM_RULES = (
    GestureRule(
        GestureKind.HAND_RAISED,
        (
            # The ears are a third of a trunk above the shoulders, the chin a sixth.
            _body(measures.hand_height, 0.35, 0.20),
            # A hand at the head scratches it, shades the eyes or holds a telephone.
            _body(measures.hand_from_head, 0.45, 0.35),
            # A forearm that is nearer to the horizontal reaches or points.
            _body(measures.forearm_elevation, 45.0, 30.0),
        ),
        _ARM_S,
        _ARM_S,
    ),
    GestureRule(
        GestureKind.WAVING,
        (
            _body(measures.forearm_elevation, 30.0, 15.0),
            _body(measures.hand_height, -0.10, -0.25),  # as high as the shoulder
            # There, back and there again: two times may be a hand on its way.
            Condition(lambda _, motion: motion.swings, 3.0, 1.5),
        ),
        0.0,  # it has lasted for three swings already
        _ARM_S,
    ),
    GestureRule(
        GestureKind.POINTING,
        (
            # Pointing people stretch the arm; wrong landmarks bend it by 20 degrees.
            _body(measures.elbow_bend, 45.0, 60.0),
            # Arms that swing in walking rise by up to 40 degrees.
            _body(measures.arm_raised, 45.0, 35.0),
            _body(measures.arm_elevation, 45.0, 55.0),  # a raised hand beyond
            # Who points holds still; an arm on its way turns by 100 degrees in a second and more.
            Condition(lambda _, motion: motion.turned_deg, 15.0, 30.0),
            # With both arms out one stretches, keeps balance or carries something.
            _body(measures.other_arm_out, 35.0, 50.0),
        ),
        _ARM_S,
        _ARM_S,
    ),
)

# Of the whole body.
BODY_RULES = (
    GestureRule(
        GestureKind.ARMS_CROSSED,
        (
            _body(measures.hand_to_other_elbow, 0.45, 0.60),  # a hand is 0.4 long
            _body(measures.elbows_bend, 55.0, 45.0),
            _body(measures.hands_crossed, 0.10, 0.0),  # hands that are folded are side by side
            # Half of a chest's depth is 0.2, of which landmarks err by half.
            _body(measures.hands_in_front, 0.10, 0.0),
        ),
        _ARM_S,
        _ARM_S,
    ),
    GestureRule(
        GestureKind.STANDING,
        (
            _body(measures.trunk_lean, 40.0, 50.0),
            # Of one leg at least, as in walking; a half squat has 80 degrees.
            _body(measures.leg_stance, 40.0, 50.0),
        ),
        _POSTURE_S,
        _ARM_S,
    ),
    GestureRule(
        GestureKind.SITTING,
        (
            _body(measures.trunk_lean, 45.0, 55.0),
            _body(measures.thigh_lift, 50.0, 40.0),
            _body(measures.hip_bend, 50.0, 40.0),
            # A low sofa raises the knees by 15 degrees above the hips.
            _body(measures.thigh_lift_unheld, 105.0, 115.0),
            # Trunk and thigh are of one length: over the knees' half or further back.
            _body(measures.off_balance, 0.35, 0.25),
        ),
        _POSTURE_S,
        _ARM_S,
    ),
    GestureRule(
        GestureKind.LYING,
        (
            _body(measures.trunk_slope, 30.0, 40.0),
            _body(measures.legs_slope, 35.0, 45.0),
            # Hands that carry the shoulders are an arm's length below them, 1.1 trunks.
            _body(measures.propped, 0.50, 0.65),
        ),
        _POSTURE_S,
        _ARM_S,
    ),
)

# A fall, from standing legs to a level trunk, takes less than a second; who lies down on purpose sits or
# kneels for a moment.
FALL_S = 1.2
