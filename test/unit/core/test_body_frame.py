# SPDX-License-Identifier: Apache-2.0
"""Which way a body faces."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.spatial.transform import Rotation
from support.bodies import FACING_AXES, FACING_M

from blazepose_ros.core.body_frame import ACROSS_STD_M, DEPTH_STD_M, body_axes, body_axes_covariance
from blazepose_ros.core.landmarks import Landmark

RIGHT, DOWN, AWAY = np.eye(3)

# How the body of bodies.py is turned in the camera's axes, and where its forward, left and up then point.
TURNS = {
    "facing the camera": ([0, 0, 0], (-AWAY, RIGHT, -DOWN)),
    "with the back to the camera": ([0, 180, 0], (AWAY, -RIGHT, -DOWN)),
    "facing the image's right": ([0, -90, 0], (RIGHT, AWAY, -DOWN)),
    "facing the image's left": ([0, 90, 0], (-RIGHT, -AWAY, -DOWN)),
    "upside down": ([0, 0, 180], (-AWAY, -RIGHT, DOWN)),
    "rolled with the camera by a quarter": ([0, 0, 90], (-AWAY, DOWN, RIGHT)),
    "lying on the back, head to the image's right": ([[-90, 0, 0], [0, 90, 0]], (-DOWN, -AWAY, RIGHT)),
}


def turned(degrees: Any) -> Any:
    """Return the body turned about right, down and away, one triple after the other."""
    world = FACING_M
    for triple in np.atleast_2d(degrees):
        world = world @ Rotation.from_rotvec(triple, degrees=True).as_matrix().T
    return world


@pytest.mark.parametrize("name", TURNS)
def test_the_axes_of_a_body(name: str) -> None:
    degrees, axes = TURNS[name]
    np.testing.assert_allclose(body_axes(turned(degrees)), np.column_stack(axes), atol=1e-12)


@given(arrays(float, 4, elements=st.floats(-1, 1)).filter(lambda q: np.linalg.norm(q) > 0.1))
def test_the_axes_turn_with_the_body_and_stay_a_rotation(quaternion: Any) -> None:
    turn = Rotation.from_quat(quaternion)
    axes = body_axes(FACING_M @ turn.as_matrix().T)
    np.testing.assert_allclose(axes, turn.as_matrix() @ FACING_AXES, atol=1e-9)
    np.testing.assert_allclose(axes.T @ axes, np.eye(3), atol=1e-12)
    assert np.linalg.det(axes) == pytest.approx(1)


@given(arrays(np.float32, (33, 3), elements=st.floats(-1, 1, width=32)))
def test_the_axes_of_anything_are_a_rotation(world: Any) -> None:
    axes = body_axes(world)
    np.testing.assert_allclose(axes.T @ axes, np.eye(3), atol=1e-9)
    assert np.linalg.det(axes) == pytest.approx(1)


def test_limbs_and_head_do_not_turn_the_body() -> None:
    world = FACING_M.copy()
    torso = [Landmark.LEFT_SHOULDER, Landmark.RIGHT_SHOULDER, Landmark.LEFT_HIP, Landmark.RIGHT_HIP]
    others = np.setdiff1d(np.arange(33), torso)
    world[others] += np.random.default_rng(0).normal(size=(len(others), 3))
    np.testing.assert_array_equal(body_axes(world), body_axes(FACING_M))


def bent(world: Any) -> Any:
    """Return the body with its trunk and head bent forwards by a right angle at the hips."""
    world = world.copy()
    above = slice(0, Landmark.LEFT_HIP)
    world[above] = world[above] @ Rotation.from_rotvec([90, 0, 0], degrees=True).as_matrix().T
    return world


def without_width(world: Any) -> Any:
    world = world.copy()
    for left, right in SIDES:
        world[[left, right]] = world[[left, right]].mean(axis=0)
    return world


def twisted(world: Any) -> Any:
    """Return the body with hips that say the opposite of the shoulders."""
    world = world.copy()
    world[[Landmark.LEFT_HIP, Landmark.RIGHT_HIP]] = world[[Landmark.RIGHT_SHOULDER, Landmark.LEFT_SHOULDER]]
    world[[Landmark.LEFT_HIP, Landmark.RIGHT_HIP]] *= (1, 0, 1)
    return world


def without(world: Any, *names: Any) -> Any:
    """Return the body with the landmarks of these names where the hips are."""
    world = world.copy()
    world[[landmark for landmark in Landmark if landmark.name.endswith(names)]] = 0.0
    return world


SIDES = (
    (Landmark.LEFT_SHOULDER, Landmark.RIGHT_SHOULDER),
    (Landmark.LEFT_HIP, Landmark.RIGHT_HIP),
)
FEET = ("HEEL", "FOOT_INDEX")

# Bodies without a plain torso whose other landmarks still say which way they face.
UNCLEAR = {
    "shoulders and hips each in one point": without_width(FACING_M),
    "shoulders and hips that contradict each other": twisted(FACING_M),
    "only the bend of the knees": without(without_width(FACING_M), *FEET),
    "only one half of the body": FACING_M * (0, 1, 1),
    "shoulders at the hips": without(FACING_M, "SHOULDER")
    + (FACING_M - without(FACING_M, "SHOULDER")) * (1, 0, 0),
}


@pytest.mark.parametrize("name", UNCLEAR)
@given(arrays(float, 4, elements=st.floats(-1, 1)).filter(lambda q: np.linalg.norm(q) > 0.1))
def test_limbs_tell_where_the_torso_does_not_however_the_body_is_turned(name: str, quaternion: Any) -> None:
    turn = Rotation.from_quat(quaternion).as_matrix()
    axes = body_axes(UNCLEAR[name] @ turn.T)
    # The line from the hips to the ears leans a little backwards, as the ears are behind.
    np.testing.assert_allclose(axes, turn @ FACING_AXES, atol=0.02)


def test_who_bends_forwards_has_a_head_in_front_and_a_chest_that_looks_down() -> None:
    np.testing.assert_allclose(body_axes(bent(FACING_M)), np.column_stack((DOWN, RIGHT, -AWAY)), atol=1e-12)


@pytest.mark.parametrize(
    "collapse",
    [np.zeros_like, lambda world: world * (1, 0, 0), lambda world: world * (0, 1, 0)],
    ids=["a point", "a line from left to right", "a line from hips to head"],
)
def test_a_body_that_says_nothing_stands_upright_and_faces_the_camera(collapse: Any) -> None:
    np.testing.assert_allclose(body_axes(collapse(FACING_M)), FACING_AXES, atol=1e-12)


def test_the_axes_do_not_jump_while_a_torso_narrows_over_feet_that_point_elsewhere() -> None:
    feet = [Landmark.LEFT_HEEL, Landmark.RIGHT_HEEL, Landmark.LEFT_FOOT_INDEX, Landmark.RIGHT_FOOT_INDEX]
    elsewhere = FACING_M.copy()
    elsewhere[feet] = elsewhere[feet] @ Rotation.from_rotvec([0, 60, 0], degrees=True).as_matrix().T
    forwards = np.array([body_axes(elsewhere * (share, 1, 1))[:, 0] for share in np.linspace(1, 0.1, 500)])
    steps = np.linalg.norm(np.diff(forwards, axis=0), axis=1)
    assert steps.max() < np.radians(1)


@pytest.mark.parametrize("missing", [Landmark.LEFT_HIP, Landmark.RIGHT_SHOULDER])
def test_a_torso_of_which_a_landmark_is_missing_has_no_axes(missing: Any) -> None:
    world = FACING_M.copy()
    world[missing] = np.nan
    assert body_axes(world) is None


def test_missing_limbs_do_not_matter() -> None:
    world = without_width(FACING_M)
    world[[landmark for landmark in Landmark if landmark.name.endswith(FEET)]] = np.nan
    np.testing.assert_allclose(body_axes(world), FACING_AXES, atol=1e-12)


def test_the_uncertainty_of_the_axes_turns_with_the_body_about_the_viewing_ray() -> None:
    turn = Rotation.from_euler("z", 70, degrees=True).as_matrix()
    straight, rolled = (body_axes_covariance(world) for world in (FACING_M, FACING_M @ turn.T))
    np.testing.assert_allclose(rolled, turn @ straight @ turn.T, atol=1e-12)


def test_the_uncertainty_of_the_axes_is_that_of_jittering_landmarks() -> None:
    rng = np.random.default_rng(0)
    truth = body_axes(FACING_M)
    scale = 0.1 * np.array([ACROSS_STD_M, ACROSS_STD_M, DEPTH_STD_M])
    turns = np.array(
        [
            Rotation.from_matrix(body_axes(FACING_M + rng.normal(size=(33, 3)) * scale) @ truth.T).as_rotvec()
            for _ in range(4000)
        ]
    )
    np.testing.assert_allclose(np.cov(turns.T), 0.01 * body_axes_covariance(FACING_M), atol=2e-5)


def test_nothing_is_known_of_a_torso_without_axes() -> None:
    unknown = np.eye(3) * np.pi**2 / 3
    missing = np.full((33, 3), np.nan)
    for world in (missing, np.zeros((33, 3))):
        np.testing.assert_allclose(body_axes_covariance(world), unknown, atol=1e-12)


@given(arrays(np.float32, (33, 3), elements=st.floats(-1, 1, width=32)))
def test_no_uncertainty_is_beyond_that_of_an_unknown_angle(world: Any) -> None:
    variances = np.linalg.eigvalsh(body_axes_covariance(world))
    assert variances[0] >= -1e-9
    assert variances[2] <= np.pi**2 / 3 + 1e-9
