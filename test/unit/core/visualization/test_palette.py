# SPDX-License-Identifier: Apache-2.0
"""The color of a landmark."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from blazepose_ros.core.types import Pose
from blazepose_ros.core.visualization.palette import (
    CLOSER,
    DEPTH_RANGE_M,
    FURTHER,
    OCCLUDED,
    depth_colors,
    gradient,
    landmark_colors,
)

RED, GREEN, BLUE, ALPHA = range(4)


def pose_at(z_m: Any, visibility: float = 1.0) -> Pose:
    """Return a pose whose landmarks all have these depths and visibilities."""
    world = np.zeros((33, 3), np.float32)
    world[:, 2] = z_m
    seen = np.broadcast_to(np.float32(visibility), 33)
    return Pose(np.zeros((33, 3), np.float32), seen, np.ones(33, np.float32), world)


def test_what_is_near_is_blue_and_what_is_far_is_green() -> None:
    near, far = depth_colors(np.array([-DEPTH_RANGE_M, DEPTH_RANGE_M]))
    assert near == pytest.approx(CLOSER)
    assert near[BLUE] == near[:3].max()
    assert far == pytest.approx(FURTHER)
    assert far[GREEN] == far[:3].max()


def test_the_hips_have_the_color_halfway() -> None:
    assert depth_colors(np.zeros(1))[0] == pytest.approx((np.array(CLOSER) + FURTHER) / 2)


def test_beyond_its_range_the_gradient_saturates() -> None:
    depths = np.array([-np.inf, -2.0, 2.0, np.inf])
    assert depth_colors(depths) == pytest.approx(np.array([CLOSER, CLOSER, FURTHER, FURTHER]))


def test_blue_only_falls_and_green_only_rises_with_depth() -> None:
    steps = np.diff(depth_colors(np.linspace(-DEPTH_RANGE_M, DEPTH_RANGE_M, 101)), axis=0)
    assert (steps[:, BLUE] < 0).all()
    assert (steps[:, GREEN] > 0).all()


def test_a_landmark_below_the_visibility_threshold_is_black() -> None:
    visibility = np.linspace(0, 1, 33)
    colors = landmark_colors(pose_at(0.0, visibility), 0.5)
    assert (colors[visibility < 0.5] == OCCLUDED).all()
    assert (colors[visibility >= 0.5, GREEN] > 0.1).all()


def test_a_landmark_at_the_threshold_is_shown() -> None:
    assert landmark_colors(pose_at(0.3, 0.5), 0.5)[0] == pytest.approx(depth_colors(np.array([0.3]))[0])


@pytest.mark.parametrize(("z_m", "visibility"), [(np.nan, 1.0), (0.0, np.nan), (np.inf, 1.0)])
def test_a_landmark_whose_depth_or_visibility_is_missing_is_black(z_m: Any, visibility: Any) -> None:
    assert (landmark_colors(pose_at(z_m, visibility), 0.5) == OCCLUDED).all()


@given(st.floats(width=32), st.floats(width=32), st.floats(0, 1))
def test_every_color_is_one_that_a_marker_can_have(z_m: float, visibility: float, threshold: float) -> None:
    colors = landmark_colors(pose_at(z_m, visibility), threshold)
    assert colors.shape == (33, 4)
    assert ((colors >= 0) & (colors <= 1)).all()
    assert (colors[:, ALPHA] == 1).all()


def test_a_gradients_pieces_have_the_colors_of_their_middles() -> None:
    assert gradient(np.array([0.0, 8.0]), np.array([4.0, 0.0]), 2) == pytest.approx(
        np.array([[1, 6], [3, 2]])
    )
