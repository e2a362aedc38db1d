"""How large a person is in an image, and how far apart two poses are."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from blazepose_ros.landmarks import NUM_LANDMARKS, Landmark
from blazepose_ros.pose import Pose

# What a person's landmarks span, head to toes with room to move: the unit of image distances.
BODY_M = 2.0
# The face is many landmarks close together: it says little about the size of a body.
_LIMBS = slice(Landmark.LEFT_SHOULDER, NUM_LANDMARKS)
# Smaller people are none; it keeps divisions finite.
_MIN_SIZE_PX = 1.0

# The difference of two infinite values is NaN, as is meant: that is no reason for a warning.
_infinite_is_unknown = np.errstate(invalid="ignore")


def size_px(pose: Pose) -> float:
    """Return what two metres at the person's distance are in pixels, whatever the posture.

    It is the slope of the screen landmarks over the world landmarks (least squares over x and
    y), at least one pixel.
    """
    screen = _centred(pose.screen[_LIMBS, :2])
    world = _centred(pose.world[_LIMBS, :2])
    spread = float(np.sum(world * world))
    slope = float(np.sum(screen * world)) / spread if spread > 0 else 0.0
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
    return np.partition(values, half, axis=0)[half]


def box_px(pose: Pose, width: int, height: int) -> tuple[float, float, float, float]:
    """Return left, top, right and bottom of what the landmarks span inside of an image."""
    inside = np.clip(pose.screen[:, :2], 0, (width, height))
    (left, top), (right, bottom) = inside.min(axis=0), inside.max(axis=0)
    return float(left), float(top), float(right), float(bottom)


@_infinite_is_unknown
def _centred(points: NDArray) -> NDArray[np.float64]:
    points = points.astype(np.float64)
    return points - points.sum(axis=0) / len(points)
