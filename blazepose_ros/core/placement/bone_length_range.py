# SPDX-License-Identifier: Apache-2.0
"""How far away a body is, from the known lengths of human bones."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from blazepose_ros.core.landmarks import NUM_LANDMARKS, Landmark
from blazepose_ros.core.placement.translation_fit import TranslationFit
from blazepose_ros.core.types import ModelComplexity

# Lengths between landmarks as fractions of the stature. From the shoulders to the ankles they add
# up to what P. de Leva measured between joint centers ("Adjustments to Zatsiorsky-Seluyanov's
# segment inertia parameters", Journal of Biomechanics 29 (1996), table 3, the means of women and
# men: trunk 0.2915, thigh 0.2274, shank 0.2491, upper arm 0.1602, forearm 0.1534). But BlazePose
# marks hips, knees and ankles elsewhere: in the mean of two walkers seen from the side, one person
# who squats and a child seen by four cameras its trunk is 7 % longer, its shank 9 % shorter.
TRUNK, THIGH, SHANK, UPPER_ARM, FOREARM = 0.311, 0.230, 0.228, 0.165, 0.156

# Halfway between the women and the men of Europe and North America, to the nearest 5 cm.
MEAN_STATURE_M = 1.70

# How far one bone of a person is from the mean person's of the same stature.
PROPORTION_STD = 0.05

# How wrong a landmark is, across the image and in depth, which no pixel shows. In depth it is half
# again the mean error of the world landmarks that Google publishes: 45, 39 and 36 mm (Grishchenko
# et al., "BlazePose GHUM Holistic", 2022). The depths of two people whose true joints were known
# were off by 0.05 to 0.08 m, and what the models leave out of them falls in the same order.
ACROSS_STD_M = 0.01
DEPTH_STD_M = {ModelComplexity.LITE: 0.068, ModelComplexity.FULL: 0.058, ModelComplexity.HEAVY: 0.054}

# A bone that is this many deviations off counts less (Huber's loss).
HUBER_DEVIATIONS = 1.5
ITERATIONS = 6
# A step this small is far below what bones can tell.
CONVERGED = 1e-3

# A step of the search, and all of them together, change the logarithm of the distance by so much.
MAX_STEP = 0.3
MAX_LOG_FACTOR = 1.0

# Bones that leave the logarithm of the distance more uncertain than by one say nothing.
MIN_INFORMATION = 1.0

_BONES = (
    (TRUNK, (Landmark.LEFT_SHOULDER, Landmark.RIGHT_SHOULDER), (Landmark.LEFT_HIP, Landmark.RIGHT_HIP)),
    (THIGH, (Landmark.LEFT_HIP,), (Landmark.LEFT_KNEE,)),
    (THIGH, (Landmark.RIGHT_HIP,), (Landmark.RIGHT_KNEE,)),
    (SHANK, (Landmark.LEFT_KNEE,), (Landmark.LEFT_ANKLE,)),
    (SHANK, (Landmark.RIGHT_KNEE,), (Landmark.RIGHT_ANKLE,)),
    (UPPER_ARM, (Landmark.LEFT_SHOULDER,), (Landmark.LEFT_ELBOW,)),
    (UPPER_ARM, (Landmark.RIGHT_SHOULDER,), (Landmark.RIGHT_ELBOW,)),
    (FOREARM, (Landmark.LEFT_ELBOW,), (Landmark.LEFT_WRIST,)),
    (FOREARM, (Landmark.RIGHT_ELBOW,), (Landmark.RIGHT_WRIST,)),
)
_LENGTHS_M = np.array([fraction for fraction, _, _ in _BONES]) * MEAN_STATURE_M


def _ends() -> NDArray[np.float64]:
    """Return what makes bones of landmarks, (9, 33): one end less the other."""
    matrix = np.zeros((len(_BONES), NUM_LANDMARKS))
    for row, (_, start, end) in zip(matrix, _BONES, strict=True):
        row[list(start)] = 1.0 / len(start)
        row[list(end)] = -1.0 / len(end)
    return matrix


_ENDS = _ends()
_HAS_END = (_ENDS != 0.0).astype(float)


@dataclass(frozen=True)
class BoneRange:
    """What the bones say about the distance of a body.

    Attributes:
        log_factor: by how much the logarithm of the distance exceeds that of the fit.
        log_std: one standard deviation of it.
    """

    log_factor: float
    log_std: float


def range_from_bones(fit: TranslationFit, world: NDArray, depth_std_m: float) -> BoneRange | None:
    """Return how far away the bones of a person of mean stature would look as they do.

    The pixels give each bone's extent across the image, the model its extent in depth. The
    model's answers are means over what it cannot see, and the mean of a length that points
    either way is too short: the variance of the depth is added to its square.

    Args:
        fit: where the body is if it has the size that the model gives it.
        world: (33, 3), meters, the landmarks from the hip center.
        depth_std_m: how wrong the depth of a landmark is, one standard deviation.

    Returns:
        The distance as a factor, or None where no bone is seen.
    """
    unknown = ~fit.usable
    (seen,) = (_HAS_END @ unknown == 0).nonzero()
    if not len(seen):
        return None
    # A bone is (distance * slope + offset): its landmarks lie on their rays.
    ends = np.ones((NUM_LANDMARKS, 6))
    ends[:, :2] = fit.rays
    ends[:, 3:] = ends[:, :3] * world[:, 2:]
    ends[unknown] = 0.0
    bones = _ENDS[seen] @ ends
    slope, offset = bones[:, :3], bones[:, 3:]
    variance_m2 = 2.0 * depth_std_m**2  # of the difference of two landmarks
    return _search(float(fit.position[2]), slope, offset, _LENGTHS_M[seen], variance_m2)


def _search(
    depth_m: float, slope: NDArray, offset: NDArray, lengths_m: NDArray, variance_m2: float
) -> BoneRange | None:
    """Return the depth at which the bones have their lengths, by Gauss and Newton.

    Both are logarithms: a bone that looks twice too long weighs as one that looks half as long.
    """
    log_lengths = np.log(lengths_m)
    # The square of a bone's length is a parabola over the distance.
    steep, mixed, constant = _dots(slope, slope), _dots(slope, offset), _dots(offset, offset) + variance_m2
    log_factor = information = 0.0
    for _ in range(ITERATIONS):
        at_m = depth_m * math.exp(log_factor)
        rising = steep * at_m**2 + mixed * at_m
        squares_m2 = rising + mixed * at_m + constant
        gradient = rising / squares_m2
        variances = (
            PROPORTION_STD**2
            + variance_m2 * ((at_m * slope[:, 2] + offset[:, 2]) / squares_m2) ** 2
            + 2.0 * ACROSS_STD_M**2 / squares_m2
        )
        errors = log_lengths - 0.5 * np.log(squares_m2)
        deviations = np.abs(errors) / np.sqrt(variances)
        weights = HUBER_DEVIATIONS / np.maximum(deviations, HUBER_DEVIATIONS) / variances * gradient
        information = float(weights @ gradient)
        if information < MIN_INFORMATION:
            return None
        step = float(weights @ errors) / information
        log_factor += min(max(step, -MAX_STEP), MAX_STEP)
        if abs(step) < CONVERGED:
            break
    if abs(log_factor) > MAX_LOG_FACTOR:
        return None
    return BoneRange(log_factor, 1.0 / math.sqrt(information))


def _dots(vectors: NDArray, others: NDArray) -> NDArray[np.float64]:
    """Return the dot product of each row with the other's, (N,)."""
    return np.add.reduce(vectors * others, axis=1)
