# SPDX-License-Identifier: Apache-2.0
"""What is said of a pose, on either side of each limit; sizes, boxes and colors by their definitions."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from support.bodies import CAMERA, FACING_M, placed, pose_of, seen_by

from blazepose_ros.core.landmarks import Landmark
from blazepose_ros.core.tracking.appearance import (
    appearance_of,
    box_px,
    difference,
    distance,
    mean_appearance,
    middle,
    size_px,
)
from blazepose_ros.core.tracking.pose_quality import quality_of
from blazepose_ros.core.types import Frame, Status

WHOLE = seen_by(CAMERA, (0, 0, 3.9))
SHOULDERS_TO_ANKLES = [11, 12, 23, 24, 25, 26, 27, 28]


def frame(rgb: Any = 120, width: Any = CAMERA.width, height: Any = CAMERA.height) -> Frame:
    return Frame(np.full((height, width, 3), rgb, np.uint8), 0)


def at(landmark: Any, x: Any, y: Any) -> Any:
    screen = WHOLE.screen.copy()
    screen[landmark, :2] = x, y
    return replace(WHOLE, screen=screen)


@pytest.mark.parametrize(("position", "far"), [
    ((0, 0, 4.0), False), ((0, 0, 4.001), True), ((3, 0, 3), True), ((0, 3, 3), True), ((2, 2, 2.8), False),
])  # fmt: skip
def test_four_meters_along_the_ray_are_not_too_far(position: Any, far: bool) -> None:
    assert bool(quality_of(placed(position), frame()) & Status.TOO_FAR) is far


@pytest.mark.parametrize(("width", "height"), [(640, 480), (480, 640)])
@pytest.mark.parametrize(("share", "far"), [(0.199, True), (0.201, False)])
def test_a_body_below_a_fifth_of_the_longer_side_is_too_far(
    width: int, height: int, share: float, far: bool
) -> None:
    screen = np.column_stack([FACING_M[:, :2] * 640 * share / 2 + 200, FACING_M[:, 2]])
    pose = pose_of(FACING_M, screen, np.float64)
    assert bool(quality_of(pose, frame(120, width, height)) & Status.TOO_FAR) is far


@pytest.mark.parametrize("landmark", [*range(11)])
@pytest.mark.parametrize(("visibility", "hidden"), [(0.5, False), (0.499, True), (np.nan, True)])
def test_one_landmark_of_the_face_is_a_face(landmark: Any, visibility: Any, hidden: bool) -> None:
    values = np.full(33, 0.4)
    values[[landmark, 11]] = visibility, 1.0
    status = quality_of(replace(WHOLE, visibility=values), frame())
    assert bool(status & Status.HEAD_NOT_VISIBLE) is hidden


def test_a_hidden_face_of_a_person_far_away_is_said_besides() -> None:
    status = quality_of(placed((0, 0, 9.0), visibility=np.zeros(33)), frame())
    assert status & Status.TOO_FAR
    assert status & Status.HEAD_NOT_VISIBLE


@pytest.mark.parametrize("landmark", range(33))
@pytest.mark.parametrize(("x", "y", "outside"), [
    (0, 0, False), (639.9, 479.9, False), (-0.1, 240, True), (640, 240, True),
    (320, -0.1, True), (320, 480, True),
])  # fmt: skip
def test_shoulders_hips_knees_and_ankles_are_inside_of_the_image(
    landmark: Any, x: float, y: float, outside: bool
) -> None:
    status = quality_of(at(landmark, x, y), frame())
    assert bool(status & Status.TRUNCATED) is (outside and landmark in SHOULDERS_TO_ANKLES)


@pytest.mark.parametrize("channel", range(3))
@pytest.mark.parametrize(("light", "dark"), [(25, False), (24, True)])
def test_the_brightest_channel_tells_the_light(channel: Any, light: int, dark: bool) -> None:
    rgb = np.zeros((CAMERA.height, CAMERA.width, 3), np.uint8)
    rgb[..., channel] = light
    assert bool(quality_of(WHOLE, Frame(rgb, 0)) & Status.LOW_LIGHT) is dark


def test_the_light_is_a_mean_over_the_persons_box_its_edges_included() -> None:
    pose = at(slice(None), 10, 10)
    pose.screen[0, :2], pose.screen[1, :2] = (10.0, 10.0), (13.0, 11.0)  # 4 x 2 pixels
    rgb = np.zeros((CAMERA.height, CAMERA.width, 3), np.uint8)
    rgb[10:12, 10:14] = 25
    assert not quality_of(pose, Frame(rgb, 0)) & Status.LOW_LIGHT
    rgb[11, 13] = 24
    assert quality_of(pose, Frame(rgb, 0)) & Status.LOW_LIGHT


def test_of_a_large_box_every_so_many_pixels_are_looked_at() -> None:
    """32 to 64 of its longer side: in a box of 100 x 10, each third."""
    pose = at(slice(None), 10, 10)
    pose.screen[0, :2], pose.screen[1, :2] = (10.0, 10.0), (109.0, 19.0)
    rgb = np.zeros((CAMERA.height, CAMERA.width, 3), np.uint8)
    rgb[10:20:3, 10:110:3] = 25
    assert not quality_of(pose, Frame(rgb, 0)) & Status.LOW_LIGHT


def test_a_person_beside_the_image_has_its_edge() -> None:
    beside = at(slice(None), 900, 900)
    assert quality_of(beside, frame(3)) & Status.LOW_LIGHT
    assert quality_of(beside, frame(120)) & Status.LOW_LIGHT  # a box of no pixel


def test_the_size_is_the_slope_of_pixels_over_meters() -> None:
    pose = pose_of(FACING_M, np.column_stack([FACING_M[:, :2] * 137 + (50, 90), FACING_M[:, 2]]), np.float64)
    assert size_px(pose) == pytest.approx(274.0)
    pose.screen[:11, :2] += 1000  # the face says nothing
    assert size_px(pose) == pytest.approx(274.0)
    noise = np.random.default_rng(0).normal(0, 5, (33, 3))
    noise[:11] = 0
    jittering = pose_of(FACING_M, pose.screen + noise, np.float64)
    x, y = (
        FACING_M[11:, :2].ravel() - np.tile(FACING_M[11:, :2].mean(axis=0), 22),
        jittering.screen[11:, :2].ravel(),
    )
    assert size_px(jittering) == pytest.approx(2 * (x @ y) / (x @ x))


@pytest.mark.parametrize("slope", [0.0, 0.4, -3.0, np.nan])
def test_a_size_is_a_pixel_at_least(slope: Any) -> None:
    assert size_px(pose_of(FACING_M, FACING_M * slope, np.float64)) == 1.0
    assert size_px(pose_of(FACING_M * 0, FACING_M, np.float64)) == 1.0


def test_the_distance_of_poses_is_the_median_of_their_landmarks() -> None:
    apart = np.zeros((33, 3))
    apart[:17, :2] = (3.0, 4.0)
    apart[:, 2] = 100.0
    assert distance(apart, np.zeros((33, 2)), 10.0) == 0.5
    apart[16] = 0.0
    assert distance(apart, np.zeros((33, 2)), 10.0) == 0.0


@pytest.mark.parametrize("count", [1, 2, 3, 4, 33])
def test_the_middle_is_the_upper_median(count: int) -> None:
    values = np.random.default_rng(count).normal(size=(count, 2))
    before = values.copy()
    np.testing.assert_array_equal(middle(values), np.sort(values, axis=0)[count // 2])
    np.testing.assert_array_equal(values, before)


def test_a_box_is_within_the_image_and_of_known_landmarks() -> None:
    screen = np.full((33, 3), np.nan)
    screen[3], screen[7], screen[9, 0] = (5, -8, 0), (300, 70, 0), 20
    assert box_px(pose_of(FACING_M, screen, np.float64), 200, 100) == (5.0, 0.0, 200.0, 70.0)
    assert box_px(pose_of(FACING_M, screen * np.nan, np.float64), 200, 100) == (0.0, 0.0, 0.0, 0.0)


def test_the_appearance_is_the_median_color_of_trunk_and_thighs() -> None:
    rgb = np.zeros((CAMERA.height, CAMERA.width, 3), np.uint8)
    hips = round(WHOLE.screen[Landmark.LEFT_HIP, 1])
    rgb[:hips], rgb[hips:] = (200, 100, 50), (10, 20, 30)
    np.testing.assert_allclose(
        appearance_of(WHOLE, Frame(rgb, 0)), np.array([(200, 100, 50), (10, 20, 30)]) / 255
    )


def test_the_appearance_is_of_what_is_inside_of_the_outline() -> None:
    """Between shoulders and hips, and between hips and knees: not of what is beside them."""
    rgb = np.zeros((CAMERA.height, CAMERA.width, 3), np.uint8)
    left, right = (round(WHOLE.screen[landmark, 0]) for landmark in (Landmark.RIGHT_HIP, Landmark.LEFT_HIP))
    rgb[:, left : right + 1] = 90
    appearance = appearance_of(WHOLE, Frame(rgb, 0))
    np.testing.assert_allclose(appearance, 90 / 255)


@pytest.mark.parametrize("edge", ["left", "right", "top", "bottom"])
def test_of_a_person_at_the_edge_what_is_inside_counts(edge: str) -> None:
    shift = {"left": (-330, 0), "right": (330, 0), "top": (0, -180), "bottom": (0, 190)}[edge]
    screen = np.add(WHOLE.screen, (*shift, 0))
    appearance = appearance_of(replace(WHOLE, screen=screen), frame(77))
    assert np.nanmax(appearance) == pytest.approx(77 / 255)
    outside = appearance_of(replace(WHOLE, screen=np.add(screen, (3 * shift[0], 3 * shift[1], 0))), frame(77))
    assert np.isnan(outside).all()


@pytest.mark.parametrize(("x", "y", "inside"), [
    (0, 0, True), (639, 479, True), (-0.1, 240, False), (640.01, 240, False),
    (320, -0.1, False), (320, 480.01, False),
])  # fmt: skip
def test_the_first_pixels_of_an_image_are_inside_and_what_is_beyond_the_last_is_not(
    x: float, y: float, inside: bool
) -> None:
    appearance = appearance_of(at(slice(None), x, y), frame(50))
    np.testing.assert_allclose(appearance, 50 / 255 if inside else np.nan)


def test_a_difference_is_the_larger_one_of_trunk_and_thighs() -> None:
    one = np.array([[0.0, 0.0, 0.0], [0.5, 0.5, 0.5]])
    other = np.array([[0.3, 0.0, 0.3], [0.5, 0.5, 0.2]])
    assert difference(one, other) == difference(other, one) == pytest.approx(0.2)
    assert difference(one, np.vstack([other[:1] * np.nan, other[1:]])) == pytest.approx(0.1)
    assert difference(one, other * np.nan) == 0.0


def test_a_mean_appearance_takes_what_is_known() -> None:
    old, new = np.array([[0.0, 0.4, np.nan, np.nan]] * 2), np.array([[1.0, np.nan, 0.6, np.nan]] * 2)
    np.testing.assert_allclose(mean_appearance(old, new, 0.25), [[0.25, 0.4, 0.6, np.nan]] * 2)
