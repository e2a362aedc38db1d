# SPDX-License-Identifier: Apache-2.0
"""Where the floor is under a camera that stands still, from people who walk about on it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import least_squares

from blazepose_ros.core.camera_model import CameraModel
from blazepose_ros.core.errors import BlazePoseError
from blazepose_ros.core.landmarks import Landmark
from blazepose_ros.core.placement.bone_length_range import DEPTH_STD_M, MEAN_STATURE_M
from blazepose_ros.core.placement.floor_range import Floor, range_from_floor
from blazepose_ros.core.placement.range_filter import CORRELATION_S, KNOWN_STATURE_STD, STATURE_STD
from blazepose_ros.core.placement.translation_fit import PIXEL_CENTER_PX, TranslationFit
from blazepose_ros.core.timestamps import NS_PER_S
from blazepose_ros.core.types import ModelComplexity, Pose

# A person's distance from the color image alone is wrong by so much besides the stature, by turns.
RANGE_STD = 0.04
# The mean direction of bodies from the feet to the shoulders: how wrong it is about the vertical, in
# radians, towards the camera, where the models err together, and to the side.
LEAN_PITCH_STD, LEAN_ROLL_STD = math.radians(8.0), math.radians(8.0)
# People have to be seen for so long, with both feet and shoulders.
MIN_SEEN_S = 2.0

_SHOULDERS = [Landmark.LEFT_SHOULDER, Landmark.RIGHT_SHOULDER]
_ANKLES = [Landmark.LEFT_ANKLE, Landmark.RIGHT_ANKLE]
# What a person has to show.
_BODY = [*_SHOULDERS, *_ANKLES, Landmark.LEFT_HIP, Landmark.RIGHT_HIP]


class FloorCalibrationError(BlazePoseError, ValueError):
    """What was seen does not tell where the floor is; the message says what is missing."""


class Sighting(NamedTuple):
    """A person in one image, placed without a floor.

    Attributes:
        pose: with a hip center; the world landmarks in the camera's axes.
        stamp_ns: of the image.
    """

    pose: Pose
    stamp_ns: int


@dataclass(frozen=True)
class FloorCalibration:
    """A floor that was found.

    Attributes:
        floor: with the deviations of its tilt and height.
        tilt_deg: how far the camera looks down.
        roll_deg: how far it is rolled clockwise, seen from behind.
        nearest_m: how near people came.
        furthest_m: how far they went.
        seen_s: how long they were seen.
    """

    floor: Floor
    tilt_deg: float
    roll_deg: float
    nearest_m: float
    furthest_m: float
    seen_s: float

    @property
    def camera_axes(self) -> NDArray[np.float64]:
        """The camera's rotation on the floor, (3, 3): x ahead, y to the left, z upwards."""
        up = self.floor.up
        ahead = np.array([0.0, 0.0, 1.0]) - up[2] * up
        ahead /= np.linalg.norm(ahead)
        return np.array([ahead, np.cross(up, ahead), up])


def find_floor(
    sightings: Sequence[Sighting],
    camera: CameraModel,
    visibility_threshold: float = 0.5,
    person_height_m: float = 0.0,
    model: ModelComplexity = ModelComplexity.FULL,
) -> FloorCalibration:
    """Return the floor on which people's feet are as far away as their size says, and their bodies upright.

    Least squares with a soft L1 loss over the tilt, the roll and the height of the camera. Of one
    distance alone tilt and height are hardly told apart: people have to come near and go far.

    Args:
        sightings: people who stand or walk, in the order of time.
        camera: calibrated.
        visibility_threshold: landmarks below it are not seen.
        person_height_m: the people's height, which the scale comes from; 0 where it is not known.
        model: whose landmarks they are.

    Raises:
        FloorCalibrationError: too little of people was seen.
    """
    bodies = [body for each in sightings if (body := _Body.of(each, camera, visibility_threshold))]
    seen_s = _duration_s([body.stamp_ns for body in bodies])
    if seen_s < MIN_SEEN_S:
        raise FloorCalibrationError(
            f"people were seen from the shoulders to the feet for {seen_s:.1f} s, at least {MIN_SEEN_S:g} s"
            " are needed"
        )
    upwards = np.mean([body.upwards for body in bodies], axis=0)
    upwards /= np.linalg.norm(upwards)
    height_m = float(np.median([body.below_m(upwards) for body in bodies]))
    problem = _Problem(bodies, upwards, DEPTH_STD_M[model], person_height_m or MEAN_STATURE_M, seen_s)
    start = np.array([*_angles(upwards), math.log(max(height_m, 0.1))])
    found = least_squares(problem.residuals, start, loss="soft_l1", x_scale=(0.02, 0.02, 0.02))
    tilt, roll, log_height = found.x.tolist()
    covariance = np.linalg.inv(found.jac.T @ found.jac)
    tilt_std = math.sqrt(covariance[0, 0])
    stature_std = KNOWN_STATURE_STD if person_height_m else STATURE_STD
    height_std_m = math.exp(log_height) * math.hypot(math.sqrt(covariance[2, 2]), stature_std)
    ranges = [body.range_m for body in bodies]
    return FloorCalibration(
        Floor(_upwards(tilt, roll), math.exp(log_height), tilt_std, height_std_m),
        math.degrees(tilt),
        math.degrees(roll),
        min(ranges),
        max(ranges),
        seen_s,
    )


def _duration_s(stamps_ns: Sequence[int]) -> float:
    """Return how long people were seen; of a gap, as much counts as landmarks err alike."""
    gaps_s = np.diff(np.unique(stamps_ns)) / NS_PER_S
    return float(np.minimum(gaps_s, 2.0 * CORRELATION_S).sum())


def _upwards(tilt: float, roll: float) -> NDArray[np.float64]:
    """Return the vertical in the optical frame of a camera that looks down and is rolled, in radians."""
    across = math.cos(tilt)
    return np.array([across * math.sin(roll), -across * math.cos(roll), -math.sin(tilt)])


def _angles(upwards: NDArray) -> tuple[float, float]:
    x, y, z = upwards.tolist()
    return -math.asin(z), math.atan2(x, -y)


class _Body(NamedTuple):
    """A person who stands on the floor, wherever that is."""

    fit: TranslationFit
    world: NDArray[np.float64]
    stamp_ns: int

    @classmethod
    def of(cls, sighting: Sighting, camera: CameraModel, visibility_threshold: float) -> _Body | None:
        pose = sighting.pose
        usable = pose.visibility >= visibility_threshold
        if pose.hip_center is None or not usable[_BODY].all():
            return None
        rays = camera.normalize(pose.screen[:, :2] - PIXEL_CENTER_PX)
        fit = TranslationFit(pose.hip_center.position, pose.hip_center.covariance, rays, usable)
        return cls(fit, pose.world.astype(np.float64), sighting.stamp_ns)

    @property
    def range_m(self) -> float:
        return math.hypot(*self.fit.position.tolist())

    @property
    def upwards(self) -> NDArray[np.float64]:
        """The unit vector from the feet to the shoulders."""
        body = self.world[_SHOULDERS].mean(axis=0) - self.world[_ANKLES].mean(axis=0)
        return body / np.linalg.norm(body)

    def below_m(self, upwards: NDArray) -> float:
        """Return how far the lower foot is below the camera."""
        return float(np.max(-(self.world[_ANKLES] + self.fit.position) @ upwards))


@dataclass(frozen=True)
class _Problem:
    """What the floor has to agree with."""

    bodies: Sequence[_Body]
    upwards: NDArray[np.float64]
    depth_std_m: float
    stature_m: float
    seen_s: float

    def residuals(self, unknowns: NDArray) -> NDArray[np.float64]:
        """Return how far off everything is, in standard deviations, for a tilt, a roll and a height."""
        tilt, roll, log_height = unknowns.tolist()
        floor = Floor(_upwards(tilt, roll), math.exp(log_height))
        independent = self.seen_s / (2.0 * CORRELATION_S)
        share = math.sqrt(min(1.0, independent / len(self.bodies)))
        ranges = [share * self._range_error(body, floor) for body in self.bodies]
        lean_tilt, lean_roll = _angles(self.upwards)
        return np.array([*ranges, (tilt - lean_tilt) / LEAN_PITCH_STD, (roll - lean_roll) / LEAN_ROLL_STD])

    def _range_error(self, body: _Body, floor: Floor) -> float:
        said = range_from_floor(body.fit, body.world, floor, self.depth_std_m, self.stature_m)
        if said is None:  # as wrong as can be: no such floor
            return 1.0 / RANGE_STD
        return (said.log_range - math.log(body.range_m)) / math.hypot(said.log_std, RANGE_STD)
