# SPDX-License-Identifier: Apache-2.0
"""From the detector's raw outputs to one detection for every person."""

from typing import Any

import numpy as np
import pytest

from blazepose_ros.core.estimation.person_detector import (
    Detections,
    PersonDetector,
    anchor_centers,
    decode,
    merge,
    overlaps,
)

ANCHORS = anchor_centers()
SURE, UNSURE = 3.0, -3.0  # before the sigmoid
HIPS_X, HIPS_Y, SCALE_X, SCALE_Y = 4, 5, 6, 7


def raw_outputs(*anchors: Any) -> tuple[Any, Any]:
    """Return raw outputs with a person of 20 by 40 px at each anchor, head up."""
    boxes, scores = np.zeros((2254, 12), np.float32), np.full((2254, 1), UNSURE, np.float32)
    for anchor in anchors:
        boxes[anchor, 2:4] = 20, 40
        boxes[anchor, SCALE_Y] = -56
        scores[anchor] = SURE
    return boxes, scores


def detections(scores: Any, boxes: Any) -> Detections:
    boxes = np.array(boxes, float)
    middles = (boxes[:, :2] + boxes[:, 2:]) / 2
    return Detections(np.array(scores, float), boxes, np.repeat(middles[:, None], 4, axis=1))


class FakeModel:
    def __init__(self, boxes: Any, scores: Any) -> None:
        self.outputs = boxes[None], scores[None]

    def run(self, image: Any) -> Any:
        self.image = image.copy()
        return self.outputs


def test_boxes_and_points_are_relative_to_their_anchor() -> None:
    found = decode(*raw_outputs(100), ANCHORS, 0.5)
    x, y = ANCHORS[100]
    half = np.array([10, 20]) / 224
    np.testing.assert_allclose(found.boxes, [[x - half[0], y - half[1], x + half[0], y + half[1]]], rtol=1e-5)
    np.testing.assert_allclose(found.points[0, :2], [[x, y], [x, y - 0.25]], rtol=1e-5)
    np.testing.assert_allclose(found.scores, 1 / (1 + np.exp(-SURE)), rtol=1e-5)


def test_a_confidence_at_the_threshold_counts() -> None:
    boxes, scores = raw_outputs()
    scores[7] = 0
    assert len(decode(boxes, scores, ANCHORS, 0.5).scores) == 1
    assert len(decode(boxes, scores, ANCHORS, 0.501).scores) == 0


@pytest.mark.parametrize("size", [-1, np.nan])
def test_boxes_without_a_size_are_dropped(size: Any) -> None:
    boxes, scores = raw_outputs(100)
    boxes[100, 2] = size
    assert len(decode(boxes, scores, ANCHORS, 0.5).scores) == 0


def test_scores_far_out_or_not_numbers_do_no_harm() -> None:
    boxes, scores = raw_outputs(1)
    scores[:4, 0] = 1e9, -1e9, np.nan, np.inf
    assert decode(boxes, scores, ANCHORS, 0.5).scores.tolist() == [1, 1]


def test_detections_of_one_person_become_their_weighted_mean() -> None:
    found = detections([0.6, 0.9], [[0.1, 0, 1.1, 1], [0, 0, 1, 1]])
    one = merge(found)
    np.testing.assert_allclose(one.scores, [0.9])
    np.testing.assert_allclose(one.boxes, [[0.04, 0, 1.04, 1]])
    np.testing.assert_allclose(one.points[0, 0], [0.54, 0.5])


def test_people_apart_stay_apart_the_surest_first() -> None:
    found = detections([0.6, 0.9, 0.7], [[0, 0, 1, 1], [2, 0, 3, 1], [0.7, 0, 1.7, 1]])
    np.testing.assert_allclose(merge(found).scores, [0.9, 0.7, 0.6])


def test_no_detections_merge_to_none() -> None:
    assert len(merge(decode(*raw_outputs(), ANCHORS, 0.5)).scores) == 0


def test_a_box_without_area_is_a_person_of_its_own() -> None:
    assert merge(detections([0.9, 0.8], [[0.5, 0.5, 0.5, 0.5], [0, 0, 1, 1]])).scores.tolist() == [0.9, 0.8]


def test_boxes_without_area_overlap_nothing() -> None:
    np.testing.assert_array_equal(overlaps(np.zeros(4), np.zeros((2, 4))), [0, 0])


@pytest.mark.parametrize(("width", "height"), [(640, 480), (480, 640)])
def test_rois_are_in_pixels_of_the_image_without_the_letterbox(width: int, height: int) -> None:
    ((confidence, roi),) = PersonDetector(FakeModel(*raw_outputs(406 * 2)), 0.5).find(
        np.zeros((height, width, 3), np.uint8)
    )
    assert 0.5 < confidence <= 1
    x, y = ANCHORS[406 * 2] * 640 - ((640 - width) / 2, (640 - height) / 2)
    assert (roi.x_px, roi.y_px) == pytest.approx((x, y))
    assert roi.size_px == pytest.approx(2 * 0.25 * 640 * 1.25)
    assert roi.rotation_rad == pytest.approx(0)


def test_the_model_sees_values_from_minus_one_to_one_and_black_bars() -> None:
    model = FakeModel(*raw_outputs())
    PersonDetector(model, 0.5).find(np.full((100, 200, 3), 255, np.uint8))
    assert model.image.shape == (1, 224, 224, 3)
    assert model.image[0, 112, 112] == pytest.approx(1)
    assert model.image[0, 0, 0] == pytest.approx(-1)


def test_a_person_whose_points_fall_together_is_left_out() -> None:
    boxes, scores = raw_outputs(100)
    boxes[100, SCALE_Y] = 0
    assert PersonDetector(FakeModel(boxes, scores), 0.5).find(np.zeros((9, 9, 3), np.uint8)) == []
