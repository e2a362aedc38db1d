# SPDX-License-Identifier: Apache-2.0
"""The angles of a body's joints, from its landmarks."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from blazepose_ros.core.body_frame import TO_THE_IMAGES_TOP, body_axes
from blazepose_ros.core.landmarks import Landmark

Angle = Callable[[NDArray, NDArray], float]

# Shorter than this, a limb has no direction to speak of.
MIN_LENGTH_M = 0.02

_SIDES = ("left", "right")
_SHOULDERS = (Landmark.LEFT_SHOULDER, Landmark.RIGHT_SHOULDER)
_HIPS = (Landmark.LEFT_HIP, Landmark.RIGHT_HIP)
_EARS = (Landmark.LEFT_EAR, Landmark.RIGHT_EAR)


@dataclass(frozen=True)
class Joint:
    """An angle that a body has.

    Attributes:
        name: its name, without the person's id.
        landmarks: what has to be seen to tell it.
        angle: radians of landmarks in the body's axes, (33, 3), and of the direction
            upwards in the same axes, (3,).
    """

    name: str
    landmarks: tuple[Landmark, ...]
    angle: Angle


def joint_angles(
    world: NDArray,
    visibility: NDArray,
    visibility_threshold: float,
    up: Sequence[float] = TO_THE_IMAGES_TOP,
) -> dict[str, float]:
    """Return the angles of all joints by name, in radians.

    NaN stands for a limb that is not seen, and for one that points along the axis of the angle.

    A person who stands upright with hanging arms has zeros throughout. Signs are those of
    anatomy: flexion, and abduction away from the body, are positive.

    Args:
        world: (33, 3), meters, landmarks in optical axes, or those that `up` is given in.
        visibility: (33,), 0 to 1.
        visibility_threshold: landmarks below it are not seen.
        up: (3,), which way is upwards in the landmarks' axes.
    """
    axes = body_axes(world)
    if axes is None:
        return dict.fromkeys((joint.name for joint in JOINTS), math.nan)
    points = np.asarray(world, float) @ axes
    upwards = np.asarray(up) @ axes
    return {
        joint.name: (
            joint.angle(points, upwards)
            if (visibility[list(joint.landmarks)] >= visibility_threshold).all()
            else math.nan
        )
        for joint in JOINTS
    }


def _bend(start: Landmark, joint: Landmark, end: Landmark) -> Angle:
    """Return how far a limb is bent at a joint: zero where it is straight."""
    return lambda points, _: _between(points[joint] - points[start], points[end] - points[joint])


def _forwards(start: Landmark, end: Landmark) -> Angle:
    """Return how far a limb is raised forwards from hanging down along the trunk, -pi to pi."""

    def angle(points: NDArray, _: NDArray) -> float:
        x, _y, z = points[end] - points[start]
        return math.atan2(x, -z) if math.hypot(x, z) > MIN_LENGTH_M else math.nan

    return angle


def _sidewards(start: Landmark, end: Landmark, outwards: float) -> Angle:
    """Return how far a limb is raised sidewards, away from the body, from hanging: -pi to pi."""

    def angle(points: NDArray, _: NDArray) -> float:
        _x, y, z = points[end] - points[start]
        return math.atan2(outwards * y, -z) if math.hypot(y, z) > MIN_LENGTH_M else math.nan

    return angle


def _ankle(knee: Landmark, ankle: Landmark, toe: Landmark) -> Angle:
    """Return how far the toes are drawn up from a foot at right angles to the shank."""
    return lambda points, _: math.pi / 2 - _between(points[knee] - points[ankle], points[toe] - points[ankle])


def _neck(points: NDArray, _: NDArray) -> float:
    """Return how far the head, from the shoulders to the ears, is bent forwards."""
    x, _y, z = points[list(_EARS)].mean(axis=0) - points[list(_SHOULDERS)].mean(axis=0)
    return math.atan2(x, z) if math.hypot(x, z) > MIN_LENGTH_M else math.nan


def _trunk(_: NDArray, up: NDArray) -> float:
    """Return how far the trunk is bent forwards from the vertical."""
    x, _y, z = up
    return math.atan2(-x, z) if math.hypot(x, z) > 0.0 else math.nan


def _between(first: NDArray, second: NDArray) -> float:
    """Return the angle between two vectors, NaN where one has no length."""
    if min(np.linalg.norm(first), np.linalg.norm(second)) < MIN_LENGTH_M:
        return math.nan
    return math.atan2(float(np.linalg.norm(np.cross(first, second))), float(first @ second))


def _limbs(side: str) -> tuple[Joint, ...]:
    def of(part: str) -> Landmark:
        return Landmark[f"{side}_{part}".upper()]

    arm = of("shoulder"), of("elbow"), of("wrist")
    leg = of("hip"), of("knee"), of("ankle")
    outwards = 1.0 if side == "left" else -1.0
    return (
        Joint(f"{side}_shoulder_flexion", arm[:2], _forwards(*arm[:2])),
        Joint(f"{side}_shoulder_abduction", arm[:2], _sidewards(*arm[:2], outwards)),
        Joint(f"{side}_elbow_flexion", arm, _bend(*arm)),
        Joint(f"{side}_hip_flexion", leg[:2], _forwards(*leg[:2])),
        Joint(f"{side}_hip_abduction", leg[:2], _sidewards(*leg[:2], outwards)),
        Joint(f"{side}_knee_flexion", leg, _bend(*leg)),
        Joint(f"{side}_ankle_flexion", (*leg[1:], of("foot_index")), _ankle(*leg[1:], of("foot_index"))),
    )


JOINTS: tuple[Joint, ...] = (
    *(joint for side in _SIDES for joint in _limbs(side)),
    Joint("neck_flexion", (*_EARS, *_SHOULDERS), _neck),
    Joint("trunk_flexion", (*_HIPS, *_SHOULDERS), _trunk),
)
