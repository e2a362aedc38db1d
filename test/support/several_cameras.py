# SPDX-License-Identifier: Apache-2.0
"""Synthetic people among several cameras, with exact answers in a frame whose z axis is up."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from scipy.spatial.transform import Rotation

from blazepose_ros.core.fusion.sightings import CameraView
from blazepose_ros.core.landmarks import Landmark
from blazepose_ros.core.transforms import Rigid
from blazepose_ros.core.types import HipCenter, Placement, Pose
from support.bodies import CAMERA, FACING_AXES, FACING_M, LIMBS, pose_of, swung

START_NS = 1_000_000_000_000
# A body that stands upright and looks along x, from its hips.
UPRIGHT_M = FACING_M @ FACING_AXES
HIPS = np.array([0.0, 0.0, 0.95])
HIP_STD_M = 0.15
# Hands and feet swing by some 15 and 25 cm.
SWING_RAD = 0.25


def camera_at(x: float, y: float, z: float = 1.8, towards: Any = HIPS) -> Rigid:
    """Return the pose of a camera that looks at a point, its image upright."""
    forwards = np.asarray(towards, float) - (x, y, z)
    forwards /= np.linalg.norm(forwards)
    right = np.cross(forwards, (0.0, 0.0, 1.0))
    right /= np.linalg.norm(right)
    return Rigid(np.column_stack([right, np.cross(forwards, right), forwards]), np.array([x, y, z], float))


CAMERAS = {
    "east": camera_at(4.0, 0.5),
    "north": camera_at(-0.5, 4.0),
    "south": camera_at(0.3, -3.5),
    "west": camera_at(-4.2, 1.0),
}


def walker(time_s: float, at: Any = (0.0, 0.0), turned_deg: float = 0.0) -> Any:
    """Return the landmarks, (33, 3), of a person at a place who swings arms and legs."""
    swing_rad = SWING_RAD * np.sin(2 * np.pi * time_s)
    sides = {joint: swing_rad if joint.name.startswith("LEFT") else -swing_rad for joint in LIMBS}
    points = swung(UPRIGHT_M, sides)
    points = points @ Rotation.from_euler("z", turned_deg, degrees=True).as_matrix().T
    return points + np.array([*at, HIPS[2]])


def person_seen(
    camera: Rigid, places: Any, person_id: int = 1, *, scale: float = 1.0, jitter_px: Any = 0.0, **fields: Any
) -> Pose:
    """Return a person as a camera places them.

    Args:
        camera: its pose.
        places: (33, 3), the landmarks in the common frame.
        person_id: by the camera.
        scale: how much too far away the camera places them, and too tall.
        jitter_px: (33, 2) or a number, is added to the pixels.
        fields: of the pose.
    """
    points = (places - camera.translation) @ camera.rotation
    pixels = CAMERA.project(points) + 0.5 + jitter_px
    points = points * scale
    hips = points[[Landmark.LEFT_HIP, Landmark.RIGHT_HIP]].mean(axis=0)
    along = np.outer(hips, hips) / (hips @ hips)
    covariance = HIP_STD_M**2 * along + 0.03**2 * np.eye(3)
    center = HipCenter(hips, covariance, Placement.MONO)
    screen = np.column_stack([pixels, points[:, 2] - hips[2]])
    defaults = {"person_id": person_id, "hip_center": center}
    return pose_of(points - hips, screen, **(defaults | fields))


def view(
    name: str, time_s: float, people: Mapping[int, Any], late_s: float = 0.0, **options: Any
) -> CameraView:
    """Return what one of the cameras sees of people, by their ids, at a time."""
    camera = CAMERAS[name]
    poses = tuple(person_seen(camera, places, number, **options) for number, places in people.items())
    return CameraView(name, START_NS + round(1e9 * (time_s + late_s)), camera, poses, CAMERA)
