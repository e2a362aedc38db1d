"""Which way a body faces."""

import numpy as np
import pytest
from bodies import FACING_AXES, FACING_M
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.spatial.transform import Rotation

from blazepose_ros.body_axes import ACROSS_STD_M, DEPTH_STD_M, body_axes, body_axes_covariance
from blazepose_ros.landmarks import Landmark

RIGHT, DOWN, AWAY = np.eye(3)

# How the body of bodies.py is turned in the camera's axes, and where its forward, left and up then point.
TURNS = {
    "facing the camera": ([0, 0, 0], (-AWAY, RIGHT, -DOWN)),
    "with the back to the camera": ([0, 180, 0], (AWAY, -RIGHT, -DOWN)),
    "facing the image's right": ([0, -90, 0], (RIGHT, AWAY, -DOWN)),
    "facing the image's left": ([0, 90, 0], (-RIGHT, -AWAY, -DOWN)),
    "upside down": ([0, 0, 180], (-AWAY, -RIGHT, DOWN)),
    "lying on the back, head to the image's right": ([[-90, 0, 0], [0, 90, 0]], (-DOWN, -AWAY, RIGHT)),
}


def turned(degrees):
    """Return the body turned about right, down and away, one triple after the other."""
    world = FACING_M
    for triple in np.atleast_2d(degrees):
        world = world @ Rotation.from_rotvec(triple, degrees=True).as_matrix().T
    return world


@pytest.mark.parametrize("name", TURNS)
def test_the_axes_of_a_body(name):
    degrees, axes = TURNS[name]
    np.testing.assert_allclose(body_axes(turned(degrees)), np.column_stack(axes), atol=1e-12)


@given(arrays(float, 4, elements=st.floats(-1, 1)).filter(lambda q: np.linalg.norm(q) > 0.1))
def test_the_axes_turn_with_the_body_and_stay_a_rotation(quaternion):
    turn = Rotation.from_quat(quaternion)
    axes = body_axes(FACING_M @ turn.as_matrix().T)
    np.testing.assert_allclose(axes, turn.as_matrix() @ FACING_AXES, atol=1e-9)
    np.testing.assert_allclose(axes.T @ axes, np.eye(3), atol=1e-12)
    assert np.linalg.det(axes) == pytest.approx(1)


@given(arrays(np.float32, (33, 3), elements=st.floats(-1, 1, width=32)))
def test_the_axes_of_anything_are_a_rotation_or_none(world):
    axes = body_axes(world)
    if axes is not None:
        np.testing.assert_allclose(axes.T @ axes, np.eye(3), atol=1e-9)
        assert np.linalg.det(axes) == pytest.approx(1)


def test_limbs_and_head_do_not_turn_the_body():
    world = FACING_M.copy()
    torso = [Landmark.LEFT_SHOULDER, Landmark.RIGHT_SHOULDER, Landmark.LEFT_HIP, Landmark.RIGHT_HIP]
    others = np.setdiff1d(np.arange(33), torso)
    world[others] += np.random.default_rng(0).normal(size=(len(others), 3))
    np.testing.assert_array_equal(body_axes(world), body_axes(FACING_M))


def narrowed(world):
    return world * (0, 1, 1)


def shortened(world):
    return world * (1, 0, 0)


@pytest.mark.parametrize(
    "collapse", [np.zeros_like, narrowed, shortened, lambda world: np.full_like(world, np.nan)],
    ids=["a point", "a line from hips to head", "a line from left to right", "missing"],
)  # fmt: skip
def test_a_torso_that_collapsed_has_no_axes(collapse):
    assert body_axes(collapse(FACING_M)) is None


def test_the_uncertainty_of_the_axes_turns_with_the_body_about_the_viewing_ray():
    turn = Rotation.from_euler("z", 70, degrees=True).as_matrix()
    straight, rolled = (body_axes_covariance(world) for world in (FACING_M, FACING_M @ turn.T))
    np.testing.assert_allclose(rolled, turn @ straight @ turn.T, atol=1e-12)


def test_the_uncertainty_of_the_axes_is_that_of_jittering_landmarks():
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


def test_nothing_is_known_of_a_torso_without_axes():
    np.testing.assert_array_equal(body_axes_covariance(np.zeros((33, 3))), np.eye(3) * np.pi**2 / 3)


@given(arrays(np.float32, (33, 3), elements=st.floats(-1, 1, width=32)))
def test_no_uncertainty_is_beyond_that_of_an_unknown_angle(world):
    variances = np.linalg.eigvalsh(body_axes_covariance(world))
    assert variances[0] >= -1e-9
    assert variances[2] <= np.pi**2 / 3 + 1e-9
