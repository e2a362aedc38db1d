# SPDX-License-Identifier: Apache-2.0
"""Which way a body faces: REP-155's axes from the torso's landmarks."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from blazepose_ros.core.landmarks import Landmark

# How wrong a landmark of the torso is, one standard deviation in meters, across the image and in
# depth, which no pixel shows: that of all models, which ``placement.bone_length_range`` tells apart.
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

# In the axes of the landmarks: a handful of numbers is worked on in less time than an array of them.
_Vector = tuple[float, float, float]
_Points = Sequence[Sequence[float]]

TOWARDS_THE_CAMERA: _Vector = (0.0, 0.0, -1.0)
TO_THE_IMAGES_TOP: _Vector = (0.0, -1.0, 0.0)

_Pair = tuple[Landmark, Landmark]
_HIPS = (Landmark.LEFT_HIP, Landmark.RIGHT_HIP)
_SHOULDERS = (Landmark.LEFT_SHOULDER, Landmark.RIGHT_SHOULDER)
_LEFT_SIDE = (Landmark.LEFT_HIP, Landmark.LEFT_SHOULDER)
_RIGHT_SIDE = (Landmark.RIGHT_HIP, Landmark.RIGHT_SHOULDER)
_EARS = (Landmark.LEFT_EAR, Landmark.RIGHT_EAR)
_KNEES = (Landmark.LEFT_KNEE, Landmark.RIGHT_KNEE)
_ANKLES = (Landmark.LEFT_ANKLE, Landmark.RIGHT_ANKLE)
_HEELS = (Landmark.LEFT_HEEL, Landmark.RIGHT_HEEL)
_TOES = (Landmark.LEFT_FOOT_INDEX, Landmark.RIGHT_FOOT_INDEX)

_VARIANCES_M2 = np.array([ACROSS_STD_M, ACROSS_STD_M, DEPTH_STD_M]) ** 2


def body_axes(world: NDArray) -> NDArray[np.float64] | None:
    """Return the body's axes in the axes of the landmarks.

    x points forward out of the body, y to the person's left, z from the hips to the head.

    The torso alone decides, as long as it is seen with a width. Where its two sides coincide or
    its two lines contradict each other, as they do from the side, the feet take over, from heel
    to toe; where these say nothing either, the bend of the knees, and last of all the person
    faces the camera. Where the shoulders are at the hips, upwards is from the hips to the ears,
    from the ankles to the hips, or to the image's top.

    Args:
        world: (33, 3) landmarks in meters, optical axes.

    Returns:
        A rotation matrix, (3, 3), whose columns are x, y and z, or None where landmarks of
        the torso are missing.
    """
    axes = _axes(np.asarray(world).tolist())
    return None if axes is None else np.array(axes).T


def body_axes_covariance(world: NDArray) -> NDArray[np.float64]:
    """Return how uncertain the axes are: the covariance of small rotations, (3, 3).

    They are about the axes of the landmarks, in square radians, as in
    ``geometry_msgs/PoseWithCovariance``. The landmarks of the torso are taken to err
    independently of each other, most of all in depth.

    Args:
        world: (33, 3) landmarks in meters, optical axes.
    """
    points = np.asarray(world).tolist()
    axes = _axes(points)
    if axes is None:
        return UNKNOWN_ANGLE * np.eye(3)
    x, _, z = map(np.array, axes)
    trunk, width = _torso(points)
    # An error e of the trunk, the difference of two means of two, turns it by z x e / length.
    tilt = _cross_matrix(axes[2]) / _at_least(NO_EXTENT_M, trunk)
    # An error of the width, the sum of four landmarks, turns it about the trunk.
    twist = 4.0 * (x * x) @ _VARIANCES_M2 / _at_least(NO_EXTENT_M, _across(width, axes[2])) ** 2
    covariance = (tilt * _VARIANCES_M2) @ tilt.T + z[:, None] * (twist * z)
    if covariance.trace() <= UNKNOWN_ANGLE:  # it exceeds every variance
        return covariance
    variances, about = np.linalg.eigh(covariance)
    return (about * np.minimum(variances, UNKNOWN_ANGLE)) @ about.T


def _axes(points: _Points) -> tuple[_Vector, _Vector, _Vector] | None:
    """Return x, y and z of a body, or None where landmarks of its torso are missing."""
    if not all(math.isfinite(number) for landmark in (*_HIPS, *_SHOULDERS) for number in points[landmark]):
        return None
    z = _first_direction(_upwards(points))
    y = _leftwards(points, z)
    return _cross(y, z), y, z


def _torso(points: _Points) -> tuple[_Vector, _Vector]:
    """Return the vectors from the hips to the shoulders and, twice as long, from right to left."""
    right_to_left = _between(points, _RIGHT_SIDE, _LEFT_SIDE)
    return _between(points, _HIPS, _SHOULDERS), _scaled(2.0, right_to_left)


def _upwards(points: _Points) -> Iterator[_Vector]:
    """Yield what points upwards in the body, the most reliable first."""
    yield _between(points, _HIPS, _SHOULDERS)
    yield _between(points, _HIPS, _EARS)
    yield _between(points, _ANKLES, _HIPS)
    yield TO_THE_IMAGES_TOP


def _forwards(points: _Points) -> Iterator[_Vector]:
    """Yield what points forwards in the body, apart from its torso, the most reliable first."""
    yield _between(points, _HEELS, _TOES)
    yield _sum(_between(points, _HIPS, _KNEES), _between(points, _ANKLES, _KNEES))
    yield TOWARDS_THE_CAMERA
    yield TO_THE_IMAGES_TOP


def _leftwards(points: _Points, z: _Vector) -> _Vector:
    """Return the unit vector to the person's left at right angles to z."""
    trunk, width = _torso(points)
    across = _across(width, z)
    share = min(1.0, _length(across) / _at_least(MIN_EXTENT_M, _scaled(CLEAR_WIDTH, trunk)))
    if share == 1.0:
        return _unit(across)
    by_limbs = _first_direction(_cross(z, forwards) for forwards in _forwards(points))
    by_torso = _first_direction((across, by_limbs))
    return _first_direction((_sum(_scaled(share, by_torso), _scaled(1.0 - share, by_limbs)), by_torso))


def _between(points: _Points, start: _Pair, end: _Pair) -> _Vector:
    """Return the vector from the middle of two landmarks to that of two others."""
    x, y, z = zip(*(points[landmark] for landmark in (*start, *end)), strict=True)
    return _from_to(*x), _from_to(*y), _from_to(*z)


def _from_to(start: float, other_start: float, end: float, other_end: float) -> float:
    return (end + other_end - start - other_start) / 2.0


def _across(vector: _Vector, z: _Vector) -> _Vector:
    """Return what of a vector is at right angles to z."""
    along = sum(a * b for a, b in zip(vector, z, strict=True))
    return _sum(vector, _scaled(-along, z))


def _sum(vector: _Vector, other: _Vector) -> _Vector:
    return vector[0] + other[0], vector[1] + other[1], vector[2] + other[2]


def _scaled(factor: float, vector: _Vector) -> _Vector:
    return factor * vector[0], factor * vector[1], factor * vector[2]


def _cross(vector: _Vector, other: _Vector) -> _Vector:
    (a, b, c), (x, y, z) = vector, other
    return b * z - c * y, c * x - a * z, a * y - b * x


def _cross_matrix(vector: _Vector) -> NDArray[np.float64]:
    """Return the matrix that takes the cross product with a vector, (3, 3)."""
    x, y, z = vector
    return np.array([[0.0, -z, y], [z, 0.0, -x], [-y, x, 0.0]])


def _at_least(least: float, vector: _Vector) -> float:
    return max(least, _length(vector))


def _first_direction(vectors: Iterable[_Vector]) -> _Vector:
    """Return the direction of the first vector that has one."""
    return next(_unit(vector) for vector in vectors if _length(vector) > MIN_EXTENT_M)


def _unit(vector: _Vector) -> _Vector:
    return _scaled(1.0 / _length(vector), vector)


def _length(vector: _Vector) -> float:
    return math.hypot(*vector)
