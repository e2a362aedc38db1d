# SPDX-License-Identifier: Apache-2.0
"""Rotations as matrices and as quaternions, and rigid transforms: the pose of one frame in another.

SciPy has all of it, in modules that take longer to import than everything else that the node needs.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

# Quaternions closer than this are as good as on a straight line.
_STRAIGHT = 1.0 - 1e-9


def quaternion_of(matrix: NDArray) -> NDArray[np.float64]:
    """Return a rotation's unit quaternion x, y, z, w, whose largest part is positive.

    Args:
        matrix: (3, 3), a rotation; the largest part is computed first, as no small one is divided by.
    """
    trace = np.trace(matrix)
    largest = int(np.argmax([*np.diagonal(matrix), trace]))
    quaternion = np.empty(4)
    if largest == 3:
        quaternion[:3] = _twist(matrix)
        quaternion[3] = 1 + trace
    else:
        second, third = (largest + 1) % 3, (largest + 2) % 3
        quaternion[largest] = 1 - trace + 2 * matrix[largest, largest]
        quaternion[second] = matrix[second, largest] + matrix[largest, second]
        quaternion[third] = matrix[third, largest] + matrix[largest, third]
        quaternion[3] = matrix[third, second] - matrix[second, third]
    return quaternion / np.linalg.norm(quaternion)


def matrix_of(quaternion: NDArray | Sequence[float]) -> NDArray[np.float64]:
    """Return the (3, 3) matrix of a quaternion x, y, z, w of any length but 0."""
    parts = [float(part) for part in quaternion]
    norm = math.hypot(*parts)
    x, y, z, w = (part / norm for part in parts)
    return np.array(
        [
            [1 - 2 * (y * y + z * z), 2 * (x * y - z * w), 2 * (x * z + y * w)],
            [2 * (x * y + z * w), 1 - 2 * (x * x + z * z), 2 * (y * z - x * w)],
            [2 * (x * z - y * w), 2 * (y * z + x * w), 1 - 2 * (x * x + y * y)],
        ]
    )


def between(first: NDArray, second: NDArray, share: float) -> NDArray[np.float64]:
    """Return the (3, 3) rotation at a share of the way from one to another, the shorter way round.

    K. Shoemake, "Animating rotation with quaternion curves", SIGGRAPH 1985.
    """
    start, end = quaternion_of(first), quaternion_of(second)
    cosine = float(start @ end)
    if cosine < 0:
        end, cosine = -end, -cosine
    if cosine > _STRAIGHT:
        return matrix_of((1 - share) * start + share * end)
    angle_rad = np.arccos(cosine)
    return matrix_of(np.sin((1 - share) * angle_rad) * start + np.sin(share * angle_rad) * end)


def _twist(matrix: NDArray) -> tuple[float, float, float]:
    return matrix[2, 1] - matrix[1, 2], matrix[0, 2] - matrix[2, 0], matrix[1, 0] - matrix[0, 1]


@dataclass(frozen=True)
class Rigid:
    """The pose of a frame in its parent: ``p_parent = rotation @ p + translation``.

    Attributes:
        rotation: (3, 3).
        translation: (3,), meters.
    """

    rotation: NDArray[np.float64]
    translation: NDArray[np.float64]

    def __matmul__(self, other: Rigid) -> Rigid:
        """Return the composition: ``other`` is applied first."""
        return Rigid(self.rotation @ other.rotation, self.rotation @ other.translation + self.translation)

    def inverse(self) -> Rigid:
        """Return the pose of the parent in the frame."""
        return Rigid(self.rotation.T, -self.rotation.T @ self.translation)


IDENTITY = Rigid(np.eye(3), np.zeros(3))


def interpolated(first: Rigid, second: Rigid, share: float) -> Rigid:
    """Return the pose between two, at a share of the way from the first, 0 to 1."""
    rotation = between(first.rotation, second.rotation, share)
    return Rigid(rotation, (1 - share) * first.translation + share * second.translation)
