# SPDX-License-Identifier: Apache-2.0
"""How far away a body is, from its feet on a floor whose place under the camera is known."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from blazepose_ros.core.landmarks import Landmark
from blazepose_ros.core.placement.translation_fit import TranslationFit

# How far heel, toe and ankle of a foot on the floor are above it, as fractions of the stature, and how
# wrong that is: as BlazePose marks them on people who were seen by four cameras.
HEEL, TOE, ANKLE = 0.012, 0.007, 0.048
_FEET = (
    {Landmark.LEFT_HEEL: HEEL, Landmark.LEFT_FOOT_INDEX: TOE, Landmark.LEFT_ANKLE: ANKLE},
    {Landmark.RIGHT_HEEL: HEEL, Landmark.RIGHT_FOOT_INDEX: TOE, Landmark.RIGHT_ANKLE: ANKLE},
)
ABOVE_FLOOR_STD_M = 0.015
# Fewer points of a foot may be a guess.
MIN_POINTS = 2
# How wrong a landmark of a foot is across the viewing ray.
FOOT_ACROSS_STD_M = 0.02
# A ray that goes down by less than this, in radians, meets the floor anywhere.
MIN_DEPRESSION = 0.03
# The points of one foot err together: all of them are worth half as many.
INDEPENDENT_POINTS = 0.5

# Of people right under the camera, who are nearer horizontally, the floor says little.
MIN_AHEAD_M = 0.3

# How wrong the model is about the angle, in radians, that a body leans towards the camera.
PITCH_STD = math.radians(8.0)
# How far the hips of a person who stands or walks are from above the feet, towards the camera or away.
BALANCE_STD_M = 0.10
# Nobody is half or twice as tall as the mean person: then it is not the floor that they stand on.
MAX_LOG_FACTOR = math.log(2.0)
# A foot whose fellow is not seen may be in the air.
ONE_FOOT_STD = 0.05


UNIT_TOLERANCE = 1e-3


@dataclass(frozen=True)
class Floor:
    """The plane that people stand on, as a camera sees it.

    Attributes:
        up: (3,), the unit vector upwards in the optical frame.
        height_m: how high the camera is: a point p is ``up @ p + height_m`` above the floor.
        tilt_std: how wrong the direction may be, one standard deviation in radians.
        height_std_m: how wrong the height may be.

    Raises:
        ValueError: the camera is not above the floor, or the direction is no unit vector.
    """

    up: NDArray[np.float64]
    height_m: float
    tilt_std: float = math.radians(0.5)
    height_std_m: float = 0.02

    def __post_init__(self) -> None:
        if not (self.height_m > 0.0 and math.isfinite(self.height_m)):
            raise ValueError(f"the camera is {self.height_m:.2f} m above the floor: it has to be above it")
        if not abs(float(np.linalg.norm(self.up)) - 1.0) < UNIT_TOLERANCE:
            raise ValueError(f"the direction upwards is {self.up}, not a unit vector")

    @classmethod
    def under_camera(
        cls, height_m: float, tilt_deg: float, tilt_std: float = tilt_std, height_std_m: float = height_std_m
    ) -> Floor:
        """Return the floor under a camera that is level from side to side.

        Args:
            height_m: how high the camera is.
            tilt_deg: how far it looks down.
            tilt_std: how wrong that may be, in radians.
            height_std_m: how wrong the height may be.
        """
        tilt = math.radians(tilt_deg)
        return cls(np.array([0.0, -math.cos(tilt), -math.sin(tilt)]), height_m, tilt_std, height_std_m)


@dataclass(frozen=True)
class FloorRange:
    """What the floor says about the distance of a body.

    Attributes:
        log_range: the logarithm of the distance of the hip center in meters.
        log_std: one standard deviation of it in one image.
        constant_std: one standard deviation of what is the same in every image: tilt and height.
    """

    log_range: float
    log_std: float
    constant_std: float


def range_from_floor(
    fit: TranslationFit, world: NDArray, floor: Floor, depth_std_m: float, stature_m: float
) -> FloorRange | None:
    """Return how far away the hip center is if the lower foot is on the floor.

    Two opinions, weighted by their variances: the body has to be moved along its rays until the foot
    is on the floor, which suffers from the model's error in pitch; and the hips are above the feet,
    which does not, but people are not always balanced.

    Args:
        fit: where the body is if it has the size that the model gives it.
        world: (33, 3), meters, the landmarks from the hip center, optical axes.
        floor: where the floor is.
        depth_std_m: how wrong the depth of a landmark is, one standard deviation.
        stature_m: how tall the person is: a tall person's ankles are higher.

    Returns:
        The distance, or None where no foot is seen that could be on the floor.
    """
    scene = _Scene.of(fit, floor, depth_std_m)
    if scene.hips_ahead_m < MIN_AHEAD_M:
        return None
    feet = [foot for points in _FEET if (foot := _foot(points, fit, world, scene, stature_m)) is not None]
    if not feet:
        return None
    feet.sort(key=lambda foot: foot.log_factor)
    lower, other = feet[0], feet[-1]
    # Nobody's foot is below the floor: the lower one stands, the other too if it is as low.
    difference = other.log_factor - lower.log_factor
    variance = 2.0 * (depth_std_m / lower.depth_m) ** 2 + lower.variance + other.variance
    share = 0.5 * math.exp(-0.5 * difference**2 / variance)
    by_pitch = (1.0 - share) * lower.log_factor + share * other.log_factor
    pitch_variance = (1.0 - share) * lower.variance_by_pitch + share * other.variance_by_pitch
    ahead_m = (1.0 - share) * lower.ahead_m + share * other.ahead_m
    if ahead_m < MIN_AHEAD_M:
        return None
    by_balance = math.log(ahead_m / scene.hips_ahead_m)
    balance_variance = (
        (1.0 - share) * lower.variance + share * other.variance + (BALANCE_STD_M / ahead_m) ** 2
    )
    information = 1.0 / pitch_variance + 1.0 / balance_variance
    log_factor = (by_pitch / pitch_variance + by_balance / balance_variance) / information
    if abs(log_factor) > MAX_LOG_FACTOR:
        return None
    log_variance = 1.0 / information + (ONE_FOOT_STD**2 if len(feet) == 1 else 0.0)
    constant_std = math.hypot(lower.cotangent * floor.tilt_std, floor.height_std_m / floor.height_m)
    return FloorRange(scene.log_range + log_factor, math.sqrt(log_variance), constant_std)


class _Scene(NamedTuple):
    """A body and the floor, as plain numbers, which take less time than arrays of three.

    Attributes:
        up: upwards in the optical frame.
        height_m: how high the camera is.
        ahead: the horizontal unit vector towards the hips.
        hips_ahead_m: how far ahead they are.
        hips_depth_m: how far away along the optical axis.
        log_range: the logarithm of their distance.
        depth_std_m: how wrong the depth of a landmark is.
    """

    up: tuple[float, float, float]
    height_m: float
    ahead: tuple[float, float, float]
    hips_ahead_m: float
    hips_depth_m: float
    log_range: float
    depth_std_m: float

    @classmethod
    def of(cls, fit: TranslationFit, floor: Floor, depth_std_m: float) -> _Scene:
        x, y, z = fit.position.tolist()
        up_x, up_y, up_z = floor.up.tolist()
        rise = x * up_x + y * up_y + z * up_z
        ahead = (x - rise * up_x, y - rise * up_y, z - rise * up_z)
        ahead_m = math.hypot(*ahead)
        unit = (ahead[0] / ahead_m, ahead[1] / ahead_m, ahead[2] / ahead_m) if ahead_m > 0.0 else (0.0,) * 3
        log_range = math.log(math.hypot(x, y, z))
        return cls((up_x, up_y, up_z), floor.height_m, unit, ahead_m, z, log_range, depth_std_m)


class _Foot(NamedTuple):
    """A foot, if it is on the floor.

    Attributes:
        log_factor: the logarithm of the factor by which the body is further away than the fit says.
        variance: of the logarithm of the foot's distance.
        variance_by_pitch: of the factor.
        depth_m: the foot's along the optical axis.
        ahead_m: how far ahead of the camera it is, horizontally.
        cotangent: of the angle by which its ray goes down.
    """

    log_factor: float
    variance: float
    variance_by_pitch: float
    depth_m: float
    ahead_m: float
    cotangent: float


def _foot(
    points: dict[Landmark, float], fit: TranslationFit, world: NDArray, scene: _Scene, stature_m: float
) -> _Foot | None:
    """Return what the points of a foot say, means by their inverse variances; None where too few do."""
    (up_x, up_y, up_z), (ahead_x, ahead_y, ahead_z) = scene.up, scene.ahead
    sums, count = [0.0] * 6, 0
    for landmark, above in points.items():
        if not fit.usable[landmark]:
            continue
        x, y = fit.rays[landmark].tolist()
        length = math.sqrt(x * x + y * y + 1.0)
        down = -(up_x * x + up_y * y + up_z)
        sine = down / length
        drop_m = scene.height_m - above * stature_m
        if sine < MIN_DEPRESSION or drop_m <= 0.0:
            continue
        depth_m = drop_m / down
        cotangent = math.sqrt(1.0 - min(sine, 1.0) ** 2) / sine
        variance = (FOOT_ACROSS_STD_M / (depth_m * length) * cotangent) ** 2
        variance += (ABOVE_FLOOR_STD_M / scene.height_m) ** 2
        across_m, down_m, behind_m = world[landmark].tolist()
        numbers = (
            1.0,
            math.log(depth_m / (scene.hips_depth_m + behind_m)),
            depth_m,
            depth_m * (ahead_x * x + ahead_y * y + ahead_z),
            cotangent,
            math.sqrt(across_m**2 + down_m**2 + behind_m**2),
        )
        sums = [total + number / variance for total, number in zip(sums, numbers, strict=True)]
        count += 1
    if count < MIN_POINTS:
        return None
    log_factor, depth_m, ahead_m, cotangent, leg_m = (total / sums[0] for total in sums[1:])
    variance = 1.0 / (INDEPENDENT_POINTS * sums[0])
    by_pitch = variance + (scene.depth_std_m**2 + (leg_m * PITCH_STD) ** 2) / depth_m**2
    return _Foot(log_factor, variance, by_pitch, depth_m, ahead_m, cotangent)
