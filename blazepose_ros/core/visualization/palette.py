# SPDX-License-Identifier: Apache-2.0
"""The color of a landmark and the label of a person, the same in overlay, markers and plots.

Depth is a gradient from blue (closer) to green (further) and occluded landmarks are
black, as in the figures of BlazePose GHUM 3D's model card.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from blazepose_ros.core.types import Pose

# RGBA, 0 to 1. Neither end is fully saturated, so that both keep their hue on a screen's
# dark and light backgrounds and under RViz's lighting.
CLOSER = (0.05, 0.25, 1.0, 1.0)
FURTHER = (0.05, 0.85, 0.25, 1.0)
OCCLUDED = (0.0, 0.0, 0.0, 1.0)

# The gradient's half range in meters around the hips. It is fixed, so that a color means
# the same depth in every frame; nine of ten landmarks of people in photographs lie inside.
DEPTH_RANGE_M = 0.4


def depth_colors(z_m: NDArray[np.floating]) -> NDArray[np.float64]:
    """Return the colors, (N, 4) RGBA 0 to 1, of N depths relative to the hips.

    Args:
        z_m: (N,), meters, negative towards the camera. What lies outside of
            ``DEPTH_RANGE_M`` has the color of the gradient's end.
    """
    ends_m = (-DEPTH_RANGE_M, DEPTH_RANGE_M)
    channels = [np.interp(z_m, ends_m, ends) for ends in zip(CLOSER, FURTHER, strict=True)]
    return np.stack(channels, axis=-1)


def landmark_colors(pose: Pose, visibility_threshold: float) -> NDArray[np.float64]:
    """Return the colors, (33, 4) RGBA 0 to 1, of a person's landmarks.

    A landmark is black when its visibility is below the threshold, or when its
    visibility or its depth is missing (NaN).
    """
    z_m = pose.world[:, 2]
    shown = (pose.visibility >= visibility_threshold) & np.isfinite(z_m)
    return np.where(shown[:, None], depth_colors(z_m), OCCLUDED)


def gradient(start: NDArray[np.floating], end: NDArray[np.floating], pieces: int) -> NDArray[np.float64]:
    """Return (pieces, ..., channels): the colors between two, each in the middle of its piece."""
    knots: NDArray[np.float64] = np.linspace(start, end, 2 * pieces + 1)
    return knots[1::2]


def label(pose: Pose) -> str:
    """Return who this is and how far from the camera, as far as that is known."""
    who = f"person {pose.person_id}" if pose.person_id > 0 else ""
    distance_m = math.nan if pose.hip_center is None else pose.hip_center.distance_m
    return f"{who}  {distance_m:.2f} m".strip() if math.isfinite(distance_m) else who
