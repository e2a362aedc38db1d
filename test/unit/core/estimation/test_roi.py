# SPDX-License-Identifier: Apache-2.0
"""Regions: the geometry between an image and what a model sees."""

import math
from typing import Any

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.bodies import FACING_M

from blazepose_ros.core.estimation.roi import Roi, body_hull, tiles

coordinates = st.floats(-2000, 2000)
angles = st.floats(-math.pi, math.pi)
rois = st.builds(Roi, coordinates, coordinates, st.floats(1, 4000), angles)
points = st.lists(st.tuples(st.floats(-3, 3), st.floats(-3, 3)), min_size=1, max_size=5).map(np.array)


def turned(pixels: Any, angle_rad: Any) -> Any:
    """Return pixels turned clockwise around the origin."""
    cos, sin = math.cos(angle_rad), math.sin(angle_rad)
    return np.asarray(pixels) @ np.array([[cos, sin], [-sin, cos]])


@given(rois, points)
def test_into_the_image_and_back_changes_nothing(roi: Any, inside: Any) -> None:
    np.testing.assert_allclose(roi.from_image(roi.to_image(inside)), inside, atol=1e-6)


@given(rois, points, angles)
def test_turning_the_roi_around_its_middle_turns_what_it_shows(roi: Any, inside: Any, angle: Any) -> None:
    middle = (roi.x_px, roi.y_px)
    other = Roi(*middle, roi.size_px, roi.rotation_rad + angle)
    expected = turned(roi.to_image(inside) - middle, angle) + middle
    np.testing.assert_allclose(other.to_image(inside), expected, atol=1e-6 * roi.size_px)


@given(points.map(lambda p: p[0] * 100), st.floats(1, 1000), angles, angles)
def test_a_person_that_turns_with_the_image_keeps_its_place_in_the_roi(
    center: Any, reach: float, lean: Any, angle: Any
) -> None:
    scale = center + reach * np.array([math.sin(lean), -math.cos(lean)])
    hand = np.array([[center[0] + 7, center[1] - 3]])
    before = Roi.around_person(center, scale)
    after = Roi.around_person(turned(center, angle), turned(scale, angle))
    np.testing.assert_allclose(after.from_image(turned(hand, angle)), before.from_image(hand), atol=1e-6)


def test_an_upright_person_gets_an_upright_square_with_a_margin_of_a_quarter() -> None:
    roi = Roi.around_person(np.array([100, 200]), np.array([100, 120]))
    assert roi == Roi(100, 200, 2 * 80 * 1.25, 0)


def test_a_person_lying_with_the_head_to_the_right_is_turned_by_a_quarter() -> None:
    roi = Roi.around_person(np.array([100, 200]), np.array([180, 200]))
    assert roi.rotation_rad == pytest.approx(math.pi / 2)
    np.testing.assert_allclose(roi.to_image(np.array([[0.5, 0]])), [[200, 200]], atol=1e-9)


@pytest.mark.parametrize(
    ("center", "scale"),
    [((1, 1), (1, 1)), ((math.nan, 1), (1, 2)), ((0, 0), (math.inf, 0)), ((0, 0), (0, math.nan))],
)
def test_points_that_give_no_square_give_no_roi(center: Any, scale: Any) -> None:
    assert Roi.around_person(np.array(center, float), np.array(scale, float)) is None


@pytest.mark.parametrize("numbers", [(0, 0, 0), (0, 0, -1), (math.nan, 0, 1), (0, math.inf, 1)])
def test_an_roi_without_area_or_place_is_refused(numbers: Any) -> None:
    with pytest.raises(ValueError, match="Roi"):
        Roi(*numbers)


@pytest.mark.parametrize(("width", "height"), [(640, 480), (480, 640), (1, 1)])
def test_a_letterbox_holds_the_whole_image_in_its_middle(width: int, height: int) -> None:
    box = Roi.letterbox(width, height)
    corners = box.from_image(np.array([[0, 0], [width, height]]))
    assert corners.min() >= 0
    assert corners.max() <= 1
    np.testing.assert_allclose(corners.mean(axis=0), 0.5)


@pytest.mark.parametrize("angle", [0, 0.5, math.pi / 2, 3])
def test_a_crop_shows_a_dot_where_the_geometry_says(angle: Any) -> None:
    image = np.zeros((400, 400, 3), np.uint8)
    dot = (230, 180)
    cv2.circle(image, dot, 3, (255, 255, 255), -1)
    roi = Roi(200, 200, 256, angle)
    crop = roi.crop(image, 256, cv2.BORDER_CONSTANT)[..., 0].astype(float)
    y, x = np.indices(crop.shape)
    seen = np.array([(crop * x).sum(), (crop * y).sum()]) / crop.sum()
    np.testing.assert_allclose(seen, roi.from_image(np.array([dot]))[0] * 256, atol=0.2)


def test_beyond_the_image_a_crop_repeats_the_border_or_is_black() -> None:
    white = np.full((10, 10, 3), 255, np.uint8)
    roi = Roi(5, 5, 40)
    assert roi.crop(white, 32, cv2.BORDER_REPLICATE).min() == 255
    assert roi.crop(white, 32, cv2.BORDER_CONSTANT)[0, 0].max() == 0


def test_what_was_cropped_is_pasted_back_in_its_place() -> None:
    image = cv2.GaussianBlur(np.random.default_rng(0).random((200, 300), np.float32), (31, 31), 8)
    roi = Roi(150, 100, 150, 0.4)
    crop = roi.crop(cv2.merge([image] * 3), 256, cv2.BORDER_REPLICATE)[..., 0]
    pasted = roi.paste(crop, 300, 200)
    middle = np.s_[80:120, 130:170]
    np.testing.assert_allclose(pasted[middle], image[middle], atol=0.01)
    assert pasted[0, 0] == 0


@pytest.mark.parametrize(
    ("other", "expected"),
    [
        (Roi(0, 0, 10), 1),
        (Roi(0, 0, 10, 1), 1),  # rotation is left out
        (Roi(5, 0, 10), 1 / 3),
        (Roi(0, 0, 5), 1 / 4),
        (Roi(10, 0, 10), 0),
        (Roi(0, 99, 10), 0),
    ],
)
def test_overlap_is_intersection_over_union(other: Roi, expected: Any) -> None:
    roi = Roi(0, 0, 10)
    assert roi.overlap(other) == pytest.approx(expected)
    assert other.overlap(roi) == pytest.approx(expected)


BODY_PX = FACING_M[:, :2] * 200 + (320, 240)


@pytest.mark.parametrize("rotation_rad", [0.0, 0.5])
def test_a_covered_person_is_gray_where_the_body_is_and_nowhere_else(rotation_rad: float) -> None:
    roi = Roi(320, 240, 500, rotation_rad)
    crop = np.zeros((100, 100, 3), np.uint8)
    roi.cover(crop, [BODY_PX])
    inside, beside = roi.from_image(np.array([[320.0, 200.0], [450.0, 200.0]])) * 100
    assert crop[int(inside[1]), int(inside[0])].tolist() == [128, 128, 128]
    assert crop[int(beside[1]), int(beside[0])].tolist() == [0, 0, 0]


@pytest.mark.parametrize("unknown", [np.nan, np.inf, 1e30])
def test_unknown_and_far_landmarks_cover_nothing_by_themselves(unknown: float) -> None:
    crop = np.zeros((100, 100, 3), np.uint8)
    Roi(320, 240, 500).cover(crop, [np.full((33, 3), unknown)])
    assert not crop.any()
    if not abs(unknown) < np.inf:
        assert body_hull(np.full((33, 3), unknown)) is None


def test_a_roi_shows_who_reaches_into_it() -> None:
    assert Roi(320, 240, 100).shows(BODY_PX)
    assert not Roi(900, 240, 100).shows(BODY_PX)
    assert not Roi(320, 240, 100).shows(np.full((33, 2), np.nan))


@pytest.mark.parametrize(
    ("width", "height"), [(640, 480), (480, 640), (1920, 1080), (200, 200), (1, 1), (1, 900)]
)
def test_tiles_cover_the_image_and_overlap(width: int, height: int) -> None:
    squares = tiles(width, height)
    assert len(squares) <= 12 * max(width, height) / min(width, height)
    for x, y in [(0, 0), (width, 0), (0, height), (width, height), (width / 2, height / 2)]:
        assert any(
            abs(x - each.x_px) <= each.size_px / 2 + 1e-6 and abs(y - each.y_px) <= each.size_px / 2 + 1e-6
            for each in squares
        )
