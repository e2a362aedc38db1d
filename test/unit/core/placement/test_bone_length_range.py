# SPDX-License-Identifier: Apache-2.0
"""What the lengths of bones say about the distance."""

from typing import Any

import numpy as np
import pytest
from support.bodies import CAMERA, FACING_M, hidden, pose_of, seen_by

from blazepose_ros.core.landmarks import Landmark
from blazepose_ros.core.placement import bone_length_range
from blazepose_ros.core.placement.bone_length_range import DEPTH_STD_M, MEAN_STATURE_M, range_from_bones
from blazepose_ros.core.placement.translation_fit import fit_translation
from blazepose_ros.core.types import ModelComplexity

THRESHOLD = 0.5
FOUR_METRES = (0.2, 0.1, 4.0)
FIRST_OF_THE_LIMBS = {"LEG": ("HIP", "KNEE", "ANKLE"), "ARM": ("SHOULDER", "ELBOW", "WRIST")}


def mean_body(scale: float = 1.0) -> Any:
    """Return a body, (33, 3), across the image whose bones are those of the mean person."""
    world = FACING_M * (1, 1, 0)
    trunk = np.linalg.norm(world[[11, 12]].mean(axis=0))
    world = world * bone_length_range.TRUNK * MEAN_STATURE_M / trunk
    for names, lengths in (
        (FIRST_OF_THE_LIMBS["LEG"], (bone_length_range.THIGH, bone_length_range.SHANK)),
        (FIRST_OF_THE_LIMBS["ARM"], (bone_length_range.UPPER_ARM, bone_length_range.FOREARM)),
    ):
        for side in ("LEFT_", "RIGHT_"):
            start, middle, end = (Landmark[side + name] for name in names)
            for near, far, length in ((start, middle, lengths[0]), (middle, end, lengths[1])):
                direction = FACING_M[far, :2] - FACING_M[near, :2]
                world[far, :2] = (
                    world[near, :2] + direction / np.linalg.norm(direction) * length * MEAN_STATURE_M
                )
    return world * scale


EXACT = 1e-9  # depths without error, of which no square need be added


def measured(pose: Any, depth_std_m: Any = DEPTH_STD_M[ModelComplexity.FULL]) -> Any:
    return range_from_bones(fit_translation(pose, CAMERA, THRESHOLD), pose.world, depth_std_m)


def test_a_mean_body_is_as_far_as_it_fits() -> None:
    seen = seen_by(CAMERA, FOUR_METRES, mean_body())
    assert measured(seen, EXACT).log_factor == pytest.approx(0.0, abs=1e-6)


@pytest.mark.parametrize("size", [0.8, 0.95, 1.1])
def test_a_model_whose_body_is_too_small_puts_it_too_near(size: float) -> None:
    seen = seen_by(CAMERA, FOUR_METRES, mean_body())
    shrunk = pose_of(mean_body(size), seen.screen, np.float64)
    assert measured(shrunk, EXACT).log_factor == pytest.approx(-np.log(size), abs=1e-3)


def test_bones_that_point_at_the_camera_are_told_by_their_depth() -> None:
    turn = np.array([[0.0, 0, 1], [0, 1, 0], [-1, 0, 0]])
    seen = seen_by(CAMERA, FOUR_METRES, mean_body() @ turn.T)
    assert measured(seen, EXACT).log_factor == pytest.approx(0.0, abs=1e-6)


def test_uncertain_depths_make_bones_longer_than_they_look() -> None:
    seen = seen_by(CAMERA, FOUR_METRES, mean_body())
    lite, full, heavy = (measured(seen, DEPTH_STD_M[model]).log_factor for model in ModelComplexity)
    assert -0.1 < lite < full < heavy < 0  # the better the model, the less


def test_one_bone_is_less_certain_than_all() -> None:
    legs = hidden([0, 7, 8, 11, 13, 23, 24])
    one, everything = (
        measured(seen_by(CAMERA, FOUR_METRES, mean_body(), **fields)) for fields in ({"visibility": legs}, {})
    )
    assert one.log_std > 1.5 * everything.log_std


def test_a_broken_bone_hardly_matters() -> None:
    seen = seen_by(CAMERA, FOUR_METRES, mean_body())
    screen = seen.screen.copy()
    screen[Landmark.LEFT_WRIST, :2] += 400
    broken = pose_of(seen.world, screen, np.float64)
    assert measured(broken).log_factor == pytest.approx(measured(seen).log_factor, abs=0.06)


def test_a_face_alone_has_no_bones() -> None:
    face = seen_by(CAMERA, FOUR_METRES, visibility=hidden(slice(0, 11)))
    assert measured(face) is None


def test_a_body_without_extent_says_nothing() -> None:
    seen = seen_by(CAMERA, FOUR_METRES, mean_body() * 1e-4)
    assert measured(seen) is None
