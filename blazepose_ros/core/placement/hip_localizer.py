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
from blazepose_ros.core.placement.range_filter import RangeFilter, RangeMeasurement
from blazepose_ros.core.placement.translation_fit import (
    TranslationFit,
    fit_translation,
    rotate_to_optical_axes,
)
from blazepose_ros.core.types import HipCenter, ModelComplexity, Placement, Pose

# Hips hide: people who label them on photographs differ by 0.107 of the square root of the
# body's area (COCO's keypoint evaluation), 6 cm for one hip and both axes together.
HIP_ALONG_STD_M = 0.03

# An assumed field of view of 60 degrees stands for cameras of some 45 to 80 degrees.
ASSUMED_FOCAL_STD = 0.3

_IDENTITY = np.eye(3)


class HipLocalizer:
    """Localizes the hips of one person, image after image.

    Attributes:
        height_m: the person's height in meters, 0 where it is not known.
    """

    def __init__(self, height_m: float = 0.0) -> None:
        self.height_m = height_m
        self._filter = RangeFilter(height_m, MEAN_STATURE_M)

    def place(
        self,
        pose: Pose,
        camera: CameraModel,
        visibility_threshold: float,
        stamp_ns: int,
        depth: DepthImage | None = None,
        model: ModelComplexity = ModelComplexity.FULL,
    ) -> HipCenter | None:
        """Return the hip center, or None where too little of the body is seen to tell.

        The bearing is the image's own, the distance filtered over time. The covariance adds
        up the scatter of the landmarks, the uncertainty of where hips are, the unknown
        sizes (along the ray) and, for an assumed camera, the focal length.

        Args:
            pose: the landmarks.
            camera: the camera at the size of the image that the pose was found in.
            visibility_threshold: landmarks below it say nothing about the place.
            stamp_ns: when the image was taken, not before the one before.
            depth: the depth image taken with it, where there is one.
            model: whose landmarks they are.
        """
        pose = rotate_to_optical_axes(pose, camera)
        fit = fit_translation(pose, camera, visibility_threshold)
        if fit is None:
            return None
        measured = None if depth is None else range_from_depth(fit, pose.world, depth, camera, pose.mask)
        measurement = _with_depth(_measure(fit, pose.world, DEPTH_STD_M[model]), measured, camera)
        distance_m, log_std = self._filter.update(measurement, stamp_ns)
        ray = _bearing(fit, pose.world)
        position = distance_m * ray
        along = ray[:, None] * ray
        covariance = _across(fit, along, distance_m) + HIP_ALONG_STD_M**2 * _IDENTITY
        covariance += (log_std * distance_m) ** 2 * along
        if camera.assumed:
            covariance += _of_the_focal_length(position, depth_is_measured=measured is not None)
        return HipCenter(position, covariance, Placement.MONO if measured is None else Placement.DEPTH)


def place_mono(
    pose: Pose, camera: CameraModel, visibility_threshold: float, height_m: float = 0.0
) -> HipCenter | None:
    """Return the hip center from one image alone; see ``HipLocalizer.place``."""
    return HipLocalizer(height_m).place(pose, camera, visibility_threshold, stamp_ns=0)


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
