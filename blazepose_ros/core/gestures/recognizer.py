# SPDX-License-Identifier: Apache-2.0
"""From the people of each image to what they do, over time, and where they point.

A gesture begins once it has been clear for a moment, and ends once it has not been there for one.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from blazepose_ros.core.body_view import EYES, BodyView
from blazepose_ros.core.gestures.measures import ArmMotion
from blazepose_ros.core.gestures.rules import (
    ARM_RULES,
    BODY_RULES,
    FALL_S,
    GestureKind,
    GestureRule,
    Side,
)
from blazepose_ros.core.landmarks import Landmark
from blazepose_ros.core.people_memory import PeopleMemory
from blazepose_ros.core.timestamps import MAX_GAP_NS, NS_PER_S, is_time_jump
from blazepose_ros.core.types import Pose


@dataclass
class Debounce:
    """Whether something is shown, from how clearly it is in each image.

    Args:
        begin_s: how long it has to be there before it is shown.
        end_s: how long it has to be away, or out of sight, before it ends.

    Attributes:
        shown: whether it is shown.
        since_s: when what is shown, or about to be, began.
        share: how clearly it was there last: 1 at the threshold where it begins, 0 where it ends.
        there_s: when it was there last.
    """

    begin_s: float
    end_s: float
    shown: bool = False
    since_s: float = math.nan
    share: float = math.nan
    there_s: float = -math.inf

    def update(self, share: float, now_s: float) -> None:
        """Take the next image.

        Args:
            share: how clearly it is there, as `share`; NaN where that cannot be seen.
            now_s: the image's time.
        """
        if not math.isnan(share):
            self.share = share
        if share > 0 and (share >= 1 or not math.isnan(self.since_s)):
            self.there_s = now_s
            self.since_s = now_s if math.isnan(self.since_s) else self.since_s
            self.shown |= now_s - self.since_s >= self.begin_s
        elif not self.shown or now_s - self.there_s >= self.end_s:
            self.shown, self.since_s = False, math.nan


ARMS = (Side.LEFT, Side.RIGHT)


@dataclass(frozen=True)
class ShownGesture:
    """What a person does.

    Attributes:
        person_id: who.
        kind: what.
        side: with which arm, the person's own.
        confidence: 0 to 1: 0.5 at the thresholds where it begins, 1 as far beyond them as they are from
            those where it ends.
        since_ns: the stamp of the image that it began in.
    """

    person_id: int
    kind: GestureKind
    side: Side
    confidence: float
    since_ns: int


class GestureRecognizer:
    """Recognizes gestures; people are told apart by their ids.

    Args:
        visibility_threshold: landmarks below it are not seen.
    """

    def __init__(self, visibility_threshold: float) -> None:
        self.visibility_threshold = visibility_threshold
        self._people = PeopleMemory(_Person, MAX_GAP_NS)
        self._last_ns: int | None = None

    def update(self, poses: Sequence[Pose], up: NDArray, stamp_ns: int) -> list[ShownGesture]:
        """Return what the people of the next image do.

        Args:
            poses: the people.
            up: (3,), what points upwards in the axes of their world landmarks, of unit length.
            stamp_ns: when the image was taken. Time that jumps starts anew.
        """
        if is_time_jump(self._last_ns, stamp_ns):
            self._people.clear()
        self._last_ns = stamp_ns
        self._people.forget_old(stamp_ns)
        shown: list[ShownGesture] = []
        for pose in poses:
            person = self._people.of(pose.person_id, stamp_ns)
            body = BodyView.of_pose(pose, up, self.visibility_threshold)
            person.update(body, stamp_ns)
            shown += person.shown(pose.person_id)
        return shown


def _arm_states() -> dict[Side, list[tuple[GestureRule, Debounce]]]:
    return {side: _states(ARM_RULES) for side in ARMS}


def _states(rules: Sequence[GestureRule]) -> list[tuple[GestureRule, Debounce]]:
    return [(rule, Debounce(rule.begin_s, rule.end_s)) for rule in rules]


@dataclass
class _Person:
    """What is remembered of a person; times are in seconds."""

    motions: dict[Side, ArmMotion] = field(default_factory=lambda: {side: ArmMotion() for side in ARMS})
    arms: dict[Side, list[tuple[GestureRule, Debounce]]] = field(default_factory=_arm_states)
    body: list[tuple[GestureRule, Debounce]] = field(default_factory=lambda: _states(BODY_RULES))
    fallen_since_s: float = math.nan

    def update(self, body: BodyView, stamp_ns: int) -> None:
        """Take the person of the next image."""
        now_s = stamp_ns / NS_PER_S
        for side, seen in zip(ARMS, (body, body.exchanged), strict=True):
            motion = self.motions[side]
            motion.update(seen, now_s)
            for rule, state in self.arms[side]:
                state.update(rule.share(seen, motion), now_s)
        for rule, state in self.body:
            state.update(rule.share(body, self.motions[Side.LEFT]), now_s)
        self._notice_a_fall()

    def shown(self, person_id: int) -> Iterator[ShownGesture]:
        """Yield what the person does now."""
        for kind, side, state in self._states_shown():
            confidence = min(max(state.share / 2, 0.0), 1.0)
            yield ShownGesture(person_id, kind, side, confidence, round(state.since_s * NS_PER_S))

    def _states_shown(self) -> Iterator[tuple[GestureKind, Side, Debounce]]:
        shown = {(rule.kind, side): state for side in ARMS for rule, state in self.arms[side] if state.shown}
        hands = [shown.get((GestureKind.HAND_RAISED, side)) for side in ARMS]
        if None not in hands:
            for side in ARMS:
                del shown[GestureKind.HAND_RAISED, side]
            yield GestureKind.BOTH_HANDS_RAISED, Side.BOTH, _both(*hands)  # type: ignore[arg-type]
        for (kind, side), state in shown.items():
            yield kind, side, state
        yield from self._body_shown()

    def _body_shown(self) -> Iterator[tuple[GestureKind, Side, Debounce]]:
        """Yield what the whole body does; of the postures, the clearest."""
        shown = {rule.kind: state for rule, state in self.body if state.shown}
        if arms := shown.pop(GestureKind.ARMS_CROSSED, None):
            yield GestureKind.ARMS_CROSSED, Side.NONE, arms
        if not shown:
            return
        kind = max(shown, key=lambda each: shown[each].share)
        yield kind, Side.NONE, shown[kind]
        if kind is GestureKind.LYING and not math.isnan(self.fallen_since_s):
            yield GestureKind.FALLEN, Side.NONE, shown[kind]

    def _notice_a_fall(self) -> None:
        """Note that who lies now stood a moment before."""
        states = {rule.kind: state for rule, state in self.body}
        standing, lying = states[GestureKind.STANDING], states[GestureKind.LYING]
        if not lying.shown:
            self.fallen_since_s = math.nan
        elif math.isnan(self.fallen_since_s) and lying.since_s - standing.there_s <= FALL_S:
            self.fallen_since_s = lying.since_s


def _both(left: Debounce, right: Debounce) -> Debounce:
    """Return the state of what both arms do: since the later one does, as clear as the less clear one."""
    return Debounce(
        left.begin_s,
        left.end_s,
        shown=True,
        since_s=max(left.since_s, right.since_s),
        share=min(left.share, right.share),
    )


FINGERS = {Side.LEFT: Landmark.LEFT_INDEX, Side.RIGHT: Landmark.RIGHT_INDEX}

# A ray that errs by 10 degrees, as those of landmarks do, meets the floor anywhere beyond.
MAX_FLOOR_DISTANCE_M = 10.0


@dataclass(frozen=True)
class Ray:
    """A ray.

    Attributes:
        origin: (3,), meters, the tip of the hand; NaN where the body is not placed.
        direction: (3,), of unit length.
    """

    origin: NDArray[np.float64]
    direction: NDArray[np.float64]


def pointing_ray(world: NDArray, hips: NDArray, side: Side) -> Ray:
    """Return the ray from the eyes over the index finger's knuckle, from there on.

    People bring the finger into line with the eye and what they point at: of the line from head to
    hand, that along the forearm and the direction of the face, it finds the target most often
    (Nickel and Stiefelhagen, "Visual recognition of pointing gestures for human-robot interaction",
    Image and Vision Computing 2007: 90 %, 73 % and 75 %).

    Args:
        world: (33, 3), meters, from the hip center.
        hips: (3,), meters, where that is.
        side: the arm that points.
    """
    finger = np.asarray(world[FINGERS[side]], float)
    line = finger - np.asarray(world, float)[list(EYES)].mean(axis=0)
    return Ray(finger + hips, line / np.linalg.norm(line))


def floor_point(ray: Ray) -> NDArray[np.float64] | None:
    """Return where a ray meets the floor, (3,), in a frame whose z = 0 is the floor; None for nowhere near.

    It has to meet it within `MAX_FLOOR_DISTANCE_M` of the hand.
    """
    height_m, descent = float(ray.origin[2]), -float(ray.direction[2])
    if not (height_m > 0 and descent > 0 and height_m <= descent * MAX_FLOOR_DISTANCE_M):
        return None
    point = ray.origin + ray.direction * (height_m / descent)
    point[2] = 0.0
    return point
