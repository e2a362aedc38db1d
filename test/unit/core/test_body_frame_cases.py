# SPDX-License-Identifier: Apache-2.0
"""What stands in for a torso without height or width, one after the other."""

from typing import Any

import numpy as np
import pytest
from support.bodies import FACING_AXES, FACING_M

from blazepose_ros.core.body_frame import body_axes
from blazepose_ros.core.landmarks import Landmark

L = Landmark


def body(**parts: Any) -> Any:
    """Return a body of which only the named pairs of landmarks are anywhere: x aside, y down, z away."""
    world = np.zeros((33, 3))
    for part, (x, y, z) in parts.items():
        for side, sign in (("LEFT", 1), ("RIGHT", -1)):
            world[L[f"{side}_{part.upper()}"]] = sign * x, y, z
    return world


WIDE = {"hip": (0.1, 0, 0), "shoulder": (0.18, 0, 0)}  # who bends towards the camera, or away
NARROW = {"hip": (0, 0, 0), "shoulder": (0, -0.5, 0)}  # who is seen from the side


@pytest.mark.parametrize("sign", [1, -1])
def test_without_a_trunk_upwards_is_from_the_hips_to_the_ears(sign: int) -> None:
    axes = body_axes(body(**WIDE, ear=(0.08, -0.2 * sign, 0), ankle=(0.1, -0.8 * sign, 0)))
    np.testing.assert_allclose(axes[:, 2], (0, -sign, 0), atol=1e-9)
    np.testing.assert_allclose(axes[:, 1], (1, 0, 0), atol=1e-9)


@pytest.mark.parametrize("sign", [1, -1])
def test_without_ears_upwards_is_from_the_ankles_to_the_hips(sign: int) -> None:
    axes = body_axes(body(**WIDE, ankle=(0.1, 0.8 * sign, 0)))
    np.testing.assert_allclose(axes[:, 2], (0, -sign, 0), atol=1e-9)


def test_without_ears_and_legs_upwards_is_to_the_images_top() -> None:
    np.testing.assert_allclose(body_axes(body(**WIDE)), FACING_AXES, atol=1e-9)


@pytest.mark.parametrize("sign", [1, -1])
def test_without_a_width_forwards_is_from_the_heels_to_the_toes(sign: int) -> None:
    parts = {"heel": (0, 0.8, 0), "foot_index": (0, 0.8, 0.2 * sign), "knee": (0, 0.4, -0.2 * sign)}
    axes = body_axes(body(**NARROW, **parts))
    np.testing.assert_allclose(axes[:, 0], (0, 0, sign), atol=1e-9)


@pytest.mark.parametrize(("knee", "ankle", "forward"), [
    ((0, 0.4, 0.1), (0, 0.8, 0), 1), ((0, 0.4, -0.1), (0, 0.8, 0), -1),
    # One who sits and stretches the shank forwards, or draws it back: both bones together count.
    ((0, 0.1, 0.4), (0, 0.2, 0.5), 1), ((0, 0.1, 0.4), (0, 0.5, 0.3), 1), ((0, 0.4, 0.0), (0, 0.7, -0.3), 1),
])  # fmt: skip
def test_without_feet_forwards_is_where_thighs_and_shanks_bend_to(
    knee: tuple[int, float, float], ankle: Any, forward: int
) -> None:
    axes = body_axes(body(**NARROW, knee=knee, ankle=ankle))
    np.testing.assert_allclose(axes[:, 0], (0, 0, forward), atol=1e-9)


def test_thigh_and_shank_count_alike() -> None:
    """One whose thigh points a little to the left and whose shank points more to the right."""
    world = body(**NARROW)
    world[[L.LEFT_KNEE, L.RIGHT_KNEE]] = (0.1, 0.4, -0.3)
    world[[L.LEFT_ANKLE, L.RIGHT_ANKLE]] = (0.3, 0.7, 0.0)
    bend = np.array([0.1 + (0.1 - 0.3), 0, -0.3 - 0.3])
    np.testing.assert_allclose(body_axes(world)[:, 0], bend / np.linalg.norm(bend), atol=1e-9)


def test_without_anything_else_a_person_faces_the_camera() -> None:
    np.testing.assert_allclose(body_axes(body(**NARROW)), FACING_AXES, atol=1e-9)


def test_who_lies_towards_the_camera_has_the_chest_up() -> None:
    axes = body_axes(body(hip=(0, 0, 0), shoulder=(0, 0, -0.5)))
    np.testing.assert_allclose(axes[:, 2], (0, 0, -1), atol=1e-9)
    np.testing.assert_allclose(axes[:, 0], (0, -1, 0), atol=1e-9)


@pytest.mark.parametrize(("share", "mixed"), [(0.79, True), (0.81, False), (0.4, True)])
def test_feet_count_the_more_the_narrower_the_torso_looks(share: float, mixed: bool) -> None:
    """Its lines together are clear from four fifths of the trunk on; below, their share is what counts."""
    half = share * 0.5 / 2 / 2  # of a trunk of half a meter, for the hips and the shoulders
    world = body(hip=(half, 0, 0), shoulder=(half, -0.5, 0))
    world[[L.LEFT_FOOT_INDEX, L.RIGHT_FOOT_INDEX]] = (0.2, 0.0, 0.0)  # to the person's left
    expected = np.array([1.0, 0, 0])
    if mixed:
        weight = share / 0.8
        left = weight * np.array([1.0, 0, 0]) + (1 - weight) * np.array([0, 0, 1.0])
        expected = left / np.linalg.norm(left)
    np.testing.assert_allclose(body_axes(world)[:, 1], expected, atol=1e-9)


def test_the_torso_of_a_whole_body_decides_alone() -> None:
    world = FACING_M.copy()
    world[25:] = 0
    np.testing.assert_array_equal(body_axes(world), body_axes(FACING_M))
