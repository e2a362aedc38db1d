"""Which way a body faces: REP-155's axes from the torso's landmarks."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from blazepose_ros.landmarks import Landmark

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
    points = np.asarray(world, np.float64)
    hips = points[[Landmark.LEFT_HIP, Landmark.RIGHT_HIP]]
    shoulders = points[[Landmark.LEFT_SHOULDER, Landmark.RIGHT_SHOULDER]]
    z = _unit(shoulders.mean(axis=0) - hips.mean(axis=0))
    if z is None:
        return None
    leftwards = (hips[0] - hips[1]) + (shoulders[0] - shoulders[1])
    y = _unit(leftwards - (leftwards @ z) * z)
    if y is None:
        return None
    return np.column_stack((np.cross(y, z), y, z))


def _unit(vector: NDArray) -> NDArray[np.float64] | None:
    length = np.linalg.norm(vector)
    return vector / length if length > MIN_EXTENT_M else None
