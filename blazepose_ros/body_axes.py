"""Which way a body faces: REP-155's axes from the torso's landmarks."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator

import numpy as np
from numpy.typing import NDArray

from blazepose_ros.landmarks import Landmark

# How wrong a landmark of the torso is, one standard deviation in metres, across the image and in
# depth, which no pixel shows: that of all models, which ``blazepose_ros.placement.bones`` tells apart.
ACROSS_STD_M = 0.03
DEPTH_STD_M = 0.06

# The variance of an angle of which nothing is known, in square radians.
UNKNOWN_ANGLE = np.pi**2 / 3

# Shorter than this, an error of a vector turns it anywhere.
NO_EXTENT_M = 1e-3

# Shorter than this, a vector has no direction to speak of.
MIN_EXTENT_M = 0.02

# The lines of the shoulders and of the hips together are 1.1 to 1.2 times as long as the trunk
# (de Leva 1996). Below this share of the trunk the model does not tell the two sides apart, and
# what the feet say counts the more, the narrower the torso looks.
CLEAR_WIDTH = 0.8

TOWARDS_THE_CAMERA = np.array([0.0, 0.0, -1.0])
TO_THE_IMAGES_TOP = np.array([0.0, -1.0, 0.0])

_Pair = tuple[Landmark, Landmark]
_HIPS = (Landmark.LEFT_HIP, Landmark.RIGHT_HIP)
_SHOULDERS = (Landmark.LEFT_SHOULDER, Landmark.RIGHT_SHOULDER)
_EARS = (Landmark.LEFT_EAR, Landmark.RIGHT_EAR)
_KNEES = (Landmark.LEFT_KNEE, Landmark.RIGHT_KNEE)
_ANKLES = (Landmark.LEFT_ANKLE, Landmark.RIGHT_ANKLE)
_HEELS = (Landmark.LEFT_HEEL, Landmark.RIGHT_HEEL)
_TOES = (Landmark.LEFT_FOOT_INDEX, Landmark.RIGHT_FOOT_INDEX)


def body_axes(world: NDArray) -> NDArray[np.float64] | None:
    """Return the body's axes in the axes of the landmarks.

    x points forward out of the body, y to the person's left, z from the hips to the head.

    The torso alone decides, as long as it is seen with a width. Where its two sides coincide or
    its two lines contradict each other, as they do from the side, the feet take over, from heel
    to toe; where these say nothing either, the bend of the knees, and last of all the person
    faces the camera. Where the shoulders are at the hips, upwards is from the hips to the ears,
    from the ankles to the hips, or to the image's top.

    Args:
        world: (33, 3) landmarks in metres, optical axes.

    Returns:
        A rotation matrix, (3, 3), whose columns are x, y and z, or None where landmarks of
        the torso are missing.
    """
    points = np.asarray(world, np.float64)
    if not np.isfinite(points[[*_HIPS, *_SHOULDERS]]).all():
        return None
    z = _first_direction(_upwards(points))
    y = _leftwards(points, z)
    return np.column_stack((_cross_matrix(y) @ z, y, z))


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
    trunk, width = _torso(np.asarray(world, np.float64))
    landmark = np.diag([ACROSS_STD_M, ACROSS_STD_M, DEPTH_STD_M]) ** 2
    # An error e of the trunk, the difference of two means of two, turns it by z x e / length.
    tilt = _cross_matrix(z) / _at_least(NO_EXTENT_M, trunk)
    # An error of the width, the sum of four landmarks, turns it about the trunk.
    twist = np.outer(z, x) / _at_least(NO_EXTENT_M, _across(width, z))
    covariance = tilt @ landmark @ tilt.T + twist @ (4.0 * landmark) @ twist.T
    if np.trace(covariance) <= UNKNOWN_ANGLE:  # it exceeds every variance
        return covariance
    variances, about = np.linalg.eigh(covariance)
    return (about * np.minimum(variances, UNKNOWN_ANGLE)) @ about.T


def _torso(points: NDArray) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the vectors from the hips to the shoulders and, twice as long, from right to left."""
    hips, shoulders = points[list(_HIPS)], points[list(_SHOULDERS)]
    return _between(points, _HIPS, _SHOULDERS), (hips[0] - hips[1]) + (shoulders[0] - shoulders[1])


def _upwards(points: NDArray) -> Iterator[NDArray]:
    """Yield what points upwards in the body, the most reliable first."""
    yield _between(points, _HIPS, _SHOULDERS)
    yield _between(points, _HIPS, _EARS)
    yield _between(points, _ANKLES, _HIPS)
    yield TO_THE_IMAGES_TOP


def _forwards(points: NDArray) -> Iterator[NDArray]:
    """Yield what points forwards in the body, apart from its torso, the most reliable first."""
    yield _between(points, _HEELS, _TOES)
    yield _between(points, _HIPS, _KNEES) + _between(points, _ANKLES, _KNEES)
    yield TOWARDS_THE_CAMERA
    yield TO_THE_IMAGES_TOP


def _leftwards(points: NDArray, z: NDArray) -> NDArray[np.float64]:
    """Return the unit vector to the person's left, (3,), at right angles to z."""
    trunk, width = _torso(points)
    across = _across(width, z)
    share = min(1.0, _length(across) / _at_least(MIN_EXTENT_M, CLEAR_WIDTH * trunk))
    if share == 1.0:
        return _unit(across)
    by_limbs = _first_direction(_cross_matrix(z) @ forwards for forwards in _forwards(points))
    by_torso = _first_direction((across, by_limbs))
    return _first_direction((share * by_torso + (1.0 - share) * by_limbs, by_torso))


def _between(points: NDArray, start: _Pair, end: _Pair) -> NDArray[np.float64]:
    """Return the vector from the middle of two landmarks to that of two others."""
    return (points[end[0]] + points[end[1]] - points[start[0]] - points[start[1]]) / 2.0


def _across(vector: NDArray, z: NDArray) -> NDArray[np.float64]:
    """Return what of a vector is at right angles to z."""
    return vector - (vector @ z) * z


def _cross_matrix(vector: NDArray) -> NDArray[np.float64]:
    """Return the matrix that takes the cross product with a vector, (3, 3)."""
    x, y, z = vector
    return np.array([[0.0, -z, y], [z, 0.0, -x], [-y, x, 0.0]])


def _at_least(least: float, vector: NDArray) -> float:
    return max(least, _length(vector))


def _first_direction(vectors: Iterable[NDArray]) -> NDArray[np.float64]:
    """Return the direction of the first vector that has one."""
    return next(_unit(vector) for vector in vectors if _length(vector) > MIN_EXTENT_M)


def _unit(vector: NDArray) -> NDArray[np.float64]:
    return vector / _length(vector)


def _length(vector: NDArray) -> float:
    return math.sqrt(float(vector @ vector))
