# SPDX-License-Identifier: Apache-2.0
"""A person who walks before several cameras, with exact answers."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from scipy.spatial.transform import Rotation

from blazepose_ros.core.camera_model import CameraModel
from blazepose_ros.core.extrinsics.alignment import CameraPlace
from blazepose_ros.core.extrinsics.sightings import CameraSightings
from blazepose_ros.core.landmarks import Landmark
from blazepose_ros.core.types import HipCenter, Placement, Pose
from support.bodies import CAMERA, FACING_M, seen_by, swung

START_NS = 1_700_000_000_000_000_000
HIPS_M = 0.9  # above the floor
# Arms and legs swing across, hands and feet by some 15 and 25 cm.
SWINGS_RAD = {
    Landmark.LEFT_SHOULDER: 0.25,
    Landmark.RIGHT_HIP: 0.25,
    Landmark.RIGHT_SHOULDER: -0.25,
    Landmark.LEFT_HIP: -0.25,
}
# The world's axes (x ahead, y left, z up) of a body in optical axes that faces along x.
_UPRIGHT = np.array([[0.0, 0, -1], [1, 0, 0], [0, -1, 0]])

Path = Callable[[float], tuple[float, float]]


def about(time_s: float) -> tuple[float, float]:
    """Return where a person is who walks about: on a circle at an even pace clocks would show little."""
    return 0.9 * math.cos(0.8 * time_s), 0.7 * math.sin(1.9 * time_s)


def line(time_s: float) -> tuple[float, float]:
    return 0.6 * time_s - 1.8, 0.0


def still(_time_s: float) -> tuple[float, float]:
    return 0.0, 0.0


def body_at(time_s: float, path: Path = about) -> np.ndarray:
    """Return where the landmarks are in the world, (33, 3), meters, z up from the floor."""
    x, y = path(time_s)
    later = path(time_s + 0.05)
    heading = math.atan2(later[1] - y, later[0] - x)
    swing = math.sin(2.0 * math.pi * 0.9 * time_s)
    body = swung(FACING_M @ _UPRIGHT.T, {joint: swing * angle for joint, angle in SWINGS_RAD.items()})
    turned = Rotation.from_euler("z", heading).apply(body)
    return turned + np.array([x, y, HIPS_M])


@dataclass(frozen=True)
class Mount:
    """A camera that stands in the world and looks at a place above the origin.

    Attributes:
        name: its optical frame.
        center: meters.
        late_s: how much later its stamps are than they should be.
        lens: the camera.
    """

    name: str
    center: tuple[float, float, float]
    late_s: float = 0.0
    lens: CameraModel = CAMERA

    @property
    def rotation(self) -> np.ndarray:
        """From the world's axes to the optical ones, (3, 3)."""
        ahead = np.array([0.0, 0.0, 1.0]) - self.center
        ahead /= np.linalg.norm(ahead)
        right = np.cross(ahead, [0.0, 0.0, 1.0])
        right /= np.linalg.norm(right)
        return np.array([right, np.cross(ahead, right), ahead])

    def place(self, reference: "Mount") -> CameraPlace:
        """Return where it is as another camera sees it."""
        rotation = self.rotation @ reference.rotation.T
        center = reference.rotation @ (np.array(self.center) - reference.center)
        return CameraPlace(rotation, -rotation @ center, self.late_s - reference.late_s)

    def sees(
        self, time_s: float, path: Path = about, scale: float = 1.0, noise: Any = None, noise_px: float = 0.0
    ) -> Pose:
        """Return the placed person; a camera that takes them for larger puts them further away."""
        points = (body_at(time_s, path) - self.center) @ self.rotation.T
        hips = points[[Landmark.LEFT_HIP, Landmark.RIGHT_HIP]].mean(axis=0)
        pose = seen_by(self.lens, hips, points - hips)
        if noise is not None:
            screen = pose.screen.copy()
            screen[:, :2] += noise.normal(scale=noise_px, size=(33, 2))
            pose = replace(pose, screen=screen)
        center = HipCenter(scale * hips, 0.1**2 * np.eye(3), Placement.MONO)
        covariances = np.tile(np.float32([0.01, 0, 0, 0.01, 0, 0.04]), (33, 1))
        return replace(
            pose,
            person_id=1,
            world=scale * pose.world,
            hip_center=center,
            landmark_covariances=covariances,
            stature_m=1.7 * scale,
            stature_std_m=0.09,
        )

    def sightings(self, times_s: Sequence[float], **options: Any) -> CameraSightings:
        """Return what it sees at some times; see `sees`."""
        people = {
            START_NS + round((time_s + self.late_s) * 1e9): [self.sees(time_s, **options)]
            for time_s in times_s
        }
        return CameraSightings.of(self.name, self.lens, people)


MOUNTS = (
    Mount("front", (4.0, 0.0, 1.8)),
    Mount("left", (0.5, 4.0, 2.2)),
    Mount("rear", (-3.5, -1.5, 1.5)),
)
