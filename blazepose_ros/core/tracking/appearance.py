# SPDX-License-Identifier: Apache-2.0
"""How a person looks in an image: how large, how far apart two poses are, and the colors of the clothes.

The colors are a cheap measure that tells crossing people apart.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from blazepose_ros.core.landmarks import NUM_LANDMARKS, Landmark
from blazepose_ros.core.types import Frame, Pose

# What a person's landmarks span, head to toes with room to move: the unit of image distances.
BODY_M = 2.0
# The face is many landmarks close together: it says little about the size of a body.
_LIMBS = slice(Landmark.LEFT_SHOULDER, NUM_LANDMARKS)
# Smaller people are none; it keeps divisions finite.
_MIN_SIZE_PX = 1.0

# The difference of two infinite values is NaN, as is meant: that is no reason for a warning.
infinite_is_unknown = np.errstate(invalid="ignore")


@infinite_is_unknown
def size_px(pose: Pose) -> float:
    """Return what two meters at the person's distance are in pixels, whatever the posture.

    It is the slope of the screen landmarks over the world landmarks (least squares over x and
    y), at least one pixel.
    """
    world = pose.world[_LIMBS, :2].astype(np.float64)
    world -= np.add.reduce(world) / len(world)
    spread = float(np.vdot(world, world))
    slope = float(np.vdot(world, pose.screen[_LIMBS, :2])) / spread if spread > 0 else 0.0
    return max(_MIN_SIZE_PX, BODY_M * slope)  # a slope of NaN loses this comparison


@infinite_is_unknown
def distance(screen: NDArray, other: NDArray, unit_px: float) -> float:
    """Return how far apart two poses are on the screen, in bodies: the median of their landmarks.

    Args:
        screen: (33, 2 or 3), pixels.
        other: (33, 2 or 3), pixels.
        unit_px: the size of the body.
    """
    return float(middle(np.hypot(*(screen[:, :2] - other[:, :2]).T))) / unit_px


def middle(values: NDArray) -> NDArray:
    """Return the median of (N, ...) values along the first axis, the upper one of two.

    It takes a tenth of the time of ``np.median``; unknown values count as the largest.
    """
    half = len(values) // 2
    ordered = values.copy()
    ordered.partition(half, axis=0)
    return ordered[half]


def box_px(pose: Pose, width: int, height: int) -> tuple[float, float, float, float]:
    """Return left, top, right and bottom of what the known landmarks span inside of an image."""
    left, top = np.fmin.reduce(pose.screen[:, :2]).tolist()
    right, bottom = np.fmax.reduce(pose.screen[:, :2]).tolist()
    return _within(left, width), _within(top, height), _within(right, width), _within(bottom, height)


def _within(value: float, limit: float) -> float:
    """Return a value moved between zero and a limit; zero for NaN."""
    return min(max(0.0, value), limit)


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
