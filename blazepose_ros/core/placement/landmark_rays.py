# SPDX-License-Identifier: Apache-2.0
"""A placed body whose landmarks are where the image shows them."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from blazepose_ros.core.landmarks import Landmark
from blazepose_ros.core.placement.translation_fit import TranslationFit

# How far off its pixel puts a landmark across the viewing ray, in meters and as a share of the distance: what
# the rays of one camera scatter by against those of three others, as the fusion weighs them.
SEEN_STD_M, SEEN_SHARE = 0.02, 0.004

_LEAST = 1e-6  # where the threshold is 1 nothing is above it

_HIPS = [Landmark.LEFT_HIP, Landmark.RIGHT_HIP]


def trust_in(visibility: NDArray, threshold: float) -> NDArray:
    """Return how much of what is seen of each landmark counts, (33,), 0 to 1.

    It is nothing at the threshold, so that nothing jumps where a landmark appears or is hidden.

    Args:
        visibility: (33,), 0 to 1.
        threshold: 0 to 1, landmarks below it say nothing about the place.
    """
    return ((visibility - threshold) / max(1.0 - threshold, _LEAST)).clip(0.0, 1.0)


def onto_rays(
    world: NDArray, hips_m: NDArray, fit: TranslationFit, trust: NDArray, described_std_m: float
) -> NDArray[np.float64]:
    """Return the landmarks from the hip center, (33, 3), meters, moved across their viewing rays.

    A model says twice where a landmark is: in the image, and in a body that it describes. Across the ray
    the image is the better one, above all where the body is seen from another side than the model
    assumes, and where the perspective is strong. Both are weighted by their variances. Along the ray
    only the description tells. The middle of the hips stays.

    Args:
        world: (33, 3), meters, the landmarks from the hip center, optical axes, of the person's size.
        hips_m: (3,), where the hip center is in the optical frame.
        fit: has the rays of what is seen; other landmarks stay.
        trust: (33,), 0 to 1, how much the image counts, see ``trust_in``.
        described_std_m: how wrong a landmark is in the described body, one standard deviation along an axis.
    """
    places = world.astype(np.float64) + hips_m
    x, y = fit.rays.T
    lengths = x * x + y * y + 1.0
    depths = (places[:, 0] * x + places[:, 1] * y + places[:, 2]) / lengths
    seen_variances = SEEN_STD_M**2 + SEEN_SHARE**2 * depths**2 * lengths
    shares = trust * (described_std_m**2 / (described_std_m**2 + seen_variances))
    off = np.column_stack([x * depths, y * depths, depths]) - places
    moves = np.where((fit.usable & (depths > 0.0))[:, None], off * shares[:, None], 0.0)
    moves[_HIPS] -= moves[_HIPS].mean(axis=0)
    return world + moves
