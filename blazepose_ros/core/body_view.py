# SPDX-License-Identifier: Apache-2.0
"""A body against the vertical: places, directions and angles in degrees, NaN for what is not seen."""

from __future__ import annotations

import math
from collections.abc import Iterable
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from blazepose_ros.core.body_frame import MIN_EXTENT_M
from blazepose_ros.core.estimation.track_confirmation import STEADY_PRESENCE
from blazepose_ros.core.landmarks import MIRRORED, Landmark
from blazepose_ros.core.types import Pose

# Of a camera that is held level, in its optical axes; and of REP-103's frames, such as map.
UP_IN_IMAGES: NDArray[np.float64] = np.array([0.0, -1.0, 0.0])
UP_IN_WORLD: NDArray[np.float64] = np.array([0.0, 0.0, 1.0])

HIPS = (Landmark.LEFT_HIP, Landmark.RIGHT_HIP)
SHOULDERS = (Landmark.LEFT_SHOULDER, Landmark.RIGHT_SHOULDER)
EYES = (Landmark.LEFT_EYE, Landmark.RIGHT_EYE)
EARS = (Landmark.LEFT_EAR, Landmark.RIGHT_EAR)


def up_of_camera(tilt_deg: float) -> NDArray[np.float64]:
    """Return what points upwards, (3,), in the optical axes of a camera that looks down by an angle."""
    tilt = math.radians(tilt_deg)
    return np.array([0.0, -math.cos(tilt), -math.sin(tilt)])


class BodyView:
    """Looks at the landmarks of one person; what is not finite is neither seen nor known.

    Args:
        world: (33, 3), meters, from the hip center.
        is_seen: (33,), whether a landmark is seen.
        up: (3,), of unit length, in the same axes.
        hips: (3,), meters, where the hip center is; None where it is not placed.

    Attributes:
        points: (33, 3), NaN for what is not seen.
        up: (3,).
        spine: (3,), from the hips to the shoulders, as the model has them even where they are not seen.
        trunk_m: its length.
        head: (3,), between the ears, likewise.
        hips_height_m: how high the hips are, from anywhere; NaN where they are not placed.
    """

    def __init__(
        self, world: NDArray, is_seen: NDArray[np.bool_], up: NDArray, hips: NDArray | None = None
    ) -> None:
        whole = _finite(world)
        self.points = np.where(is_seen[:, None], whole, np.nan)
        self.up = np.asarray(up, float)
        self.spine = (whole[SHOULDERS[0]] + whole[SHOULDERS[1]] - whole[HIPS[0]] - whole[HIPS[1]]) / 2
        self.trunk_m = max(math.hypot(*self.spine.tolist()), MIN_EXTENT_M)
        self.head = (whole[EARS[0]] + whole[EARS[1]]) / 2
        self.hips_height_m = math.nan if hips is None else float(_finite(hips) @ self.up)
        self._whole, self._is_seen, self._hips = whole, is_seen, hips

    @classmethod
    def of_pose(cls, pose: Pose, up: NDArray, visibility_threshold: float) -> BodyView:
        """Return the view of a person; fused people have no visibility where no camera tells it.

        Nothing is seen of who may be furniture, which the model's presence flag tells where there is one.
        """
        is_hidden = (np.asarray(pose.visibility) < visibility_threshold) | (pose.score < STEADY_PRESENCE)
        hips = None if pose.hip_center is None else pose.hip_center.position
        return cls(pose.world, ~is_hidden, up, hips)

    @cached_property
    def exchanged(self) -> BodyView:
        """The same body with its left called right: what is asked of the left is the right's."""
        other = BodyView(self._whole[MIRRORED], self._is_seen[MIRRORED], self.up, self._hips)
        other.__dict__["exchanged"] = self
        return other

    def at(self, *landmarks: Landmark) -> NDArray[np.float64]:
        """Return the middle of landmarks, (3,)."""
        first, *others = (self.points[landmark] for landmark in landmarks)
        return sum(others, first) / len(landmarks) if others else first

    def height(self, vector: NDArray) -> float:
        """Return how far a vector goes upwards, in lengths of the trunk."""
        return float(vector @ self.up) / self.trunk_m

    def length(self, vector: NDArray) -> float:
        """Return a vector's length, in lengths of the trunk."""
        return math.hypot(*vector.tolist()) / self.trunk_m

    def level_length(self, vector: NDArray) -> float:
        """Return a vector's length in the horizontal plane, in lengths of the trunk."""
        return self.length(vector - (vector @ self.up) * self.up)

    def elevation(self, vector: NDArray) -> float:
        """Return how far a vector points above the horizontal: -90 to 90 degrees."""
        return 90.0 - angle_deg(vector, self.up)

    def bend(self, start: Landmark, joint: Landmark, end: Landmark) -> float:
        """Return how far a limb is bent at a joint: 0 where it is straight, to 180 degrees."""
        return angle_deg(self.at(joint) - self.at(start), self.at(end) - self.at(joint))

    @cached_property
    def trunk(self) -> NDArray[np.float64]:
        """From the hips to the shoulders, (3,), where they are seen."""
        return self.at(*SHOULDERS) - self.at(*HIPS)


def _finite(points: NDArray) -> NDArray[np.float64]:
    """Return (3,) or (N, 3) coordinates, NaN instead of those with one that is not finite."""
    known = np.isfinite(points).all(axis=-1, keepdims=True)
    return np.where(known, np.asarray(points, float), np.nan)


def angle_deg(first: NDArray, second: NDArray) -> float:
    """Return the angle between two vectors, 0 to 180 degrees; NaN where one is not known or nothing."""
    (a, b, c), (x, y, z) = first.tolist(), second.tolist()  # in less time than arrays of three
    across = math.hypot(b * z - c * y, c * x - a * z, a * y - b * x)
    along = a * x + b * y + c * z
    return math.degrees(math.atan2(across, along)) if across or along else math.nan


def least(values: Iterable[float]) -> float:
    """Return the smallest of what is known; NaN where nothing is."""
    return min((value for value in values if not math.isnan(value)), default=math.nan)


def greatest(values: Iterable[float]) -> float:
    """Return the greatest of what is known; NaN where nothing is."""
    return max((value for value in values if not math.isnan(value)), default=math.nan)
