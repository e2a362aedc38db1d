# SPDX-License-Identifier: Apache-2.0
"""How large a person is in an image, and how far apart two poses are."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from blazepose_ros.core.landmarks import NUM_LANDMARKS, Landmark
from blazepose_ros.core.types import Pose

# What a person's landmarks span, head to toes with room to move: the unit of image distances.
BODY_M = 2.0
# The face is many landmarks close together: it says little about the size of a body.
_LIMBS = slice(Landmark.LEFT_SHOULDER, NUM_LANDMARKS)
# Smaller people are none; it keeps divisions finite.
_MIN_SIZE_PX = 1.0

# The difference of two infinite values is NaN, as is meant: that is no reason for a warning.
_infinite_is_unknown = np.errstate(invalid="ignore")


@_infinite_is_unknown
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


@_infinite_is_unknown
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
