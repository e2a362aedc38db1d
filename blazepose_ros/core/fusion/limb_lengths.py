# SPDX-License-Identifier: Apache-2.0
"""How long a person's arms and legs are: bones do not grow, which tells what two rays leave open.

Where two cameras face each other, their rays leave a joint open along the line between them: a forearm then
gets longer and shorter from image to image. What it is in the mean is known soon, and better still from both
sides, as left and right are alike.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from blazepose_ros.core.landmarks import Landmark
from blazepose_ros.core.timestamps import NS_PER_MS, NS_PER_S

# Both arms, then both legs, from the trunk on.
LIMBS = np.array(
    [
        [Landmark[f"{side}_{joint}"] for joint in joints]
        for joints in (("SHOULDER", "ELBOW", "WRIST"), ("HIP", "KNEE", "ANKLE"))
        for side in ("LEFT", "RIGHT")
    ]
)
_OTHER_SIDE = [1, 0, 3, 2]
# What the model calls a joint wanders along the bone: with four cameras, whose noise evens out, lengths
# deviate by 0.8 to 1.9 cm.
WANDER_STD_M = 0.015
# How much the bones of both sides differ, as far as the model sees them.
SIDES_STD_M = 0.01
# Errors of images that are closer to each other are about the same.
INDEPENDENT_S = 0.25
# Images that are closer than this tell nothing new.
PERIOD_NS = 100 * NS_PER_MS
# What was learned fades in so long a time: an id may go over to somebody else.
MEMORY_S = 10.0


class LimbLengths:
    """Learns the lengths of one person's bones and holds the joints to them.

    A Kalman filter's update for each limb, (shoulder, elbow, wrist) or (hip, knee, ankle), with the two
    lengths as what is measured: joints move the less the better they are known.
    """

    def __init__(self) -> None:
        # By inverse variances, 1/m^2, for each bone: of the weights, of lengths, and of what their squares
        # have beyond their variances.
        self._sums = np.zeros((3, 4, 2))
        self._learned_ns: int | None = None
        self._known = np.zeros((2, 4, 2))  # the lengths, meters, and their variances

    def held(
        self, places: NDArray[np.float64], scatter: NDArray[np.float64], stamp_ns: int
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return places and covariances of landmarks whose limbs are as long as they were so far.

        Args:
            places: (33, 3), meters.
            scatter: (33, 3, 3), square meters, their covariances, but for what does not change.
            stamp_ns: the time, after the one before.
        """
        joints, covariances = places[LIMBS], scatter[LIMBS]
        bones = joints[:, :-1] - joints[:, 1:]
        lengths = np.sqrt((bones * bones).sum(axis=-1))
        slopes = _slopes(bones / np.maximum(lengths, WANDER_STD_M)[..., None])
        shared = (covariances @ slopes).reshape(4, 9, 2)
        expected = slopes.reshape(4, 9, 2).transpose(0, 2, 1) @ shared
        if self._learned_ns is None or stamp_ns - self._learned_ns >= PERIOD_NS:
            self._learn(lengths, expected.diagonal(axis1=1, axis2=2), stamp_ns)
        means, variances = self._known
        expected[:, _BOTH, _BOTH] += variances
        gains = shared @ _inverses(expected)
        held, certain = places.copy(), scatter.copy()
        held[LIMBS] = joints + (gains @ (means - lengths)[..., None]).reshape(4, 3, 3)
        certain[LIMBS] = covariances - gains.reshape(4, 3, 3, 2) @ shared.reshape(4, 3, 3, 2).transpose(
            0, 1, 3, 2
        )
        return held, certain

    def _learn(self, lengths: NDArray, variances: NDArray, stamp_ns: int) -> None:
        """Take lengths, (4, 2), into the means, by what an image adds to those before."""
        elapsed_s = math.inf if self._learned_ns is None else (stamp_ns - self._learned_ns) / NS_PER_S
        self._learned_ns = stamp_ns
        weights = min(elapsed_s / INDEPENDENT_S, 1.0) / (variances + WANDER_STD_M**2)
        self._sums *= math.exp(-elapsed_s / MEMORY_S)
        self._sums += weights * np.array([np.ones_like(lengths), lengths, lengths * lengths - variances])
        self._known = self._both_sides()

    def _both_sides(self) -> NDArray[np.float64]:
        """Return the lengths by both sides, meters, and their variances, (2, 4, 2).

        What changes by more than the covariances say is held to its length by as much less.
        """
        weights, lengths, squares = self._sums
        means = lengths / weights
        wander = np.maximum(squares / weights - means * means, WANDER_STD_M**2)
        variances = 1.0 / weights + wander
        apart = means[_OTHER_SIDE] - means
        both = variances + variances[_OTHER_SIDE]
        # Sides that are clearly different, as with a prosthesis, tell little of each other.
        both += np.maximum(apart * apart - both, SIDES_STD_M**2)
        share = variances / both
        return np.array([means + share * apart, variances - share * variances + wander])


_BOTH = [0, 1]


def _inverses(matrices: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the inverses of symmetric matrices, (4, 2, 2), in half of numpy's time for so few."""
    first, mixed, second = matrices[:, 0, 0], matrices[:, 0, 1], matrices[:, 1, 1]
    adjugates = np.array([second, -mixed, -mixed, first]) / (first * second - mixed * mixed)
    return adjugates.T.reshape(4, 2, 2)


def _slopes(directions: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return how the lengths of the bones change with the joints, (4, 3, 3, 2), for directions (4, 2, 3)."""
    slopes = np.zeros((4, 3, 3, 2))
    slopes[:, 0, :, 0], slopes[:, 1, :, 0] = directions[:, 0], -directions[:, 0]
    slopes[:, 1, :, 1], slopes[:, 2, :, 1] = directions[:, 1], -directions[:, 1]
    return slopes
