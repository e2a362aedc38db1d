"""Where the hip centre is in the camera's frame, from one colour image or many."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from blazepose_ros.camera_model import CameraModel
from blazepose_ros.landmarks import Landmark
from blazepose_ros.placement.bones import MEAN_STATURE_M, range_from_bones
from blazepose_ros.placement.range_filter import RangeFilter, RangeMeasurement
from blazepose_ros.placement.translation import TranslationFit, fit_translation
from blazepose_ros.pose import HipCenter, Placement, Pose

# Hips hide: people who label them on photographs differ by 0.107 of the square root of the
# body's area (COCO's keypoint evaluation), 6 cm for one hip and both axes together.
HIP_STD_M = 0.03

# An assumed field of view of 60 degrees stands for cameras of some 45 to 80 degrees.
ASSUMED_FOCAL_STD = 0.3


class MonoPlacer:
    """Places one person, image after image.

    Args:
        height_m: the person's height in metres, 0 where it is not known.
    """

    def __init__(self, height_m: float = 0.0) -> None:
        self._filter = RangeFilter(height_m, MEAN_STATURE_M)

    def place(
        self, pose: Pose, camera: CameraModel, visibility_threshold: float, stamp_ns: int
    ) -> HipCenter | None:
        """Return the hip centre, or None where too little of the body is seen to tell.

        The bearing is the image's own, the distance filtered over time. The covariance adds
        up the scatter of the landmarks, what nobody knows about where hips are, the unknown
        sizes (along the ray) and, for an assumed camera, the focal length (along z).

        Args:
            pose: the landmarks.
            camera: the camera at the size of the image that the pose was found in.
            visibility_threshold: landmarks below it say nothing about the place.
            stamp_ns: when the image was taken, not before the one before.
        """
        fit = fit_translation(pose, camera, visibility_threshold)
        if fit is None:
            return None
        distance_m, log_std = self._filter.update(_measure(fit, pose.world), stamp_ns)
        ray = _bearing(fit, pose.world)
        position = distance_m * ray
        covariance = _across(fit, ray, distance_m) + HIP_STD_M**2 * np.eye(3)
        covariance += (log_std * distance_m) ** 2 * np.outer(ray, ray)
        if camera.assumed:
            covariance[2, 2] += (ASSUMED_FOCAL_STD * position[2]) ** 2
        return HipCenter(position, covariance, Placement.MONO)


def place_mono(
    pose: Pose, camera: CameraModel, visibility_threshold: float, height_m: float = 0.0
) -> HipCenter | None:
    """Return the hip centre from one image alone; see ``MonoPlacer.place``."""
    return MonoPlacer(height_m).place(pose, camera, visibility_threshold, stamp_ns=0)


def _measure(fit: TranslationFit, world: NDArray) -> RangeMeasurement:
    distance_m = float(np.linalg.norm(fit.position))
    ray = fit.position / distance_m
    log_range, log_std = math.log(distance_m), math.sqrt(ray @ fit.scatter @ ray) / distance_m
    bones = range_from_bones(fit, world)
    if bones is None:
        return RangeMeasurement(log_range, log_std)
    return RangeMeasurement(log_range, log_std, log_range + bones.log_factor, bones.log_std)


def _bearing(fit: TranslationFit, world: NDArray) -> NDArray[np.float64]:
    """Return the unit vector towards the hip centre, (3,).

    Where both hips are seen it is halfway between what they say and what the whole body says:
    the one knows nothing of the shape of the body, the other evens out the landmarks' errors.
    """
    position = fit.position
    hips = [Landmark.LEFT_HIP, Landmark.RIGHT_HIP]
    if fit.usable[hips].all():
        depths = fit.position[2] + world[hips, 2]
        seen = (np.column_stack([fit.rays[hips], np.ones(2)]) * depths[:, None]).mean(axis=0)
        position = (position + seen) / 2.0
    return position / np.linalg.norm(position)


def _across(fit: TranslationFit, ray: NDArray, distance_m: float) -> NDArray[np.float64]:
    """Return the scatter across the viewing ray at a distance, (3, 3), square metres."""
    across = np.eye(3) - np.outer(ray, ray)
    return float(distance_m / np.linalg.norm(fit.position)) ** 2 * across @ fit.scatter @ across
