# SPDX-License-Identifier: Apache-2.0
"""From the landmark model's raw outputs to landmarks in the image."""

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from blazepose_ros.core.estimation.landmark_model import LandmarkModel, refine, turn
from blazepose_ros.core.estimation.roi import Roi
from blazepose_ros.core.estimation.runtimes.runtime import Model

COLD, HOT = -9.0, 9.0
IMAGE = np.zeros((480, 640, 3), np.uint8)


def sigmoid(value: Any) -> Any:
    return 1 / (1 + math.exp(-value))


def refined_one_by_one(points: Any, heatmap: Any) -> Any:
    """The definition in plain loops: the mean of the 7 by 7 cells, weighted by their heat."""
    rows, columns, _ = heatmap.shape
    moved = points.copy()
    for index, (x, y) in enumerate(points):
        column, row = int(x * columns), int(y * rows)
        if not (0 <= column < columns and 0 <= row < rows):
            continue
        total = warmest = sum_x = sum_y = 0
        for r in range(max(0, row - 3), min(rows, row + 4)):
            for c in range(max(0, column - 3), min(columns, column + 4)):
                heat = sigmoid(heatmap[r, c, index])
                total, warmest = total + heat, max(warmest, heat)
                sum_x, sum_y = sum_x + heat * c, sum_y + heat * r
        if warmest >= 0.5:
            moved[index] = sum_x / total / columns, sum_y / total / rows
    return moved


@given(st.integers(0, 2**32 - 1))
def test_refinement_is_what_its_definition_says(seed: int) -> None:
    rng = np.random.default_rng(seed)
    points = rng.uniform(-0.1, 1.1, (39, 2))
    heatmap = rng.normal(-2, 2, (64, 64, 39)).astype(np.float32)
    np.testing.assert_allclose(refine(points, heatmap), refined_one_by_one(points, heatmap), atol=1e-6)


def test_a_hot_cell_nearby_draws_the_point_to_it() -> None:
    heatmap = np.full((64, 64, 1), COLD * 3, np.float32)
    heatmap[22, 31] = HOT
    np.testing.assert_allclose(refine(np.array([[0.5, 0.36]]), heatmap), [[31 / 64, 22 / 64]], atol=1e-6)


@pytest.mark.parametrize("cell", [(26, 32), (22, 36)])
def test_a_hot_cell_out_of_reach_does_not(cell: tuple[int, int]) -> None:
    heatmap = np.full((64, 64, 1), COLD, np.float32)
    heatmap[cell] = HOT
    np.testing.assert_array_equal(refine(np.array([[0.5, 0.35]]), heatmap), [[0.5, 0.35]])


def test_points_outside_of_the_roi_stay() -> None:
    heatmap = np.full((64, 64, 2), HOT, np.float32)
    outside = np.array([[1.01, 0.5], [0.5, -0.1]])
    np.testing.assert_array_equal(refine(outside, heatmap), outside)


def test_world_landmarks_turn_with_the_roi() -> None:
    np.testing.assert_allclose(
        turn(np.array([[1.0, 0, 5]]), Roi(0, 0, 1, math.pi / 2)), [[0, 1, 5]], atol=1e-9
    )


class FakeModel(Model):
    """Sees the hips in the middle, the head above, and a person of one pixel everywhere else."""

    def __init__(self, score: float = 0.9) -> None:
        values = np.tile(np.array([128, 64, 25.6, 2, -2], np.float32), (39, 1))
        values[33, :2], values[34, :2] = (128, 128), (128, 64)
        self.landmarks = values
        self.world = np.tile(np.array([0.1, 0.2, 0.3], np.float32), (39, 1))
        self.score = score

    def run(self, image: Any) -> tuple[Any, Any, Any, Any, Any]:
        self.image = image.copy()
        heatmap = np.full((1, 64, 64, 39), COLD, np.float32)
        mask = np.full((1, 256, 256, 1), HOT, np.float32)
        score = np.array([[self.score]], np.float32)
        # in no particular order: outputs are told apart by their shapes
        return mask, self.world.reshape(1, 117), self.landmarks.reshape(1, 195), heatmap, score


def test_landmarks_are_in_pixels_of_the_image_and_depth_in_their_scale() -> None:
    result = LandmarkModel(FakeModel(), 0.5).read(IMAGE, Roi(300, 200, 128))
    np.testing.assert_allclose(result.screen[0], [300, 168, 12.8], rtol=1e-5)
    assert result.screen.shape == result.world.shape == (33, 3)
    np.testing.assert_allclose(result.visibility, sigmoid(2), rtol=1e-5)
    np.testing.assert_allclose(result.presence, sigmoid(-2), rtol=1e-5)
    assert result.score == pytest.approx(0.9)


def test_the_next_roi_is_around_the_auxiliary_points() -> None:
    result = LandmarkModel(FakeModel(), 0.5).read(IMAGE, Roi(300, 200, 256))
    assert result.next_roi == Roi(300, 200, 2 * 64 * 1.25, 0)


@pytest.mark.parametrize("score", [0.5, 0.1, math.nan])
def test_a_score_not_above_the_threshold_is_no_person(score: Any) -> None:
    assert LandmarkModel(FakeModel(score), 0.5).read(IMAGE, Roi(300, 200, 256)) is None


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("value", [128, math.nan, math.inf])
def test_auxiliary_points_that_give_no_roi_are_no_person(value: Any) -> None:
    model = FakeModel()
    model.landmarks[34, :2] = 128, value
    assert LandmarkModel(model, 0.5).read(IMAGE, Roi(300, 200, 256)) is None


def test_the_model_sees_values_from_zero_to_one() -> None:
    model = FakeModel()
    LandmarkModel(model, 0.5).read(np.full((9, 9, 3), 255, np.uint8), Roi(4, 4, 20))
    assert model.image.shape == (1, 256, 256, 3)
    np.testing.assert_allclose(model.image, 1)


def test_a_mask_is_read_only_when_asked_for() -> None:
    roi = Roi(300, 200, 256)
    assert LandmarkModel(FakeModel(), 0.5).read(IMAGE, roi).mask is None
    mask = LandmarkModel(FakeModel(), 0.5, with_mask=True).read(IMAGE, roi).mask
    np.testing.assert_allclose(mask, np.full((256, 256), sigmoid(HOT)), rtol=1e-5)
