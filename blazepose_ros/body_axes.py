"""Which way a body faces: REP-155's axes from the torso's landmarks."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from blazepose_ros.landmarks import Landmark

# How wrong a landmark of the torso is, one standard deviation in metres, across the image and in
# depth, which no pixel shows. See ``blazepose_ros.placement.bones``.
ACROSS_STD_M = 0.03
DEPTH_STD_M = 0.06

# The variance of an angle of which nothing is known, in square radians.
UNKNOWN_ANGLE = np.pi**2 / 3

# A torso shorter or narrower than this has no direction to speak of.
MIN_EXTENT_M = 0.02


def body_axes(world: NDArray) -> NDArray[np.float64] | None:
    """Return the body's axes in the axes of the landmarks.

    x points forward out of the body, y to the person's left, z from the hips to the head.

    Args:
        world: (33, 3) landmarks in metres.

    Returns:
        A rotation matrix, (3, 3), whose columns are x, y and z, or None for a torso that
        has collapsed into a point or a line.
    """
    upwards, leftwards = _torso(world)
    z = _unit(upwards)
    if z is None:
        return None
    y = _unit(leftwards - (leftwards @ z) * z)
    if y is None:
        return None
    return np.column_stack((np.cross(y, z), y, z))


def body_axes_covariance(world: NDArray) -> NDArray[np.float64]:
    """Return how uncertain the axes are: the covariance of small rotations, (3, 3).

    They are about the axes of the landmarks, in square radians, as in
    ``geometry_msgs/PoseWithCovariance``. The landmarks of the torso are taken to err
    independently of each other, most of all in depth.

    Args:
        world: (33, 3) landmarks in metres, optical axes.
    """
    axes = body_axes(world)
    if axes is None:
        return UNKNOWN_ANGLE * np.eye(3)
    x, _, z = axes.T
    upwards, leftwards = _torso(world)
    width_m = np.linalg.norm(leftwards - (leftwards @ z) * z)
    landmark = np.diag([ACROSS_STD_M, ACROSS_STD_M, DEPTH_STD_M]) ** 2
    # An error e of the trunk, the difference of two means of two, turns it by z x e / length.
    tilt = _cross_matrix(z) / np.linalg.norm(upwards)
    # An error of the width, the sum of four landmarks, turns it about the trunk.
    twist = np.outer(z, x) / width_m
    covariance = tilt @ landmark @ tilt.T + twist @ (4.0 * landmark) @ twist.T
    return covariance * min(1.0, float(UNKNOWN_ANGLE / np.linalg.eigvalsh(covariance)[-1]))


def _torso(world: NDArray) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the vectors from the hips to the shoulders and, twice as long, from right to left."""
    points = np.asarray(world, np.float64)
    hips = points[[Landmark.LEFT_HIP, Landmark.RIGHT_HIP]]
    shoulders = points[[Landmark.LEFT_SHOULDER, Landmark.RIGHT_SHOULDER]]
    upwards = shoulders.mean(axis=0) - hips.mean(axis=0)
    return upwards, (hips[0] - hips[1]) + (shoulders[0] - shoulders[1])


def _cross_matrix(vector: NDArray) -> NDArray[np.float64]:
    """Return the matrix that takes the cross product with a vector, (3, 3)."""
    x, y, z = vector
    return np.array([[0.0, -z, y], [z, 0.0, -x], [-y, x, 0.0]])


def _unit(vector: NDArray) -> NDArray[np.float64] | None:
    length = np.linalg.norm(vector)
    return vector / length if length > MIN_EXTENT_M else None
