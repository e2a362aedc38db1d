# SPDX-License-Identifier: Apache-2.0
"""Which way a person is turned who is not in the middle of the image."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.bodies import CAMERA, CAMERAS, FACING_M, as_described, pose_of, seen_by

from blazepose_ros.core.placement.translation_fit import rotate_to_optical_axes, turn_to

TANGENTS = st.floats(-9, 9)


@given(TANGENTS, TANGENTS)
def test_the_turn_is_a_rotation_that_takes_the_optical_axis_to_the_ray(x: Any, y: Any) -> None:
    turn, ray = turn_to(x, y), np.array([x, y, 1.0]) / np.linalg.norm([x, y, 1.0])
    np.testing.assert_allclose(turn @ turn.T, np.eye(3), atol=1e-12)
    assert np.linalg.det(turn) == pytest.approx(1.0)
    np.testing.assert_allclose(turn @ (0, 0, 1), ray, atol=1e-12)


@given(TANGENTS, TANGENTS)
def test_the_turn_rolls_nothing(x: Any, y: Any) -> None:
    np.testing.assert_allclose(turn_to(x, y) @ (-y, x, 0), (-y, x, 0), atol=1e-12)


@pytest.mark.parametrize("lens", CAMERAS)
def test_what_a_camera_that_looks_straight_at_a_person_sees_is_turned_to_the_one_that_does_not(
    lens: Any,
) -> None:
    pose = seen_by(CAMERAS[lens], (1.0, -0.3, 3.0))
    described = as_described(pose, CAMERAS[lens])
    assert np.abs(described.world - FACING_M).max() > 0.1
    np.testing.assert_allclose(rotate_to_optical_axes(described, CAMERAS[lens]).world, FACING_M, atol=1e-9)


def test_a_person_in_the_middle_is_not_turned() -> None:
    pose = seen_by(CAMERA, (0, 0, 3))
    np.testing.assert_allclose(rotate_to_optical_axes(pose, CAMERA).world, pose.world, atol=1e-9)


def test_hips_below_the_image_count_as_at_its_edge() -> None:
    edge, below = (
        pose_of(FACING_M, np.full((33, 3), (CAMERA.width / 2, y, 0.0)), np.float64)
        for y in (CAMERA.height, 5 * CAMERA.height)
    )
    np.testing.assert_array_equal(
        rotate_to_optical_axes(below, CAMERA).world, rotate_to_optical_axes(edge, CAMERA).world
    )


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("unknown", [np.nan, np.inf])
def test_unknown_landmarks_do_no_harm(unknown: Any) -> None:
    lost = pose_of(FACING_M, np.full((33, 3), np.nan))
    assert rotate_to_optical_axes(lost, CAMERA) is lost
    torn = pose_of(FACING_M, np.tile([[unknown], [-unknown], [0.0]], (11, 3)))
    rotate_to_optical_axes(torn, CAMERA)
    world = FACING_M.copy()
    world[5] = unknown
    turned = rotate_to_optical_axes(pose_of(world, seen_by(CAMERA, (1, 0, 3)).screen), CAMERA).world
    assert np.isfinite(turned).all(axis=1).sum() == len(world) - 1
