# SPDX-License-Identifier: Apache-2.0
"""A placed body lies on the rays on which it is seen, as far as its description leaves that open."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from support.bodies import CAMERA, CAMERAS, FACING_M, as_described, hidden, seen_by

from blazepose_ros.core.landmarks import Landmark
from blazepose_ros.core.placement.hip_localizer import HipLocalizer
from blazepose_ros.core.placement.landmark_rays import SEEN_SHARE, SEEN_STD_M, onto_rays, trust_in
from blazepose_ros.core.placement.translation_fit import fit_translation

THRESHOLD = 0.5
HIPS_M = np.array([0.8, -0.2, 3.5])
HIPS = [Landmark.LEFT_HIP, Landmark.RIGHT_HIP]
WRIST = Landmark.LEFT_WRIST
MODEL_STD_M = 0.06
RAY = FACING_M[WRIST] + HIPS_M
ACROSS = np.cross(RAY, [0.0, 1.0, 0.0]) / np.linalg.norm(np.cross(RAY, [0.0, 1.0, 0.0]))


def moved(off_m: Any, landmark: Landmark = WRIST) -> Any:
    """Return the landmarks of a body that a model describes as the image does not show it."""
    world = FACING_M.copy()
    world[landmark] += off_m
    return world


def corrected(world: Any, trust: float = 1.0, std_m: float = MODEL_STD_M, position: Any = HIPS_M) -> Any:
    fit = fit_translation(seen_by(CAMERA, position), CAMERA, THRESHOLD)
    return onto_rays(world, position, fit, np.full(len(Landmark), trust), std_m)


def test_a_body_that_is_seen_as_it_is_described_stays() -> None:
    np.testing.assert_allclose(corrected(FACING_M), FACING_M, atol=1e-9)


def test_what_is_described_beside_its_ray_moves_there_by_the_variances() -> None:
    seen_variance = SEEN_STD_M**2 + SEEN_SHARE**2 * (RAY @ RAY)
    share = MODEL_STD_M**2 / (MODEL_STD_M**2 + seen_variance)
    rest = corrected(moved(0.2 * ACROSS)) - FACING_M
    np.testing.assert_allclose(rest[WRIST], (1.0 - share) * 0.2 * ACROSS, atol=1e-3)
    assert 0.8 < share < 0.9
    np.testing.assert_allclose(np.delete(rest, WRIST, axis=0), 0.0, atol=1e-9)


def test_along_its_ray_a_landmark_is_where_the_model_says() -> None:
    along = moved(0.2 * RAY / np.linalg.norm(RAY))
    np.testing.assert_allclose(corrected(along), along, atol=1e-9)


def test_of_people_far_away_a_pixel_tells_less() -> None:
    near, far = (
        np.linalg.norm(corrected(moved([0.2, 0.0, 0.0]), position=np.array([0.0, 0.0, z])) - FACING_M)
        for z in (3.0, 15.0)
    )
    assert far > 2.0 * near


@pytest.mark.parametrize("trust", [0.0, 0.5])
def test_what_is_not_trusted_stays(trust: float) -> None:
    whole, part = (corrected(moved(0.2 * ACROSS), each) - moved(0.2 * ACROSS) for each in (1.0, trust))
    np.testing.assert_allclose(part, trust * whole, atol=1e-9)


def test_the_hip_center_stays_the_middle_of_the_hips() -> None:
    world = moved(0.1 * ACROSS, Landmark.LEFT_HIP)
    found = corrected(world)
    assert np.linalg.norm(found - world, axis=1)[HIPS].min() > 0.01
    np.testing.assert_allclose(found[HIPS].mean(axis=0), world[HIPS].mean(axis=0), atol=1e-9)


@pytest.mark.parametrize("value", [np.nan, np.inf, 1e9])
def test_landmarks_that_make_no_sense_move_nothing(value: float) -> None:
    world = FACING_M.copy()
    world[WRIST] = value
    pose = seen_by(CAMERA, HIPS_M)
    fit = fit_translation(replace(pose, world=world), CAMERA, THRESHOLD)
    with np.errstate(invalid="ignore"):
        found = onto_rays(world, HIPS_M, fit, np.ones(len(Landmark)), MODEL_STD_M)
    np.testing.assert_array_equal(found[WRIST], world[WRIST])
    assert np.isfinite(np.delete(found, WRIST, axis=0)).all()


@pytest.mark.parametrize(
    ("visibility", "threshold", "trust"),
    [
        *((0.4, 0.5, 0.0), (0.5, 0.5, 0.0), (0.75, 0.5, 0.5), (1.0, 0.5, 1.0)),
        *((0.3, 0.0, 0.3), (1.0, 1.0, 0.0), (0.9, 1.0, 0.0)),
    ],
)
def test_trust_grows_from_the_threshold_on(visibility: float, threshold: float, trust: float) -> None:
    assert trust_in(np.full(3, visibility), threshold) == pytest.approx([trust] * 3)


@pytest.mark.parametrize("camera", [each for each in CAMERAS.values() if not each.assumed])
def test_a_placed_arm_is_seen_where_it_is(camera: Any) -> None:
    """What the model describes wrong across the ray, the image mends; what is hidden stays."""
    pose = as_described(seen_by(camera, HIPS_M), camera)
    wrong = replace(pose, world=pose.world + 0.15 * np.eye(33)[WRIST][:, None] * (1, 0, 0))
    others = hidden([landmark for landmark in Landmark if landmark is not WRIST])
    off_px = []
    for shown in (wrong, replace(wrong, visibility=others)):
        placed = HipLocalizer().place(shown, camera, THRESHOLD, 0)
        place_px = camera.project(placed.world + placed.hip_center.position)[WRIST] + 0.5
        off_px.append(np.linalg.norm(place_px - pose.screen[WRIST, :2]))
    assert off_px[0] < 6.0
    assert off_px[1] > 12.0
