"""How far away a body is, from the known lengths of human bones."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from blazepose_ros.landmarks import NUM_LANDMARKS, Landmark
from blazepose_ros.placement.translation import TranslationFit

# Lengths between joint centres as fractions of the stature, the means of women and men in
# P. de Leva, "Adjustments to Zatsiorsky-Seluyanov's segment inertia parameters", Journal of
# Biomechanics 29 (1996), table 3.
TRUNK, THIGH, SHANK, UPPER_ARM, FOREARM = 0.2915, 0.2274, 0.2491, 0.1602, 0.1534

# Halfway between the women and the men of Europe and North America, to the nearest 5 cm.
MEAN_STATURE_M = 1.70

# How far one bone of a person is from the mean person's of the same stature.
PROPORTION_STD = 0.05

# How wrong a landmark is, across the image and in depth, which no pixel shows. The depths of
# two joints of a person whose true joints were known differed from the truth by 0.09 to
# 0.12 m, those of most people err less: Google publishes 36 to 45 mm in the mean.
ACROSS_STD_M = 0.01
DEPTH_STD_M = 0.06

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


@dataclass(frozen=True)
class BoneRange:
    """What the bones say about the distance of a body.

    Attributes:
        log_factor: by how much the logarithm of the distance exceeds that of the fit.
        log_std: one standard deviation of it.
    """

    log_factor: float
    log_std: float


def range_from_bones(fit: TranslationFit, world: NDArray) -> BoneRange | None:
    """Return how far away the bones of a person of mean stature would look as they do.

    The pixels give each bone's extent across the image, the model its extent in depth. The
    model's answers are means over what it cannot see, and the mean of a length that points
    either way is too short: the variance of the depth is added to its square.

    Args:
        fit: where the body is if it has the size that the model gives it.
        world: (33, 3), metres, the landmarks from the hip centre.

    Returns:
        The distance as a factor, or None where no bone is seen.
    """
    seen = (~(np.abs(_ENDS) @ ~fit.usable > 0)).nonzero()[0]
    if not len(seen):
        return None
    rays = np.column_stack([fit.rays, np.ones(NUM_LANDMARKS)])
    rays[~fit.usable] = 0.0
    depths = np.where(fit.usable, world[:, 2], 0.0).astype(np.float64)
    # A bone is (distance * slope + offset): its landmarks lie on their rays.
    slope = _ENDS[seen] @ rays
    offset = _ENDS[seen] @ (rays * depths[:, None])
    return _search(float(fit.position[2]), slope, offset, _LENGTHS_M[seen])


def _search(depth_m: float, slope: NDArray, offset: NDArray, lengths_m: NDArray) -> BoneRange | None:
    """Return the depth at which the bones have their lengths, by Gauss and Newton.

    Both are logarithms: a bone that looks twice too long weighs as one that looks half as long.
    """
    variance_m2 = 2.0 * DEPTH_STD_M**2  # of the difference of two landmarks
    log_lengths = np.log(lengths_m)
    log_factor = information = 0.0
    for _ in range(ITERATIONS):
        at_m = depth_m * math.exp(log_factor)
        bones = at_m * slope + offset
        squares_m2 = (bones**2).sum(axis=1) + variance_m2
        gradient = at_m * (bones * slope).sum(axis=1) / squares_m2
        variances = (
            PROPORTION_STD**2
            + variance_m2 * (bones[:, 2] / squares_m2) ** 2
            + 2.0 * ACROSS_STD_M**2 / squares_m2
        )
        errors = log_lengths - 0.5 * np.log(squares_m2)
        deviations = np.abs(errors) / np.sqrt(variances)
        weights = np.minimum(1.0, HUBER_DEVIATIONS / np.maximum(deviations, HUBER_DEVIATIONS)) / variances
        information = float(weights @ gradient**2)
        if information < MIN_INFORMATION:
            return None
        step = float(weights @ (gradient * errors)) / information
        log_factor += min(max(step, -MAX_STEP), MAX_STEP)
        if abs(step) < CONVERGED:
            break
    if abs(log_factor) > MAX_LOG_FACTOR:
        return None
    return BoneRange(log_factor, 1.0 / math.sqrt(information))
