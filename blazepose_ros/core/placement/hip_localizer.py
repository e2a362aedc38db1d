# SPDX-License-Identifier: Apache-2.0
"""Where a person's hip center is in the camera's frame, from image to image."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from blazepose_ros.core.camera_model import CameraModel
from blazepose_ros.core.landmarks import Landmark
from blazepose_ros.core.placement.bone_length_range import DEPTH_STD_M, MEAN_STATURE_M, range_from_bones
from blazepose_ros.core.placement.depth_range import DepthImage, DepthRange, range_from_depth
from blazepose_ros.core.placement.floor_range import Floor, FloorRange, range_from_floor
from blazepose_ros.core.placement.landmark_rays import onto_rays, trust_in
from blazepose_ros.core.placement.range_filter import (
    MAX_GAP_S,
    RangeEstimate,
    RangeFilter,
    RangeMeasurement,
)
from blazepose_ros.core.placement.translation_fit import (
    TranslationFit,
    fit_translation,
    rotate_to_optical_axes,
)
from blazepose_ros.core.timestamps import NS_PER_S
from blazepose_ros.core.types import HipCenter, ModelComplexity, Placement, Pose

# Hips hide: people who label them on photographs differ by 3 cm for the middle of both along an axis
# (COCO's keypoint evaluation). Seen by four cameras, the models' are off by 1.4 to 3.1 cm across the
# viewing ray; what the landmarks scatter comes on top of this.
HIP_ALONG_STD_M = 0.02

# An assumed field of view of 60 degrees stands for cameras of some 45 to 80 degrees.
ASSUMED_FOCAL_STD = 0.3

# The rate of the bearing is a mean over about this time; what it makes of the velocity across the viewing
# ray was off by so much for a walker who was measured, along an axis, at 3 to 4 m.
BEARING_RATE_S = 0.2
VELOCITY_ACROSS_STD_M_S = 0.15

# How wrong the place of a landmark is: across its viewing ray, in meters and as a share of the distance,
# and along it, besides how wrong the hips' distance is.
LANDMARK_ACROSS_STD_M, LANDMARK_ACROSS_SHARE = 0.03, 0.004
LANDMARK_ALONG_STD_M = 0.10
# Hidden landmarks are no worse than so many times a visible one: the model knows bodies.
MIN_VISIBILITY = 0.1

_IDENTITY = np.eye(3)
_ROWS, _COLUMNS = np.triu_indices(3)
_DIAGONAL = [0, 3, 5]


class _BearingRate:
    """How fast the direction of one person turns: a mean over a short time."""

    def __init__(self) -> None:
        self._ray = self._rate = np.full(3, np.nan)
        self._stamp_ns = 0

    def update(self, ray: NDArray, stamp_ns: int) -> NDArray[np.float64]:
        """Return the change of a unit vector per second, (3,); NaN in the first image and after a gap."""
        elapsed_s = (stamp_ns - self._stamp_ns) / NS_PER_S
        if not 0.0 < elapsed_s <= MAX_GAP_S:
            rate = self._rate if elapsed_s == 0.0 else np.full(3, np.nan)
        else:
            rate = (ray - self._ray) / elapsed_s
            if not np.isnan(self._rate[0]):
                rate = self._rate + (rate - self._rate) * (elapsed_s / (elapsed_s + BEARING_RATE_S))
        self._ray, self._rate, self._stamp_ns = ray, rate, stamp_ns
        return rate


class HipLocalizer:
    """Localizes the hips of one person, image after image.

    Attributes:
        height_m: the person's height in meters, 0 where it is not known.
    """

    def __init__(self, height_m: float = 0.0) -> None:
        self.height_m = height_m
        self._filter = RangeFilter(height_m, MEAN_STATURE_M)
        self._bearing_rate = _BearingRate()
        self._stature_is_known = height_m > 0.0

    def place(
        self,
        pose: Pose,
        camera: CameraModel,
        visibility_threshold: float,
        stamp_ns: int,
        depth: DepthImage | None = None,
        model: ModelComplexity = ModelComplexity.FULL,
        floor: Floor | None = None,
    ) -> Pose:
        """Return the pose with its hip center, without one where too little of the body is seen to tell.

        The bearing is the image's own, the distance filtered over time. The covariance adds
        up the scatter of the landmarks, the uncertainty of where hips are, the unknown
        sizes (along the ray) and, for an assumed camera, the focal length.

        With a calibrated camera the world landmarks get its axes and the person's size, and lie near the
        rays on which they are seen, so that ``hip_center.position + world`` is where they are.

        Args:
            pose: the landmarks as the model describes them.
            camera: the camera at the size of the image that the pose was found in.
            visibility_threshold: landmarks below it say nothing about the place.
            stamp_ns: when the image was taken, not before the one before.
            depth: the depth image taken with it, where there is one.
            model: whose landmarks they are.
            floor: where the floor is under the camera, where that is known.
        """
        turned = rotate_to_optical_axes(pose, camera)
        described = pose if camera.assumed else turned
        fit = fit_translation(turned, camera, visibility_threshold)
        if fit is None:
            return described
        depth_std_m = DEPTH_STD_M[model]
        measured = None if depth is None else range_from_depth(fit, turned.world, depth, camera, pose.mask)
        measurement = _with_depth(_measure(fit, turned.world, depth_std_m), measured, camera)
        if measured is None and floor is not None and not camera.assumed:
            stature_m = MEAN_STATURE_M * math.exp(self._filter.log_stature)
            measurement = _with_floor(
                measurement, range_from_floor(fit, turned.world, floor, depth_std_m, stature_m)
            )
        estimate = self._filter.update(measurement, stamp_ns)
        source = Placement.FLOOR if estimate.stands else Placement.MONO
        if measured is not None:
            source = Placement.DEPTH
        self._stature_is_known |= source is not Placement.MONO
        center = _hip_center(estimate, fit, turned.world, camera, source)
        if camera.assumed:
            return replace(described, hip_center=center)
        sized = turned.world * math.exp(estimate.log_scale)
        trust = trust_in(turned.visibility, visibility_threshold)
        world = onto_rays(sized, center.position, fit, trust, depth_std_m)
        world = world.astype(turned.world.dtype)
        return self._complete(turned, world, self._moving(center, estimate, stamp_ns), estimate)

    def _moving(self, center: HipCenter, estimate: RangeEstimate, stamp_ns: int) -> HipCenter:
        """Return a hip center with its velocity."""
        ray = center.position / estimate.distance_m
        turning = self._bearing_rate.update(ray, stamp_ns)
        along = ray[:, None] * ray
        covariance = (estimate.distance_m * estimate.rate_std) ** 2 * along
        covariance += VELOCITY_ACROSS_STD_M_S**2 * (_IDENTITY - along)
        velocity = estimate.distance_m * (estimate.rate * ray + turning)
        if np.isnan(turning[0]):
            covariance = np.full((3, 3), np.nan)
        return replace(center, velocity=velocity, velocity_covariance=covariance)

    def _complete(self, body: Pose, world: NDArray, center: HipCenter, estimate: RangeEstimate) -> Pose:
        """Return a body with its place, how sure that is, and its stature."""
        stature_m = MEAN_STATURE_M * math.exp(estimate.log_stature) if self._stature_is_known else math.nan
        return replace(
            body,
            world=world,
            hip_center=center,
            landmark_covariances=landmark_covariances(center, world, body.visibility),
            stature_m=stature_m,
            stature_std_m=stature_m * estimate.log_stature_std,
        )


def place_mono(
    pose: Pose, camera: CameraModel, visibility_threshold: float, height_m: float = 0.0
) -> HipCenter | None:
    """Return the hip center from one image alone; see ``HipLocalizer.place``."""
    return HipLocalizer(height_m).place(pose, camera, visibility_threshold, stamp_ns=0).hip_center


def landmark_covariances(center: HipCenter, world: NDArray, visibility: NDArray) -> NDArray[np.float32]:
    """Return the covariance of each landmark's place in space, (33, 6), upper triangles.

    Pixels tell where a landmark is across its viewing ray, the model how far it is along it.

    Args:
        center: where the hips are.
        world: (33, 3), meters, the landmarks from the hip center, optical axes.
        visibility: (33,), 0 to 1; what is hidden is less certain.
    """
    places = world + center.position
    squares = np.add.reduce(places * places, axis=1)
    ray = center.position / _length(center.position)
    across = LANDMARK_ACROSS_STD_M**2 + LANDMARK_ACROSS_SHARE**2 * squares
    along = LANDMARK_ALONG_STD_M**2 + float(ray @ center.covariance @ ray)
    triangles = places[:, _ROWS] * places[:, _COLUMNS] * ((along - across) / squares)[:, None]
    triangles[:, _DIAGONAL] += across[:, None]
    return (triangles / np.maximum(visibility, MIN_VISIBILITY)[:, None]).astype(np.float32)


def _hip_center(
    estimate: RangeEstimate, fit: TranslationFit, world: NDArray, camera: CameraModel, source: Placement
) -> HipCenter:
    ray = _bearing(fit, world)
    position = estimate.distance_m * ray
    along = ray[:, None] * ray
    covariance = _across(fit, along, estimate.distance_m) + HIP_ALONG_STD_M**2 * _IDENTITY
    covariance += (estimate.log_std * estimate.distance_m) ** 2 * along
    if camera.assumed:
        covariance += _of_the_focal_length(position, depth_is_measured=source is Placement.DEPTH)
    return HipCenter(position, covariance, source)


def _measure(fit: TranslationFit, world: NDArray, depth_std_m: float) -> RangeMeasurement:
    distance_m = _length(fit.position)
    ray = fit.position / distance_m
    log_range, log_std = math.log(distance_m), math.sqrt(ray @ fit.scatter @ ray) / distance_m
    bones = range_from_bones(fit, world, depth_std_m)
    if bones is None:
        return RangeMeasurement(log_range, log_std)
    return RangeMeasurement(log_range, log_std, log_range + bones.log_factor, bones.log_std)


def _with_depth(
    measurement: RangeMeasurement, depth: DepthRange | None, camera: CameraModel
) -> RangeMeasurement:
    """Return a measurement to which a depth image has contributed."""
    if depth is None:
        return measurement
    unknown_std = ASSUMED_FOCAL_STD if camera.assumed else 0.0
    return replace(
        measurement,
        log_std=math.hypot(measurement.log_std, unknown_std),
        bones_log_std=math.hypot(measurement.bones_log_std, unknown_std),
        depth_log_range=depth.log_range,
        depth_log_std=depth.log_std,
    )


def _with_floor(measurement: RangeMeasurement, floor: FloorRange | None) -> RangeMeasurement:
    """Return a measurement to which the floor has contributed."""
    if floor is None:
        return measurement
    return replace(
        measurement,
        floor_log_range=floor.log_range,
        floor_log_std=floor.log_std,
        floor_constant_std=floor.constant_std,
    )


def _of_the_focal_length(position: NDArray, *, depth_is_measured: bool) -> NDArray[np.float64]:
    """Return what an unknown focal length adds to the covariance, (3, 3).

    From the color image alone it scales the depth, from a measured depth what is across it.
    """
    scaled = position * ((1, 1, 0) if depth_is_measured else (0, 0, 1))
    return (ASSUMED_FOCAL_STD * scaled) ** 2 * _IDENTITY


def _bearing(fit: TranslationFit, world: NDArray) -> NDArray[np.float64]:
    """Return the unit vector towards the hip center, (3,).

    Where both hips are seen it is halfway between what they say and what the whole body says:
    the one knows nothing of the shape of the body, the other evens out the landmarks' errors.
    """
    position = fit.position
    left, right = Landmark.LEFT_HIP, Landmark.RIGHT_HIP
    if fit.usable[left] and fit.usable[right]:
        seen = (_seen_at(fit, left, world) + _seen_at(fit, right, world)) / 2.0
        position = (position + seen) / 2.0
    return position / _length(position)


def _seen_at(fit: TranslationFit, landmark: Landmark, world: NDArray) -> NDArray[np.float64]:
    """Return where a landmark is on its ray, (3,), at the depth that it has by the fit."""
    x, y = fit.rays[landmark].tolist()
    return np.array([x, y, 1.0]) * (fit.position[2] + world[landmark, 2])


def _across(fit: TranslationFit, along: NDArray, distance_m: float) -> NDArray[np.float64]:
    """Return the scatter across the viewing ray at a distance, (3, 3), square meters.

    Args:
        fit: the scatter at the distance of the fit.
        along: (3, 3), the ray's outer product with itself.
        distance_m: in meters.
    """
    across = _IDENTITY - along
    return (distance_m / _length(fit.position)) ** 2 * across @ fit.scatter @ across


def _length(vector: NDArray) -> float:
    return math.hypot(*vector.tolist())
