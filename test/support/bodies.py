# SPDX-License-Identifier: Apache-2.0
"""Synthetic people with exact answers: a body, and how a camera sees it."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
from scipy.spatial.transform import Rotation

from blazepose_ros.core.camera_model import CameraModel
from blazepose_ros.core.landmarks import Landmark
from blazepose_ros.core.placement.translation_fit import turn_to
from blazepose_ros.core.types import HipCenter, Placement, Pose

# The left half of a body that faces the camera, metres from the hip centre in optical axes
# (x right, y down, z away): its left is the image's right, its nose and toes are nearer.
LEFT_HALF_M = {
    "EYE_INNER": (0.015, -0.66, -0.11), "EYE": (0.03, -0.66, -0.10), "EYE_OUTER": (0.045, -0.66, -0.09),
    "EAR": (0.08, -0.63, 0.01), "MOUTH": (0.025, -0.59, -0.11), "SHOULDER": (0.18, -0.48, 0.00),
    "ELBOW": (0.30, -0.25, 0.05), "WRIST": (0.36, -0.05, -0.12), "PINKY": (0.38, 0.02, -0.13),
    "INDEX": (0.37, 0.04, -0.17), "THUMB": (0.34, 0.00, -0.18), "HIP": (0.10, 0.00, 0.00),
    "KNEE": (0.12, 0.40, -0.06), "ANKLE": (0.13, 0.78, 0.08), "HEEL": (0.13, 0.83, 0.13),
    "FOOT_INDEX": (0.16, 0.86, -0.10),
}  # fmt: skip
NOSE_M = (0.0, -0.63, -0.14)


def _place(landmark: Landmark) -> tuple[float, float, float]:
    if landmark is Landmark.NOSE:
        return NOSE_M
    is_left = "LEFT" in landmark.name
    x, y, z = LEFT_HALF_M[landmark.name.replace("LEFT", "").replace("RIGHT", "").strip("_")]
    return (x if is_left else -x), y, z


FACING_M = np.array([_place(landmark) for landmark in Landmark])
FACING_M.setflags(write=False)

# The axes of that body, as columns: forward (x) towards the camera, left (y), up (z).
FACING_AXES = np.array([[0.0, 1, 0], [0, 0, -1], [-1, 0, 0]])

# What swings with an arm or a leg, by the joint that it hangs from.
LIMBS = {
    Landmark[f"{side}_{joint}"]: [
        each for each in Landmark if each.name.startswith(side) and first <= each <= last
    ]
    for side in ("LEFT", "RIGHT")
    for joint, first, last in (
        ("SHOULDER", Landmark.LEFT_ELBOW, Landmark.RIGHT_THUMB),
        ("HIP", Landmark.LEFT_KNEE, Landmark.RIGHT_FOOT_INDEX),
    )
}


def swung(body: np.ndarray, angles_rad: Mapping[Landmark, float]) -> np.ndarray:
    """Return a body, (33, 3), x forward, y left, z up, whose limbs hang turned about the y axis."""
    points = body.copy()
    for joint, angle_rad in angles_rad.items():
        turn = Rotation.from_euler("y", angle_rad)
        points[LIMBS[joint]] = turn.apply(points[LIMBS[joint]] - points[joint]) + points[joint]
    return points


CAMERA = CameraModel(640, 480, np.array([[525.0, 0, 319.5], [0, 520, 239.5], [0, 0, 1]]))

CAMERAS = {
    "pinhole": CAMERA,
    "plumb_bob": CameraModel(640, 480, CAMERA.k, (-0.1, 0.02, 0.001, -0.001, 0.0)),
    "rational_polynomial": CameraModel(
        640, 480, CAMERA.k, (0.4, -0.1, 0.0005, -0.0003, 0.01, 0.7, -0.05, 0.02), "rational_polynomial"
    ),
    "equidistant": CameraModel(640, 480, CAMERA.k, (-0.02, 0.005, -0.002, 0.0005), "equidistant"),
    "assumed": CameraModel.from_hfov(640, 480, 60.0),
}


def pose_of(world: Any = FACING_M, screen: Any = None, dtype: Any = np.float32, **fields: Any) -> Pose:
    """Return a fully visible person; without a screen there are zeros on it."""
    ones = np.ones(len(Landmark), dtype)
    defaults = {"visibility": ones, "presence": ones}
    screen = np.zeros((len(Landmark), 3)) if screen is None else screen
    return Pose(screen=screen.astype(dtype), world=world.astype(dtype), **(defaults | fields))


def seen_by(camera: CameraModel, position: Any, world: Any = FACING_M, **fields: Any) -> Pose:
    """Return, in double precision, how a camera sees a body whose hips are at a position."""
    pixels = camera.project(world + np.asarray(position, float)) + 0.5  # from the image's corner
    return pose_of(world, np.column_stack([pixels, world[:, 2]]), np.float64, **fields)


def as_described(pose: Pose, camera: CameraModel) -> Pose:
    """Return a person in a model's words, as if the camera looked straight at their hips."""
    hips = pose.screen[[Landmark.LEFT_HIP, Landmark.RIGHT_HIP], :2].mean(axis=0)
    x, y = camera.normalize(hips - 0.5)[0]
    return replace(pose, world=pose.world @ turn_to(x, y))


def placed(position: Any = (0.0, 0.0, 3.0), covariance: Any = None, **fields: Any) -> Pose:
    """Return a person whose hips are at a position."""
    covariance = np.diag([0.1, 0.2, 0.3]) if covariance is None else covariance
    hip_center = HipCenter(np.array(position, float), covariance, Placement.MONO)
    return pose_of(**({"person_id": 1} | fields), hip_center=hip_center)


def fully_known(**fields: Any) -> Pose:
    """Return a person of whom every number of a message is known, and none is like another."""
    triangles = np.arange(33 * 6, dtype=np.float32).reshape(33, 6)
    hips = HipCenter(
        np.array([0.5, -1.0, 3.0]), np.diag([0.1, 0.2, 0.3]), Placement.FLOOR, np.array([1.0, 2.0, 3.0]),
        np.array([[1.0, 2, 3], [2, 4, 5], [3, 5, 6]]),
    )  # fmt: skip
    known = {"landmark_covariances": triangles, "stature_m": 1.5, "stature_std_m": 0.25, "hip_center": hips}
    return pose_of(**({"person_id": 1} | known | fields))


def noisy(pose: Pose, sigma_px: float, seed: Any = 0) -> Pose:
    """Return a pose whose landmarks jitter on the screen."""
    jitter = np.random.default_rng(seed).normal(scale=sigma_px, size=(len(Landmark), 2))
    return pose_of(pose.world, pose.screen + np.pad(jitter, ((0, 0), (0, 1))), np.float64)


def hidden(shown: Any) -> np.ndarray:
    """Return the visibilities of a person of whom only some landmarks are seen."""
    visibility = np.zeros(len(Landmark))
    visibility[shown] = 1.0
    return visibility
