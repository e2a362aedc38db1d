# SPDX-License-Identifier: Apache-2.0
"""A person's left and right: kept from image to image where the model exchanges them."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from enum import Enum, auto

import numpy as np
from numpy.typing import NDArray

from blazepose_ros.core.body_frame import body_axes
from blazepose_ros.core.landmarks import MIRRORED, NUM_LANDMARKS, Landmark
from blazepose_ros.core.tracking.appearance import BODY_M, infinite_is_unknown, size_px
from blazepose_ros.core.types import Pose

_LIMBS = slice(Landmark.LEFT_SHOULDER, NUM_LANDMARKS)
_TORSO = [Landmark.LEFT_SHOULDER, Landmark.RIGHT_SHOULDER, Landmark.LEFT_HIP, Landmark.RIGHT_HIP]
_HEELS = [Landmark.LEFT_HEEL, Landmark.RIGHT_HEEL]
_TOES = [Landmark.LEFT_FOOT_INDEX, Landmark.RIGHT_FOOT_INDEX]
_FEET = [*_HEELS, *_TOES]
# The columns of ``body_axes``.
_FORWARD, _UP = 0, 2

# Two turns a second are a figure skater's: what turns faster is not the body.
_MAX_TURN_RAD_S = 4 * math.pi
# Of two ways to name the landmarks the one fits that is nearer to the image before by this much.
_CLEARLY = 0.6
# How far the mean limb moves against the torso, in bodies of two meters: by the model's noise, and by
# what people do, 2 m/s.
_NOISE_BODIES = 0.03
_LIMBS_BODIES_PER_S = 1.0
# After this time an image does not tell left from right any more.
_OUTDATED_S = 0.3
# Evidence fades in this time, and what the model says for so long without a break is believed.
_MEMORY_S = 1.0
# The evidence of a second: the model's word, and the feet's at most.
_WORD = 0.2
_FEET_SAY = 1.0
# From heel to toes, and how far off the screen landmarks have that.
_FOOT_M = 0.18
_FOOT_STD_M = 0.05
# Landmarks that are less visible are guessed.
_MIN_VISIBILITY = 0.5


class Verdict(Enum):
    """What became of the names of a pose's landmarks."""

    KEPT = auto()  # left is the side that it was before
    RESTARTED = auto()  # they are the model's, whatever they were before
    BLENDED = auto()  # the pose is half one body and half its mirror image


@dataclass(frozen=True)
class _View:
    """What an image shows of a body's sides.

    Attributes:
        screen: (33, 2), bodies from the middle of the torso.
        forward: (3,), where the body faces.
    """

    screen: NDArray[np.float64]
    forward: NDArray[np.float64]

    @property
    def exchanged(self) -> _View:
        """The view with left as right, from which the body faces the other way."""
        return _View(self.screen[MIRRORED], -self.forward)

    def distance(self, other: _View) -> float:
        """Return how far the limbs are from those of another view, in bodies; NaN where unknown."""
        x, y = (self.screen - other.screen)[_LIMBS].T
        return float(np.add.reduce(np.hypot(x, y))) / len(x)

    def may_be(self, other: _View, after_s: float) -> bool:
        """Return whether a body that faces as here can face as in another view after a time."""
        farthest = min(_MAX_TURN_RAD_S * after_s, math.pi)
        return float(self.forward @ other.forward) >= math.cos(farthest)


class SideKeeper:
    """Names the landmarks of one person as in the images before.

    From behind and from in front a body has one outline, and the models take one for the other: left
    and right swap between two images, in which nobody turns around. Which of the two is right, the
    images of the last second tell: what the model said in each, and whether the toes agreed. What the
    model says for a second without a break is believed, so that no mistake stays.
    """

    def __init__(self) -> None:
        self._reference: _View | None = None  # the last one that told left from right
        self._age_s = 0.0
        self._exchanged = False  # whether the names now kept are not the model's
        self._contradicted_s = 0.0
        self._evidence = 0.0  # for the names that are kept

    @infinite_is_unknown
    def apply(self, pose: Pose, step_s: float) -> tuple[Pose, Verdict]:
        """Return the pose of the next image, its sides exchanged where they have to be.

        Args:
            pose: as estimated.
            step_s: seconds since the last one, above 0.
        """
        axes = body_axes(pose.world)
        if axes is None:
            return pose, Verdict.KEPT
        view = _View(_from_torso(pose), axes[:, _FORWARD])
        self._age_s += step_s
        self._evidence *= math.exp(-step_s / _MEMORY_S)
        verdict = self._judge(view, step_s * (_WORD + _feet(pose, view.forward)), step_s)
        return exchange_sides(pose, axes[:, _UP]) if self._exchanged else pose, verdict

    def _judge(self, view: _View, vote: float, step_s: float) -> Verdict:
        """Return what becomes of a view's names, for which a vote speaks."""
        if self._reference is None:
            return self._believe(view, vote)
        named = view.distance(self._reference)
        exchanged = view.exchanged.distance(self._reference)
        outdated = self._age_s > _OUTDATED_S
        if not outdated and min(named, exchanged) > _NOISE_BODIES + _LIMBS_BODIES_PER_S * self._age_s:
            # Or the last image was none: it is held on to for as long as anything spoke for it.
            return Verdict.BLENDED if self._age_s <= self._evidence else self._believe(view, vote)
        if named < _CLEARLY * exchanged:
            return self._agree(view, vote)
        if exchanged < _CLEARLY * named and not outdated and not self._reference.may_be(view, self._age_s):
            return self._contradict(view, vote, step_s)
        if exchanged < _CLEARLY * named or outdated:
            return self._believe(view, 0.0)
        return Verdict.KEPT  # seen from the side left and right look alike: that tells nothing

    def _agree(self, view: _View, vote: float) -> Verdict:
        self._remember(view, exchanged=False)
        self._contradicted_s = 0.0
        self._evidence = max(self._evidence + vote, 0.0)
        return Verdict.KEPT

    def _contradict(self, view: _View, vote: float, step_s: float) -> Verdict:
        self._contradicted_s += step_s
        self._evidence -= vote
        if self._evidence < 0 or self._contradicted_s >= _MEMORY_S:
            return self._believe(view, abs(self._evidence))
        self._remember(view.exchanged, exchanged=True)
        return Verdict.KEPT

    def _believe(self, view: _View, evidence: float) -> Verdict:
        """Take the model's names, whatever they were before."""
        self._remember(view, exchanged=False)
        self._contradicted_s, self._evidence = 0.0, max(evidence, 0.0)
        return Verdict.RESTARTED

    def _remember(self, view: _View, *, exchanged: bool) -> None:
        self._reference, self._age_s, self._exchanged = view, 0.0, exchanged


def exchange_sides(pose: Pose, up: NDArray) -> Pose:
    """Return a pose as that of a body whose left is the right one's, and which faces the other way.

    What is seen stays where it is. So that face, knees and toes go along, depth is mirrored, but not
    what of it is along the body: a body upright in the view of a camera that looks down stays upright.

    Args:
        pose: the pose.
        up: (3,), from the hips to the head.
    """
    world: NDArray = pose.world[MIRRORED]
    level = np.array([0.0, 0.0, 1.0]) - up[2] * up
    square = float(level @ level)
    if square > 0:  # a body that lies along the optical axis has no other side
        world = world - 2 / square * np.outer(world @ level, level)
    screen = pose.screen[MIRRORED]
    screen[:, 2] *= -1
    return replace(
        pose,
        screen=screen,
        world=world.astype(pose.world.dtype),
        visibility=pose.visibility[MIRRORED],
        presence=pose.presence[MIRRORED],
    )


@infinite_is_unknown
def torso_px(pose: Pose) -> NDArray[np.float64]:
    """Return the middle of the torso on the screen, (2,), wherever left and right are."""
    return np.add.reduce(pose.screen[_TORSO, :2]) / len(_TORSO)


def _from_torso(pose: Pose) -> NDArray[np.float64]:
    return (pose.screen[:, :2] - torso_px(pose)) / size_px(pose)


def _feet(pose: Pose, forward: NDArray) -> float:
    """Return how much the toes speak for the names, against them below 0.

    A foot points forward: on the screen the toes are beside, above or below the heels. Where names
    are exchanged they were measured to be in between. It is the logarithm of the ratio of both
    likelihoods, for a second of images, whose errors are much the same.
    """
    if not pose.visibility[_FEET].min() >= _MIN_VISIBILITY:
        return 0.0
    seen = np.add.reduce(pose.screen[_TOES, :2] - pose.screen[_HEELS, :2]) / len(_TOES)
    seen = seen * (BODY_M / size_px(pose))
    expected = _FOOT_M * forward[:2]
    say = float((seen - expected / 2) @ expected) / _FOOT_STD_M**2
    return min(max(say, -_FEET_SAY), _FEET_SAY) if math.isfinite(say) else 0.0
