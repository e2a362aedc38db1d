# SPDX-License-Identifier: Apache-2.0
"""The confirmation of tracks: what tells people from furniture."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from blazepose_ros.core.landmarks import Landmark
from blazepose_ros.core.timestamps import NS_PER_S

# From here on the detector is hardly ever wrong: it sees people in 1 or 2 of 112 photographs
# without any, and misses one of 52 people; at 0.5 it sees people in 8 to 10.
SURE_CONFIDENCE = 0.6
# Furniture that was taken for a person gives presence flags that come and go: in an empty room
# six above 0.9 were the longest row. A person gives 0.99 in nearly every image.
STEADY_PRESENCE = 0.9
_STEADY_IMAGES = 10
_STEADY_S = 0.5

# A track shorter than this, as at the edge of the image, is not kept when it is lost.
ESTABLISHED_S = 0.3


# Torsos of people, shoulders to hips, are measured between these; those of furniture from 0.02 m.
_TORSO_M = (0.25, 0.7)
# The longer one of a left and right pair of bones, foreshortened or not, over the shorter one.
_MAX_RATIO = 2.6
# The part of the landmarks that is inside of the image.
_MIN_INSIDE = 0.5

_PAIRS = (
    (Landmark.LEFT_SHOULDER, Landmark.LEFT_ELBOW, Landmark.RIGHT_SHOULDER, Landmark.RIGHT_ELBOW),
    (Landmark.LEFT_HIP, Landmark.LEFT_KNEE, Landmark.RIGHT_HIP, Landmark.RIGHT_KNEE),
    (Landmark.LEFT_KNEE, Landmark.LEFT_ANKLE, Landmark.RIGHT_KNEE, Landmark.RIGHT_ANKLE),
)


@dataclass(frozen=True)
class TrackConfirmation:
    """Whether a track is known to be a person's.

    Attributes:
        confirmed: whether it is.
        steady: how many images in a row showed a likely body.
        since_ns: the stamp of the first of them.
    """

    confirmed: bool
    steady: int = 0
    since_ns: int = 0

    def updated(self, presence: float, looks_human: bool, stamp_ns: int) -> TrackConfirmation:
        """Return the confirmation after another image.

        Args:
            presence: the landmark model's presence flag, 0 to 1.
            looks_human: whether the landmarks make a body.
            stamp_ns: when the image was taken.
        """
        if self.confirmed:
            return self
        if presence < STEADY_PRESENCE or not looks_human:
            return TrackConfirmation(confirmed=False)
        since_ns = self.since_ns if self.steady else stamp_ns
        steady = self.steady + 1
        confirmed = steady >= _STEADY_IMAGES and stamp_ns - since_ns >= _STEADY_S * NS_PER_S
        return replace(self, confirmed=confirmed, steady=steady, since_ns=since_ns)


def is_plainly_human(presence: float, looks_human: bool) -> bool:
    """Return whether one image shows a person who needs no other to be confirmed.

    Args:
        presence: the landmark model's presence flag, 0 to 1.
        looks_human: whether the landmarks make a body.
    """
    return presence >= STEADY_PRESENCE and looks_human


def looks_human(world: NDArray, screen: NDArray, width_px: int, height_px: int) -> bool:
    """Return whether landmarks make a body: its proportions are human, and it is inside of the image.

    Args:
        world: (33, 3), meters.
        screen: (33, 3), pixels.
        width_px: of the image.
        height_px: of the image.
    """
    inside = np.all((screen[:, :2] >= 0) & (screen[:, :2] < (width_px, height_px)), axis=1)
    shoulders = world[[Landmark.LEFT_SHOULDER, Landmark.RIGHT_SHOULDER]].mean(axis=0)
    hips = world[[Landmark.LEFT_HIP, Landmark.RIGHT_HIP]].mean(axis=0)
    shortest, longest = _TORSO_M
    torso_is_human = bool(shortest <= np.linalg.norm(shoulders - hips) <= longest)
    return torso_is_human and bool(inside.mean() >= _MIN_INSIDE) and _is_symmetric(world)


def _is_symmetric(world: NDArray) -> bool:
    for left, left_end, right, right_end in _PAIRS:
        bones = sorted((_length(world, left, left_end), _length(world, right, right_end)))
        if not bones[1] <= _MAX_RATIO * bones[0]:
            return False
    return True


def _length(world: NDArray, start: int, end: int) -> float:
    return float(np.linalg.norm(world[start] - world[end]))
