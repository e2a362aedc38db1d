# SPDX-License-Identifier: Apache-2.0
"""Synthetic people who stand, sit, lie, wave and squat, from any side, with landmarks that err."""

import math
from collections.abc import Iterator, Sequence
from functools import cache
from typing import Any

import numpy as np
from scipy.spatial.transform import Rotation

from blazepose_ros.core.landmarks import MIRRORED, Landmark
from blazepose_ros.core.types import HipCenter, Placement, Pose
from support.bodies import pose_of

# Lengths of an adult of 1.75 m, in meters (de Leva 1996).
TRUNK_M, SHOULDER_M, HIP_M = 0.50, 0.18, 0.10
UPPER_ARM_M, FOREARM_M, HAND_M = 0.29, 0.26, 0.09
THIGH_M, SHANK_M, FOOT_M = 0.42, 0.43, 0.20

# In the body's axes: x forwards, y to the left, z upwards.
FORWARDS, LEFTWARDS, UPWARDS = np.eye(3)
DOWN = -UPWARDS
HEAD_M = {
    "NOSE": (0.13, 0.0, 0.15), "EYE_INNER": (0.11, 0.015, 0.18), "EYE": (0.10, 0.03, 0.18),
    "EYE_OUTER": (0.09, 0.045, 0.18), "EAR": (0.0, 0.08, 0.15), "MOUTH": (0.11, 0.025, 0.10),
}  # fmt: skip

# From the body's axes to the optical axes of a level camera that the body faces.
FACING = np.array([[0.0, 1, 0], [0, 0, -1], [-1, 0, 0]])
# From those to REP-103's axes of a map: x to where the camera looks, z up.
MAP = np.array([[0.0, 0, 1], [-1, 0, 0], [0, -1, 0]])

# How wrong landmarks are, one standard deviation in meters: a forearm then points 11 degrees off in the
# median, and an elbow is as far off.
ACROSS_STD_M, DEPTH_STD_M = 0.02, 0.04

SIDES_DEG = tuple(range(0, 360, 45))
DISTANCES_M = (1.0, 2.0, 3.0, 4.0)


def direction(elevation_deg: float, azimuth_deg: float = 0.0) -> np.ndarray:
    """Return a direction: above the horizontal, and from forwards to the left."""
    elevation, azimuth = math.radians(elevation_deg), math.radians(azimuth_deg)
    level = math.cos(elevation)
    return np.array([level * math.cos(azimuth), level * math.sin(azimuth), math.sin(elevation)])


HANGING = (direction(-85, 90), direction(-75, 30))
HANGING_RIGHT = (direction(-85, -90), direction(-75, -30))
LEG = (DOWN, DOWN)


def figure(
    left_arm: Any = HANGING,
    right_arm: Any = None,
    left_leg: Any = LEG,
    right_leg: Any = None,
    lean_deg: float = 0,
) -> np.ndarray:
    """Return the landmarks of a body, (33, 3), meters, from the hip center in the body's axes.

    Args:
        left_arm: the directions of upper arm and forearm.
        right_arm: likewise; None for the mirror image of the left one.
        left_leg: the directions of thigh and shank.
        right_leg: likewise.
        lean_deg: how far the trunk leans forwards.
    """
    trunk = direction(90 - lean_deg)
    points = np.zeros((len(Landmark), 3))
    limbs = {
        "LEFT": (left_arm, left_leg, 1.0),
        "RIGHT": (_mirrored(left_arm) if right_arm is None else right_arm,
                  _mirrored(left_leg) if right_leg is None else right_leg, -1.0),
    }  # fmt: skip
    shoulders = TRUNK_M * trunk
    points[Landmark.NOSE] = shoulders + HEAD_M["NOSE"]
    for side, ((upper_arm, forearm), (thigh, shank), sign) in limbs.items():
        shoulder = shoulders + sign * SHOULDER_M * LEFTWARDS
        hip = sign * HIP_M * LEFTWARDS
        elbow = shoulder + UPPER_ARM_M * upper_arm
        wrist = elbow + FOREARM_M * forearm
        knee = hip + THIGH_M * thigh
        ankle = knee + SHANK_M * shank
        toes = np.cross(np.cross(shank, FORWARDS + 0.01 * UPWARDS), shank)
        toes /= np.linalg.norm(toes)
        places = {
            "SHOULDER": shoulder, "ELBOW": elbow, "WRIST": wrist, "HIP": hip, "KNEE": knee, "ANKLE": ankle,
            "PINKY": wrist + HAND_M * forearm, "INDEX": wrist + HAND_M * forearm,
            "THUMB": wrist + HAND_M / 2 * forearm,
            "HEEL": ankle - 0.05 * toes + 0.04 * shank, "FOOT_INDEX": ankle + FOOT_M * toes + 0.04 * shank,
        }  # fmt: skip
        places |= {
            part: shoulders + np.array([1, sign, 1]) * HEAD_M[part] for part in HEAD_M if part != "NOSE"
        }
        for part, place in places.items():
            mouth = f"MOUTH_{side}"
            points[Landmark[mouth if part == "MOUTH" else f"{side}_{part}"]] = place
    return points


def _mirrored(limb: Any) -> Any:
    return tuple(np.array([1, -1, 1]) * bone for bone in limb)


def lying(points: np.ndarray, pitch_deg: float = -90) -> np.ndarray:
    """Return a body turned about its left: by -90 degrees onto its back."""
    return points @ _turn("y", pitch_deg).T


def exchanged(points: np.ndarray) -> np.ndarray:
    """Return the mirror image of a body, as of a mirrored picture."""
    return points[MIRRORED] * np.array([1, -1, 1])


def seen(
    points: np.ndarray,
    turn_deg: float = 0.0,
    distance_m: float = 3.0,
    errors_m: np.ndarray | None = None,
    *,
    tilt_deg: float = 0.0,
    fov_deg: float | None = None,
    **fields: Any,
) -> Pose:
    """Return a body as a camera sees it.

    Args:
        points: in the body's axes.
        turn_deg: how far it is turned to its left from facing the camera.
        distance_m: of its hips.
        errors_m: (33, 3), added in optical axes.
        tilt_deg: how far the camera looks down.
        fov_deg: the camera's vertical field of view; what is outside of it is not visible.
        fields: more of the pose.
    """
    tilted = _turn("x", tilt_deg)
    turned = points @ _turn("z", turn_deg).T
    world = turned @ FACING.T @ tilted.T
    center = np.array([0.0, 0.0, distance_m])
    visibility = np.ones(len(Landmark))
    if fov_deg is not None:
        slopes = np.abs((world + center)[:, 1] / np.maximum((world + center)[:, 2], 0.01))
        visibility = np.where(slopes < math.tan(math.radians(fov_deg / 2)), 1.0, 0.1)
    world = world if errors_m is None else world + errors_m
    hips = HipCenter(center, np.diag([1e-4, 1e-4, 0.01]), Placement.MONO)
    return pose_of(
        world, visibility=visibility.astype(np.float32), **({"person_id": 1, "hip_center": hips} | fields)
    )


@cache
def _turn(axis: str, angle_deg: float) -> np.ndarray:
    return Rotation.from_euler(axis, angle_deg, degrees=True).as_matrix()


def fused(pose: Pose) -> Pose:
    """Return a person as several cameras see it together: in a map's axes, nowhere on a screen."""
    nowhere = np.full((len(Landmark), 3), np.nan)
    hips = HipCenter(MAP @ pose.hip_center.position, np.eye(3) * 1e-4, Placement.FUSED)
    return pose_of(pose.world @ MAP.T, nowhere, person_id=pose.person_id, hip_center=hips)


def errors(seed: Any, count: int) -> Iterator[np.ndarray]:
    """Yield the errors of landmarks in some images, (33, 3), meters in optical axes.

    Most of them are the same in all images of a person.
    """
    random = np.random.default_rng(seed)
    deviation = np.array([ACROSS_STD_M, ACROSS_STD_M, DEPTH_STD_M])
    bias = random.normal(size=(len(Landmark), 3)) * deviation * math.sqrt(0.9)
    for _ in range(count):
        yield bias + random.normal(size=(len(Landmark), 3)) * deviation * math.sqrt(0.1)


def moving(first: np.ndarray, last: np.ndarray, count: int) -> list[np.ndarray]:
    """Return a body on its way from one posture to another, with bones of about their lengths."""
    shares = np.linspace(0.0, 1.0, count)
    return [(1 - share) * first + share * last for share in shares]


def held(points: np.ndarray, count: int) -> Sequence[np.ndarray]:
    """Return a body that does not move."""
    return [points] * count
