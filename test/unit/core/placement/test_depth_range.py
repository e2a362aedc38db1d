# SPDX-License-Identifier: Apache-2.0
"""How far away a body is, from depth images of every kind."""

import math
from typing import Any

import numpy as np
import pytest
from support.bodies import CAMERA, CAMERAS, FACING_M, hidden, pose_of, seen_by
from support.depths import WALL_M, depth_image, depth_of

from blazepose_ros.core.landmarks import Landmark
from blazepose_ros.core.placement.depth_range import DepthImage, metres, range_from_depth
from blazepose_ros.core.placement.hip_localizer import HipLocalizer
from blazepose_ros.core.placement.translation_fit import fit_translation
from blazepose_ros.core.types import Placement

THRESHOLD = 0.5
THREE_METRES = (0.3, 0.1, 3.0)
PERIOD_NS = 33_000_000


def measured_m(depth: Any, pose: Any = None, camera: Any = CAMERA, mask: Any = None) -> Any:
    """Return the distance of the hip centre, None where the depth image shows no body."""
    pose = seen_by(camera, THREE_METRES) if pose is None else pose
    fit = fit_translation(pose, camera, THRESHOLD)
    found = range_from_depth(fit, pose.world, depth, camera, mask)
    return None if found is None else math.exp(found.log_range)


def shrunk(position: Any, size: Any) -> Any:
    """Return a pose whose model thinks the body smaller than it is, and so puts it nearer."""
    return pose_of(FACING_M * size, seen_by(CAMERA, position).screen, np.float64)


def spoilt(position: Any = THREE_METRES, **parts: Any) -> DepthImage:
    """Return a depth image with values at some of its pixels: ``parts`` are index, value."""
    depth_m = depth_of(position)
    for where, value in parts.values():
        depth_m[where] = value
    return DepthImage(depth_m, CAMERA)


def around(landmark: Any, half: Any = 12) -> Any:
    """Return the pixels around a landmark."""
    x, y = np.rint(seen_by(CAMERA, THREE_METRES).screen[landmark, :2]).astype(int)
    return np.s_[y - half : y + half + 1, x - half : x + half + 1]


@pytest.mark.parametrize("position", [THREE_METRES, (0, 0, 1.5), (-1, 0.2, 4), (1.2, -0.5, 5)])
def test_the_hip_centre_is_behind_the_skin(position: Any) -> None:
    pose = seen_by(CAMERA, position)
    assert measured_m(depth_image(position), pose) == pytest.approx(np.linalg.norm(position), rel=0.01)


@pytest.mark.parametrize("size", [0.7, 0.85, 1.2])
def test_the_size_that_the_model_gives_a_body_does_not_matter(size: float) -> None:
    pose = shrunk(THREE_METRES, size)
    assert measured_m(depth_image(THREE_METRES), pose) == pytest.approx(
        np.linalg.norm(THREE_METRES), rel=0.015
    )


@pytest.mark.parametrize("scale", [0.5, 2.0, 0.33])
def test_a_depth_image_of_another_size_gives_the_same(scale: float) -> None:
    small = CAMERA.scaled_to(round(640 * scale), round(480 * scale))
    assert measured_m(depth_image(THREE_METRES, small)) == pytest.approx(
        measured_m(depth_image(THREE_METRES)), rel=0.005
    )


def test_a_depth_image_through_another_lens_gives_the_same() -> None:
    other = CAMERAS["equidistant"]
    assert measured_m(depth_image(THREE_METRES, other)) == pytest.approx(
        measured_m(depth_image(THREE_METRES)), rel=0.005
    )


@pytest.mark.parametrize("nothing", [0.0, np.nan, np.inf, -np.inf, -1.0])
def test_pixels_that_measure_nothing_do_not_count(nothing: Any) -> None:
    depth_m = depth_of(THREE_METRES)
    depth_m.ravel()[::2] = nothing
    assert measured_m(DepthImage(metres(depth_m), CAMERA)) == pytest.approx(
        np.linalg.norm(THREE_METRES), rel=0.01
    )
    assert measured_m(DepthImage(metres(np.full_like(depth_m, nothing)), CAMERA)) is None


@pytest.mark.parametrize("factor", [1000.0, 0.001, 10.0])
def test_a_depth_image_in_the_wrong_unit_shows_no_body(factor: float) -> None:
    assert measured_m(DepthImage(metres(depth_of(THREE_METRES) * factor), CAMERA)) is None


def test_a_depth_image_of_the_wall_alone_shows_no_body() -> None:
    assert measured_m(DepthImage(np.full((480, 640), WALL_M, np.float32), CAMERA)) is None


def test_a_wall_close_behind_is_not_the_body() -> None:
    near_wall = depth_image(THREE_METRES, wall_m=3.4)
    assert measured_m(near_wall) == pytest.approx(np.linalg.norm(THREE_METRES), rel=0.02)


def test_a_hand_before_one_hip_is_not_the_body() -> None:
    hand = spoilt(hand=(around(Landmark.LEFT_HIP), 2.4))
    assert measured_m(hand) == pytest.approx(np.linalg.norm(THREE_METRES), rel=0.02)


def test_a_cable_before_the_body_is_not_the_body() -> None:
    cable = spoilt(cable=(np.s_[:, ::6], 2.2))
    assert measured_m(cable) == pytest.approx(np.linalg.norm(THREE_METRES), rel=0.02)


def test_without_hips_the_shoulders_say_it() -> None:
    upper = seen_by(CAMERA, THREE_METRES, visibility=hidden(slice(0, Landmark.LEFT_HIP)))
    assert measured_m(depth_image(THREE_METRES), upper) == pytest.approx(
        np.linalg.norm(THREE_METRES), rel=0.03
    )


def test_hips_without_depth_fall_back_on_the_torso() -> None:
    hole = spoilt(left=(around(Landmark.LEFT_HIP), np.nan), right=(around(Landmark.RIGHT_HIP), np.nan))
    assert measured_m(hole) == pytest.approx(np.linalg.norm(THREE_METRES), rel=0.03)


def test_a_person_outside_of_the_depth_image_is_not_measured() -> None:
    corner = CAMERA.cropped_to(0, 0, 100, 100)
    assert measured_m(DepthImage(np.full((100, 100), 3.0, np.float32), corner)) is None


def test_the_mask_keeps_other_people_out() -> None:
    neighbour = spoilt(neighbour=(np.s_[:, 320:372], 2.5))  # hides the right half of the trunk
    mask = np.ones((480, 640), np.float32)
    mask[:, 320:372] = 0
    truth = pytest.approx(np.linalg.norm(THREE_METRES), rel=0.02)
    assert measured_m(neighbour, mask=mask) == truth


def test_spots_that_disagree_are_not_one_body() -> None:
    depth_m = depth_of(THREE_METRES)
    hips, shoulders = (
        CAMERA.project(FACING_M[[landmark]] + THREE_METRES)[0, 1]
        for landmark in (Landmark.LEFT_HIP, Landmark.LEFT_SHOULDER)
    )
    rows = np.linspace(hips, shoulders, 3).astype(int)
    x = round(CAMERA.project([THREE_METRES])[0, 0])
    depth_m[rows[0] - 15 :, :x] = 2.3
    depth_m[rows[0] - 15 :, x:] = 3.6
    depth_m[: rows[1] + 12] = 4.4
    assert measured_m(DepthImage(depth_m, CAMERA)) is None


def test_a_depth_image_is_of_the_size_of_its_camera() -> None:
    with pytest.raises(
        ValueError, match=r"the depth image is \(2, 2\), its camera's images are \(480, 640\)"
    ):
        DepthImage(np.zeros((2, 2), np.float32), CAMERA)


def places(localizer: Any, positions: Any, depths: Any) -> Any:
    """Return the hip centres of a short person, whom the color image alone puts too far away."""
    return [
        localizer.place(
            seen_by(CAMERA, position, 0.9 * FACING_M), CAMERA, THRESHOLD, index * PERIOD_NS, depth
        ).hip_center
        for index, (position, depth) in enumerate(zip(positions, depths, strict=True))
    ]


def test_while_depth_comes_it_places_the_body_and_makes_it_certain() -> None:
    positions = [THREE_METRES] * 20
    colour = places(HipLocalizer(), positions, [None] * 20)
    deep = places(HipLocalizer(), positions, [depth_image(THREE_METRES)] * 20)
    assert {each.source for each in colour} == {Placement.MONO}
    assert {each.source for each in deep} == {Placement.DEPTH}
    assert abs(np.linalg.norm(colour[-1].position) / np.linalg.norm(THREE_METRES) - 1) > 0.03
    assert np.linalg.norm(deep[-1].position) == pytest.approx(np.linalg.norm(THREE_METRES), rel=0.01)
    assert np.trace(deep[-1].covariance) < np.trace(colour[-1].covariance) / 3


def test_when_depth_ends_nothing_jumps() -> None:
    positions = [THREE_METRES] * 60
    depths = [depth_image(THREE_METRES)] * 30 + [None] * 30
    hip_centers = places(HipLocalizer(), positions, depths)
    assert [each.source for each in hip_centers] == [Placement.DEPTH] * 30 + [Placement.MONO] * 30
    distances = np.array([np.linalg.norm(each.position) for each in hip_centers])
    assert np.abs(np.diff(distances[5:])).max() < 0.01
    assert distances[-1] == pytest.approx(distances[29], rel=0.02)  # the sizes were learned


def test_depth_that_comes_back_does_not_jump_either() -> None:
    positions = [THREE_METRES] * 90
    depth = depth_image(THREE_METRES)
    distances = np.array(
        [
            np.linalg.norm(each.position)
            for each in places(HipLocalizer(), positions, [depth] * 30 + [None] * 30 + [depth] * 30)
        ]
    )
    assert np.abs(np.diff(distances[5:])).max() < 0.02


def test_depth_places_a_child_that_the_image_alone_takes_for_an_adult_far_away() -> None:
    child = shrunk(THREE_METRES, 1.45)
    localizer = HipLocalizer()
    for index in range(20):
        hip_center = localizer.place(
            child, CAMERA, THRESHOLD, index * PERIOD_NS, depth_image(THREE_METRES)
        ).hip_center
    assert hip_center.source == Placement.DEPTH
    assert np.linalg.norm(hip_center.position) == pytest.approx(np.linalg.norm(THREE_METRES), rel=0.03)


def test_a_measured_depth_needs_no_calibration() -> None:
    assumed = CAMERAS["assumed"]
    pose = seen_by(CAMERA, THREE_METRES)  # the true camera's focal length is another
    hip_center = HipLocalizer().place(pose, assumed, THRESHOLD, 0, depth_image(THREE_METRES)).hip_center
    assert hip_center.source == Placement.DEPTH
    assert hip_center.position[2] == pytest.approx(THREE_METRES[2], rel=0.03)
    assert np.sqrt(hip_center.covariance[2, 2]) < 0.1
