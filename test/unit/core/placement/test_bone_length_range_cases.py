# SPDX-License-Identifier: Apache-2.0
"""The distance by bones, against its own definition."""

from typing import Any

import numpy as np
import pytest
from support.bodies import CAMERA, FACING_M, hidden, noisy, pose_of, seen_by

from blazepose_ros.core.landmarks import Landmark
from blazepose_ros.core.placement.bone_length_range import DEPTH_STD_M, range_from_bones
from blazepose_ros.core.placement.translation_fit import fit_translation
from blazepose_ros.core.types import ModelComplexity

PLACE = (0.2, 0.1, 4.0)
L = Landmark
# What a bone is between, and its length: a person of 1.70 m.
BONES = [((L.LEFT_SHOULDER, L.RIGHT_SHOULDER), (L.LEFT_HIP, L.RIGHT_HIP), 0.311 * 1.70)] + [
    ((L[f"{side}_{start}"],), (L[f"{side}_{end}"],), share * 1.70)
    for start, end, share in [
        ("HIP", "KNEE", 0.230), ("KNEE", "ANKLE", 0.228),
        ("SHOULDER", "ELBOW", 0.165), ("ELBOW", "WRIST", 0.156),
    ]
    for side in ("LEFT", "RIGHT")
]  # fmt: skip


def defined(fit: Any, world: Any, log_factor: Any, depth_std_m: Any) -> tuple[Any, Any]:
    """Return how far the next step would go and how much is known, at a distance."""

    def squares_m2(log_factor: Any) -> tuple[Any, Any]:
        depth_m = fit.position[2] * np.exp(log_factor)
        points = np.column_stack([fit.rays, np.ones(33)]) * (depth_m + world[:, 2:])
        bones = np.array([points[list(a)].mean(axis=0) - points[list(b)].mean(axis=0) for a, b, _ in BONES])
        return (bones**2).sum(axis=1) + 2 * depth_std_m**2, bones[:, 2]

    squares, in_depth = squares_m2(log_factor)
    seen = np.isfinite(squares)
    step = 1e-6
    slopes = (np.log(squares_m2(log_factor + step)[0]) - np.log(squares_m2(log_factor - step)[0])) / (
        4 * step
    )
    errors = np.log([length for *_, length in BONES]) - 0.5 * np.log(squares)
    variances = 0.05**2 + 2 * depth_std_m**2 * (in_depth / squares) ** 2 + 2 * 0.01**2 / squares
    loss = 1.5 / np.maximum(np.abs(errors) / np.sqrt(variances), 1.5)
    weights = (loss / variances * slopes)[seen]
    return weights @ errors[seen] / (weights @ slopes[seen]), weights @ slopes[seen]


@pytest.mark.parametrize(
    "shown", [range(33), [*range(11), *range(23, 29)], range(25), [7, 8, 0, 11, 13, 23, 24]]
)
@pytest.mark.parametrize("size", [0.8, 1.0, 1.3])
@pytest.mark.parametrize("seed", range(2))
def test_it_is_where_the_weighted_errors_of_the_bones_cancel(seed: Any, size: float, shown: Any) -> None:
    depth_std_m = DEPTH_STD_M[ModelComplexity.FULL]
    seen = noisy(seen_by(CAMERA, PLACE, FACING_M), 3.0, seed)
    seen.screen[L.RIGHT_WRIST, :2] += 60  # one bone that no person has
    pose = pose_of(FACING_M * size, seen.screen, np.float64, visibility=hidden(list(shown)))
    fit = fit_translation(pose, CAMERA, 0.5)
    bones = range_from_bones(fit, pose.world, depth_std_m)
    step, information = defined(fit, pose.world, bones.log_factor, depth_std_m)
    assert abs(step) < 1e-3
    assert bones.log_std == pytest.approx(information**-0.5, rel=0.02)


def test_models_are_as_sure_of_depth_as_was_measured() -> None:
    assert {int(model): std for model, std in DEPTH_STD_M.items()} == {0: 0.068, 1: 0.058, 2: 0.054}


@pytest.mark.parametrize("size", [0.3, 0.45, 2.2, 3.5])
def test_bones_that_put_a_body_at_a_third_or_thrice_say_nothing(size: float) -> None:
    seen = seen_by(CAMERA, PLACE)
    pose = pose_of(FACING_M * size, seen.screen, np.float64)
    bones = range_from_bones(fit_translation(pose, CAMERA, 0.5), pose.world, 0.01)
    assert (bones is None) == (size in (0.3, 3.5))
    if bones is not None:
        assert bones.log_factor == pytest.approx(-np.log(size), abs=0.15)
