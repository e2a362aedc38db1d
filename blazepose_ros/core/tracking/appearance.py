# SPDX-License-Identifier: Apache-2.0
"""The colors of a person's clothes: a cheap measure that tells crossing people apart."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from blazepose_ros.core.landmarks import Landmark
from blazepose_ros.core.tracking.body_scale import middle
from blazepose_ros.core.types import Frame, Pose

# Corners of the parts that are looked at: two on the left, two on the right.
_PARTS = np.array(
    [
        [Landmark.LEFT_SHOULDER, Landmark.LEFT_HIP, Landmark.RIGHT_SHOULDER, Landmark.RIGHT_HIP],
        [Landmark.LEFT_HIP, Landmark.LEFT_KNEE, Landmark.RIGHT_HIP, Landmark.RIGHT_KNEE],
    ]
)
# Each part is sampled on a grid of so many points a side, its edges left out.
_GRID = np.linspace(0.15, 0.85, 5)
_DOWN, _ACROSS = (axis.ravel() for axis in np.meshgrid(_GRID, _GRID))
_WEIGHTS = np.column_stack(
    [(1 - _ACROSS) * (1 - _DOWN), (1 - _ACROSS) * _DOWN, _ACROSS * (1 - _DOWN), _ACROSS * _DOWN]
)


def appearance_of(pose: Pose, frame: Frame) -> NDArray[np.float64]:
    """Return the median colors of trunk and thighs, (2, 3), 0 to 1; NaN for what is outside of the image."""
    colors = [_median_color(_WEIGHTS @ corners, frame) for corners in pose.screen[_PARTS, :2]]
    return np.array(colors) / np.iinfo(np.uint8).max


def _median_color(points: NDArray, frame: Frame) -> NDArray:
    """Return the median color at (N, 2) pixels, (3,), 0 to 255; NaN where all are outside of the image."""
    x, y = points.T
    inside = (x >= 0) & (x < frame.width) & (y >= 0) & (y < frame.height)
    columns, rows = points[inside].T.astype(int)
    return middle(frame.rgb[rows, columns]) if len(rows) else np.full(3, np.nan)


def difference(appearance: NDArray, other: NDArray) -> float:
    """Return how different the colors of two people are, 0 to 1; 0 where it cannot be told."""
    apart = np.abs(appearance - other).mean(axis=1)
    return float(np.nanmax(apart)) if np.isfinite(apart).any() else 0.0


def mean_appearance(old: NDArray, new: NDArray, weight: float) -> NDArray[np.float64]:
    """Return colors that have moved from the old to the new by a weight; the known where one is not."""
    mean = (1 - weight) * old + weight * new
    return np.where(np.isfinite(mean), mean, np.where(np.isfinite(old), old, new))
