# SPDX-License-Identifier: Apache-2.0
"""Arms and legs are as long as they were, whatever two rays leave open."""

from typing import Any

import numpy as np
import pytest
from support.several_cameras import walker

from blazepose_ros.core.fusion.limb_lengths import LIMBS, LimbLengths
from blazepose_ros.core.landmarks import NUM_LANDMARKS, Landmark

# Two cameras that face each other along x.
ALONG_STD_M, ACROSS_STD_M = 0.05, 0.01
SCATTER = np.tile(np.diag([ALONG_STD_M**2, ACROSS_STD_M**2, ACROSS_STD_M**2]), (NUM_LANDMARKS, 1, 1))
OTHERS = np.setdiff1d(np.arange(NUM_LANDMARKS), LIMBS)
PERIOD_NS = 1_000_000_000 // 30
# A forearm that points to one of the cameras: what is open is its length.
POINTING = walker(0.0)
POINTING[Landmark.LEFT_WRIST] = POINTING[Landmark.LEFT_ELBOW] + (0.25, 0.0, 0.0)


def scattered(places: Any, seed: int) -> Any:
    noise = np.random.default_rng(seed).normal(size=places.shape)
    return places + noise * (ALONG_STD_M, ACROSS_STD_M, ACROSS_STD_M)


def lengths(places: Any) -> Any:
    return np.linalg.norm(np.diff(places[LIMBS], axis=-2), axis=-1)


def watched(places: Any, images: int = 90) -> LimbLengths:
    """Return what is known after some seconds of a person who does not move."""
    limbs = LimbLengths()
    for index in range(images):
        limbs.held(scattered(places, index), SCATTER, index * PERIOD_NS)
    return limbs


def test_a_limb_along_the_open_line_is_as_long_as_it_is_in_the_mean() -> None:
    limbs, raw, held = watched(POINTING), [], []
    for index in range(90, 290):
        places = scattered(POINTING, index)
        raw.append(places)
        held.append(limbs.held(places, SCATTER, index * PERIOD_NS)[0])
    deviations = [np.std([lengths(each)[0, 1] for each in found]) for found in (raw, held)]
    assert deviations[0] > 0.06
    assert deviations[1] < 0.02
    joints = LIMBS[0, 1:]
    errors = [np.linalg.norm((np.array(found) - POINTING)[:, joints], axis=2).mean() for found in (raw, held)]
    assert errors[1] < 0.85 * errors[0]


def test_covariances_say_what_the_lengths_tell() -> None:
    limbs, off, expected = watched(POINTING), [], []
    for index in range(90, 390):
        places, scatter = limbs.held(scattered(POINTING, index), SCATTER, index * PERIOD_NS)
        off.append(places[LIMBS[0]] - POINTING[LIMBS[0]])
        expected.append(scatter[LIMBS[0]])
    squares = np.einsum("tji,tjik,tjk->tj", off, np.linalg.inv(expected), off) / 3
    assert 0.6 < squares.mean() < 1.4
    assert np.linalg.eigvalsh(expected).min() > 0.0
    assert np.all(np.trace(expected, axis1=-2, axis2=-1) < np.trace(SCATTER[0]))


def test_what_is_no_limb_stays_and_what_is_given_is_left_alone() -> None:
    limbs, places = watched(POINTING), scattered(POINTING, 500)
    given, scatter = places.copy(), SCATTER.copy()
    held, certain = limbs.held(places, scatter, 90 * PERIOD_NS)
    np.testing.assert_array_equal(held[OTHERS], places[OTHERS])
    np.testing.assert_array_equal(certain[OTHERS], SCATTER[OTHERS])
    np.testing.assert_array_equal(places, given)
    np.testing.assert_array_equal(scatter, SCATTER)


def test_at_first_both_sides_tell_of_each_other() -> None:
    places = walker(0.0)
    places[Landmark.LEFT_WRIST] += (0.06, 0.0, 0.0)
    before, after = (
        np.abs(np.diff(lengths(each)[:2, 1])) for each in (places, LimbLengths().held(places, SCATTER, 0)[0])
    )
    assert after < 0.8 * before


def test_a_side_that_is_shorter_remains_so() -> None:
    places = walker(0.0)
    shorter = places[Landmark.LEFT_ELBOW] + 0.6 * (places[Landmark.LEFT_WRIST] - places[Landmark.LEFT_ELBOW])
    places[Landmark.LEFT_WRIST] = shorter
    limbs = watched(places, 300)
    held = [limbs.held(scattered(places, each), SCATTER, each * PERIOD_NS)[0] for each in range(300, 400)]
    both = np.mean([lengths(each)[:2, 1] for each in held], axis=0)
    true = lengths(places)[:2, 1]
    assert both[1] - both[0] > 0.6 * (true[1] - true[0])


def test_where_joints_are_known_well_lengths_hardly_matter() -> None:
    limbs, taller = watched(POINTING), 1.15 * POINTING
    held, _ = limbs.held(taller, 0.0004 * SCATTER, 90 * PERIOD_NS)
    np.testing.assert_allclose(held, taller, atol=0.003)


@pytest.mark.parametrize("after_s", [10.0, 60.0])
def test_somebody_else_has_lengths_of_their_own_after_a_while(after_s: float) -> None:
    limbs, child = watched(POINTING), 0.7 * POINTING
    images = range(90, 90 + round(30 * after_s))
    for index in images:
        held, _ = limbs.held(scattered(child, index), SCATTER, index * PERIOD_NS)
    off = np.mean(lengths(held) - lengths(child))
    assert abs(off) < (0.05 if after_s < 30.0 else 0.01)


def test_limbs_that_are_points_stay_finite() -> None:
    held, certain = LimbLengths().held(np.zeros((NUM_LANDMARKS, 3)), SCATTER, 0)
    assert np.isfinite(held).all()
    assert np.isfinite(certain).all()
