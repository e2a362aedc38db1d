# SPDX-License-Identifier: Apache-2.0
"""The translation against a minimum found by search, its scatter, and the least distance of a body."""

from typing import Any

import numpy as np
import pytest
from scipy.optimize import minimize
from support.bodies import CAMERA, FACING_M, as_described, hidden, noisy, pose_of, seen_by

from blazepose_ros.core.landmarks import Landmark
from blazepose_ros.core.placement.translation_fit import fit_translation, rotate_to_optical_axes

PLACE = (0.4, -0.2, 3.0)
ARM = [
    Landmark.LEFT_ELBOW,
    Landmark.LEFT_WRIST,
    Landmark.LEFT_PINKY,
    Landmark.LEFT_INDEX,
    Landmark.LEFT_THUMB,
]


def half_hidden(seed: Any) -> Any:
    return np.random.default_rng(seed).uniform(0.3, 1.0, len(Landmark))


def torn(seed: Any, sigma_px: float = 6.0) -> Any:
    """Return a jittering person one of whose arms is elsewhere, each landmark seen as well as it may be."""
    pose = noisy(seen_by(CAMERA, PLACE), sigma_px, seed)
    screen = pose.screen.copy()
    screen[ARM, :2] += (60, -40)
    return pose_of(pose.world, screen, np.float64, visibility=half_hidden(seed))


def residuals(pose: Any, position: Any) -> Any:
    """Return by what tangents landmarks are seen elsewhere than a body at a position projects, (33, 2)."""
    body = pose.world + np.asarray(position)
    return body[:, :2] / body[:, 2:] - CAMERA.normalize(pose.screen[:, :2] - 0.5)


def huber(pose: Any, position: Any) -> float:
    """Return the loss that the best position makes least: square within a centimeter at a meter."""
    away = np.linalg.norm(residuals(pose, position), axis=1)
    losses = np.where(away < 0.01, away**2 / 2, 0.01 * (away - 0.005))
    return float(pose.visibility @ losses)


@pytest.mark.parametrize("seed", range(4))
def test_the_translation_makes_hubers_loss_least(seed: Any) -> None:
    pose = torn(seed)
    best = minimize(lambda position: 1e4 * huber(pose, position), PLACE, method="Nelder-Mead", tol=1e-9).x
    np.testing.assert_allclose(fit_translation(pose, CAMERA, 0.1).position, best, atol=2e-3)
    assert np.linalg.norm(best - PLACE) > 0.005  # it is not simply where the body was


@pytest.mark.parametrize("seed", range(3))
def test_the_scatter_is_the_inverse_of_the_normal_equations(seed: Any) -> None:
    pose = torn(seed)
    fit = fit_translation(pose, CAMERA, 0.1)
    away = residuals(pose, fit.position)
    weights = pose.visibility * 0.01 / np.maximum(np.linalg.norm(away, axis=1), 0.01)
    body = pose.world + fit.position
    information = np.zeros((3, 3))
    for (x, y, z), weight in zip(body, weights, strict=True):
        slopes = np.array([[1.0, 0, -x / z], [0, 1, -y / z]]) / z
        information += weight * slopes.T @ slopes
    # A quarter of the landmarks, of two numbers each, err independently.
    variance = (weights @ (away**2).sum(axis=1)) / (2 * weights.sum()) / 0.25
    np.testing.assert_allclose(fit.scatter, variance * np.linalg.inv(information), rtol=1e-9, atol=1e-15)


def test_rays_are_those_of_what_is_usable() -> None:
    shown = hidden(range(10, 30))
    fit = fit_translation(seen_by(CAMERA, PLACE, visibility=shown), CAMERA, 0.5)
    np.testing.assert_array_equal(fit.usable, shown > 0)
    body = FACING_M + PLACE
    np.testing.assert_allclose(fit.rays[10:30], (body[:, :2] / body[:, 2:])[10:30], atol=1e-9)
    assert np.isnan(fit.rays[:10]).all()


@pytest.mark.parametrize(("visibility", "threshold", "counts"), [
    (0.5, 0.5, True), (0.499, 0.5, False), (0.0, 0.0, False), (0.001, 0.0, True), (1.0, 1.0, True),
])  # fmt: skip
def test_a_landmark_is_seen_from_the_threshold_on_and_never_at_zero(
    visibility: float, threshold: float, counts: bool
) -> None:
    values = np.ones(len(Landmark))
    values[5] = visibility
    fit = fit_translation(seen_by(CAMERA, PLACE, visibility=values), CAMERA, threshold)
    assert fit.usable[5] == counts


@pytest.mark.parametrize("axis", range(3))
@pytest.mark.parametrize(("extent_m", "counts"), [(2.99, True), (-2.99, True), (3.01, False), (-3.01, False)])
def test_a_landmark_three_meters_from_the_hips_is_absurd(axis: Any, extent_m: float, counts: bool) -> None:
    pose = seen_by(CAMERA, (0, 0, 6.0))
    world = pose.world.copy()
    world[5, axis] = extent_m
    fit = fit_translation(pose_of(world, pose.screen, np.float64), CAMERA, 0.5)
    assert fit.usable[5] == counts


@pytest.mark.parametrize("axis", range(2))
@pytest.mark.parametrize(("tangent", "counts"), [(9.9, True), (-9.9, True), (10.1, False), (-10.1, False)])
def test_a_landmark_far_off_the_axis_is_absurd(axis: Any, tangent: float, counts: bool) -> None:
    world = FACING_M.copy()
    world[5] = (0.0, 0.0, -2.75)
    world[5, axis] = 0.25 * tangent
    fit = fit_translation(seen_by(CAMERA, (0, 0, 3.0), world), CAMERA, 0.5)
    assert fit.usable[5] == counts


REACHING = FACING_M.copy()
REACHING[Landmark.LEFT_WRIST] = (0.001, 0.001, -0.6)  # in the camera's face


@pytest.mark.parametrize(("world", "least_m"), [
    (FACING_M, 0.3 - FACING_M[:, 2].mean()),
    (FACING_M * 0.2, 0.3 - 0.2 * FACING_M[:, 2].mean()), (REACHING, 0.6),
])  # fmt: skip
@pytest.mark.parametrize(("beyond_m", "is_placed"), [(-0.01, False), (0.01, True)])
def test_a_body_nearer_than_thirty_centimeters_in_its_mean_is_nowhere(
    world: Any, least_m: Any, beyond_m: float, is_placed: bool
) -> None:
    """Nor is one of which a landmark is behind the camera."""
    position = (0.0, 0.0, least_m + beyond_m)
    fit = fit_translation(seen_by(CAMERA, position, world), CAMERA, 0.5)
    assert (fit is not None) is is_placed
    if is_placed:
        np.testing.assert_allclose(fit.position, position, atol=1e-3)


def test_a_body_without_parallax_is_nowhere() -> None:
    pose = seen_by(CAMERA, PLACE)
    point = pose_of(pose.world, np.tile(pose.screen[:1], (33, 1)), np.float64)
    assert fit_translation(point, CAMERA, 0.5) is None
    speck = pose_of(pose.world, 1e-9 * (pose.screen - pose.screen[0]) + pose.screen[0], np.float64)
    fit = fit_translation(speck, CAMERA, 0.5)
    assert fit is None or fit.position[2] < 1e6


@pytest.mark.parametrize("side", ["left", "right", "above"])
def test_hips_beside_the_image_count_as_at_its_edge(side: str) -> None:
    inside = {"left": (0.0, 200.0), "right": (640.0, 200.0), "above": (300.0, 0.0)}[side]
    outside = {"left": (-900.0, 200.0), "right": (2000.0, 200.0), "above": (300.0, -70.0)}[side]
    edge, beyond = (
        rotate_to_optical_axes(pose_of(FACING_M, np.full((33, 3), (*hips, 0.0)), np.float64), CAMERA).world
        for hips in (inside, outside)
    )
    np.testing.assert_array_equal(beyond, edge)
    assert np.abs(edge - FACING_M).max() > 0.1


def test_each_hip_is_moved_into_the_image_by_itself() -> None:
    pose = pose_of(FACING_M, np.full((33, 3), (300.0, 240.0, 0.0)), np.float64)
    pose.screen[Landmark.LEFT_HIP, :2] = 1240.0, 240.0
    expected = pose_of(FACING_M, np.full((33, 3), (470.0, 240.0, 0.0)), np.float64)
    np.testing.assert_allclose(
        rotate_to_optical_axes(pose, CAMERA).world, rotate_to_optical_axes(expected, CAMERA).world, atol=1e-12
    )


def test_the_turned_pose_is_of_the_same_type() -> None:
    pose = as_described(seen_by(CAMERA, PLACE), CAMERA)
    single = pose_of(pose.world, pose.screen, np.float32)
    assert rotate_to_optical_axes(single, CAMERA).world.dtype == np.float32
