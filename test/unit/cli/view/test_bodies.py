# SPDX-License-Identifier: Apache-2.0
"""People as bodies in the 3D scene."""

import math
from typing import Any

import numpy as np
import pytest
from support.bodies import FACING_M, placed, pose_of

from blazepose_ros.cli.view.bodies import DEVIATIONS, LABEL_ABOVE_M, UNSEEN, figures, floor_y
from blazepose_ros.cli.view.scene import FILLED, framing, quaternions
from blazepose_ros.core.landmarks import Landmark
from blazepose_ros.core.visualization.palette import CLOSER, FURTHER, label

THRESHOLD = 0.5
LEFT_UPPER_ARM, LEFT_FOREARM = 0, 1


def figure_of(person: Any) -> Any:
    (figure,) = figures([person], THRESHOLD)
    return figure


def ends(parts: Any) -> Any:
    """Return where tapered cylinders end."""
    return parts.positions + parts.rotations[:, :, 2] * parts.scales[:, 2:]


def test_a_limb_reaches_from_joint_to_joint_where_the_person_is() -> None:
    hips = np.array((0.5, 0.2, 3.0))
    limbs = figure_of(placed(hips)).limbs
    shoulder, elbow, wrist = (
        FACING_M[Landmark[f"LEFT_{name}"]] + hips for name in ("SHOULDER", "ELBOW", "WRIST")
    )
    np.testing.assert_allclose(limbs.positions[LEFT_UPPER_ARM], shoulder, atol=1e-6)
    np.testing.assert_allclose(ends(limbs)[LEFT_UPPER_ARM], elbow, atol=1e-6)
    np.testing.assert_allclose(ends(limbs)[LEFT_FOREARM], wrist, atol=1e-6)


def test_rotations_are_rotations() -> None:
    figure = figure_of(placed())
    for parts in (figure.limbs, figure.ellipsoids, figure.spread):
        products = parts.rotations @ parts.rotations.transpose(0, 2, 1)
        np.testing.assert_allclose(products, np.broadcast_to(np.eye(3), products.shape), atol=1e-6)
        np.testing.assert_allclose(np.linalg.det(parts.rotations), 1, atol=1e-6)


def test_the_body_covers_every_landmark_and_no_more_than_a_body_does() -> None:
    """Each landmark is within a hand's breadth of a part's middle line, and nothing sticks out."""
    figure = figure_of(placed((0.0, 0.0, 3.0)))
    points = np.vstack([figure.limbs.positions, ends(figure.limbs), figure.ellipsoids.positions])
    landmarks = FACING_M + np.array((0.0, 0.0, 3.0))
    gaps_m = np.linalg.norm(landmarks[:, None] - points[None], axis=2).min(axis=1)
    assert gaps_m.max() < 0.12
    assert (points > landmarks.min(axis=0) - 0.1).all()
    assert (points < landmarks.max(axis=0) + 0.1).all()


def test_the_label_is_above_the_highest_landmark_and_has_the_distance_of_the_image() -> None:
    person = placed((0.5, 0.2, 3.0))
    figure = figure_of(person)
    assert figure.label == label(person) == f"person 1  {math.hypot(0.5, 0.2, 3.0):.2f} m"
    assert figure.label_at[1] == pytest.approx(0.2 + FACING_M[:, 1].min() - LABEL_ABOVE_M, abs=1e-6)


def test_people_who_are_not_placed_stand_side_by_side() -> None:
    shown = figures([pose_of(person_id=number) for number in (1, 2, 3)], THRESHOLD)
    middles = [figure.corners[:, 0].mean() for figure in shown]
    assert middles[0] < middles[1] < middles[2]
    assert middles[0] == pytest.approx(-middles[2], abs=1e-6)
    assert all(figure.spread is None for figure in shown)


@pytest.mark.parametrize("position", [(np.nan, 0.0, 3.0), (0.0, np.inf, 3.0)])
def test_a_place_that_is_none_is_not_used(position: Any) -> None:
    figure = figure_of(placed(position))
    assert np.isfinite(figure.corners).all()
    assert figure.spread is None


def test_a_part_whose_landmark_is_missing_has_no_size_and_all_others_stay() -> None:
    world = FACING_M.copy()
    world[Landmark.LEFT_WRIST] = np.nan
    whole, figure = figure_of(placed()), figure_of(placed(world=world))
    for name in ("limbs", "ellipsoids"):
        known, all_parts = getattr(figure, name), getattr(whole, name)
        assert known.scales.shape == all_parts.scales.shape
        assert np.isfinite(known.positions).all()
        assert np.isfinite(known.rotations).all()
    assert figure.limbs.scales[LEFT_FOREARM].tolist() == [0, 0, 0]
    assert (figure.limbs.scales == 0).all(axis=1).sum() == 2  # forearm and thumb
    assert (figure.limbs.scales[LEFT_UPPER_ARM] > 0).all()


@pytest.mark.parametrize("world", [np.zeros((33, 3)), np.full((33, 3), 1e30)])
def test_a_body_that_is_none_is_no_error(world: Any) -> None:
    figure = figure_of(placed(world=world))
    assert np.isfinite(figure.ellipsoids.positions).all()


def test_a_person_without_any_landmark_is_not_shown() -> None:
    assert figures([pose_of(np.full((33, 3), np.nan), person_id=1)], THRESHOLD) == []


def test_colors_are_those_of_the_markers_and_gray_where_nothing_is_seen() -> None:
    visibility = np.ones(33)
    visibility[[Landmark.LEFT_SHOULDER, Landmark.LEFT_ELBOW]] = 0.1
    world = FACING_M.copy()
    world[[Landmark.RIGHT_SHOULDER, Landmark.RIGHT_ELBOW], 2] = -1.0
    world[[Landmark.RIGHT_KNEE, Landmark.RIGHT_ANKLE], 2] = 1.0
    limbs = figure_of(placed(world=world, visibility=visibility)).limbs
    np.testing.assert_allclose(limbs.colors[LEFT_UPPER_ARM], UNSEEN)
    right = len(limbs.colors[:-5]) // 2  # the right side follows the left one
    np.testing.assert_allclose(limbs.colors[right + LEFT_UPPER_ARM], CLOSER[:3])
    np.testing.assert_allclose(limbs.colors[right + 3], FURTHER[:3])  # shank


def test_the_spread_is_the_ellipsoid_of_the_covariance() -> None:
    turn = np.linalg.qr(np.random.default_rng(0).normal(size=(3, 3)))[0]
    covariance = turn @ np.diag([0.01, 0.04, 0.09]) @ turn.T
    spread = figure_of(placed((1.0, 2.0, 3.0), covariance=covariance)).spread
    np.testing.assert_allclose(spread.positions, [(1.0, 2.0, 3.0)])
    np.testing.assert_allclose(spread.scales, [DEVIATIONS * np.array((0.1, 0.2, 0.3))])
    axes = spread.rotations[0] * spread.scales[0] / DEVIATIONS
    np.testing.assert_allclose(axes @ axes.T, covariance, atol=1e-9)


@pytest.mark.parametrize("covariance", [np.full((3, 3), np.nan), np.diag([1.0, -1.0, 1.0])])
def test_a_covariance_that_is_none_has_no_ellipsoid(covariance: Any) -> None:
    assert figure_of(placed(covariance=covariance)).spread is None


def test_the_floor_is_under_the_lowest_foot() -> None:
    low, high = placed((0.0, 0.5, 3.0)), placed((0.0, -0.5, 3.0))
    assert floor_y(figures([high, low], THRESHOLD)) == pytest.approx(0.5 + FACING_M[:, 1].max())
    assert floor_y([]) is None


def test_quaternions_have_w_first() -> None:
    quarter = np.array([[[0.0, -1, 0], [1, 0, 0], [0, 0, 1]]])
    np.testing.assert_allclose(quaternions(quarter), [[math.sqrt(0.5), 0, 0, math.sqrt(0.5)]])


def in_window(point: Any, viewpoint: Any, fov: float, aspect: float) -> Any:
    """Return where a point is seen, -1 to 1 from left to right and from bottom to top."""
    forward = viewpoint.target_m - viewpoint.position_m
    forward /= np.linalg.norm(forward)
    right = np.cross((0.0, 1.0, 0.0), forward)
    right /= np.linalg.norm(right)
    up = np.cross(right, forward)
    ray = point - viewpoint.position_m
    scale = ray @ forward * math.tan(fov / 2)
    return np.array([ray @ right / (scale * aspect), ray @ -up if up[1] > 0 else ray @ up]) / (1, scale)


@pytest.mark.parametrize("aspect", [0.46, 1.0, 2.2])
@pytest.mark.parametrize("free", [1.0, 0.4])
@pytest.mark.parametrize("people", [[(0.0, 0.0, 3.0)], [(-2.0, 0.0, 2.0), (2.5, 0.3, 7.0), (0.0, 0.0, 4.0)]])
def test_everybody_is_in_the_free_part_of_the_window(aspect: float, free: float, people: Any) -> None:
    shown = figures([placed(spot, person_id=n) for n, spot in enumerate(people, 1)], THRESHOLD)
    corners = np.stack([figure.corners for figure in shown])
    box = np.stack([corners[:, 0].min(axis=0), corners[:, 1].max(axis=0)])
    viewpoint = framing(box, 1.0, aspect, free)
    for figure in shown:
        for point in (*figure.limbs.positions, figure.label_at):
            x, y = in_window(point, viewpoint, 1.0, aspect)
            assert abs(x) <= FILLED + 0.02
            assert 1 - 2 * free <= y <= 1
