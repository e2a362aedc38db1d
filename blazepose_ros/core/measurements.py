# SPDX-License-Identifier: Apache-2.0
"""Angles at joints and distances between landmarks, with how uncertain they are."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from blazepose_ros.core.body_frame import ACROSS_STD_M, DEPTH_STD_M
from blazepose_ros.core.body_view import angle_deg
from blazepose_ros.core.landmarks import Landmark
from blazepose_ros.core.placement.hip_localizer import MIN_VISIBILITY
from blazepose_ros.core.types import Placement, Pose, covariance_matrices

STRAIGHT_DEG = 180.0

# The limbs on both sides of a joint: of each side of the body.
_LIMBS = {
    "elbow": ("SHOULDER", "ELBOW", "WRIST"),
    "shoulder": ("ELBOW", "SHOULDER", "HIP"),
    "hip": ("SHOULDER", "HIP", "KNEE"),
    "knee": ("HIP", "KNEE", "ANKLE"),
    "ankle": ("KNEE", "ANKLE", "FOOT_INDEX"),
}
JOINTS: dict[str, tuple[Landmark, ...]] = {
    f"{side}_{joint}": tuple(Landmark[f"{side}_{part}".upper()] for part in parts)
    for side in ("left", "right")
    for joint, parts in _LIMBS.items()
}


@dataclass(frozen=True)
class Measured:
    """What one image says.

    Attributes:
        value: degrees or meters; NaN where a landmark is not seen.
        std: one standard deviation of it.
    """

    value: float
    std: float


UNSEEN = Measured(math.nan, math.nan)


def angle_at(pose: Pose, joint: str, visibility_threshold: float) -> Measured:
    """Return the angle between the limbs at a joint, 180 degrees where it is straight.

    Args:
        pose: the person.
        joint: one of `JOINTS`.
        visibility_threshold: landmarks below it are not seen.
    """
    return _measured(pose, JOINTS[joint], _angle, visibility_threshold, STRAIGHT_DEG)


def distance(pose: Pose, first: Landmark, second: Landmark, visibility_threshold: float) -> Measured:
    """Return the distance between two landmarks in meters.

    Args:
        pose: the person.
        first: a landmark.
        second: another one.
        visibility_threshold: landmarks below it are not seen.
    """
    return _measured(pose, (first, second), _distance, visibility_threshold, math.inf)


def _angle(points: NDArray) -> float:
    return angle_deg(points[0] - points[1], points[2] - points[1])


def _distance(points: NDArray) -> float:
    return math.dist(points[0].tolist(), points[1].tolist())


# Far less than landmarks err, and far more than what numbers are rounded to.
_STEP_M = 1e-4


def _measured(
    pose: Pose,
    landmarks: Sequence[Landmark],
    function: Callable[[NDArray], float],
    visibility_threshold: float,
    most: float,
) -> Measured:
    """Return a function of landmarks, and what their errors, independent of each other, make of it."""
    chosen = list(landmarks)
    points = pose.world[chosen].astype(float)
    if (pose.visibility[chosen] < visibility_threshold).any() or not np.isfinite(points).all():
        return UNSEEN
    value = function(points)
    gradient = np.zeros_like(points)
    for index in np.ndindex(*points.shape):
        moved = points.copy()
        moved[index] += _STEP_M
        gradient[index] = (function(moved) - value) / _STEP_M
    variance = np.einsum("ni,nij,nj->", gradient, _covariances(pose)[chosen], gradient)
    return Measured(value, min(math.sqrt(variance), most))


def _covariances(pose: Pose) -> NDArray[np.float64]:
    """Return the covariances of the landmarks against each other, (33, 3, 3), square meters.

    Those of one camera have an error of the hips' distance in common, which does not count.
    """
    if pose.placement is Placement.FUSED and np.isfinite(pose.landmark_covariances).all():
        return covariance_matrices(pose.landmark_covariances.astype(float))
    ray = np.array([0.0, 0.0, 1.0]) if pose.hip_center is None else pose.hip_center.position
    along = np.outer(ray, ray) / max(float(ray @ ray), np.finfo(float).tiny)
    covariance = ACROSS_STD_M**2 * (np.eye(3) - along) + DEPTH_STD_M**2 * along
    return covariance / np.maximum(np.nan_to_num(pose.visibility, nan=1.0), MIN_VISIBILITY)[:, None, None]
