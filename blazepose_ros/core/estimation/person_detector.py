# SPDX-License-Identifier: Apache-2.0
"""The person detector: where in an image people are."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

from blazepose_ros.core.estimation.roi import Roi
from blazepose_ros.core.estimation.runtimes.runtime import Model, check_model, outputs_by_shape

# MediaPipe's pose_detector_graph.cc, ConfigureSsdAnchorsCalculator.
DETECTOR_INPUT_PX = 224
_STRIDES_PX = (8, 16, 32, 32, 32)
# One for the aspect ratio 1, one for the interpolated scale (ssd_anchors_calculator.proto's default).
_ANCHORS_PER_LAYER = 2


def anchor_centers() -> NDArray[np.float32]:
    """Return x and y of every anchor, (2254, 2), in the unit square of the detector's input.

    All anchors have the size of the whole input (``fixed_anchor_size``). Layers of one stride
    share their cells; rows come before columns.
    """
    return np.concatenate([_layer_centers(stride, len(list(same))) for stride, same in groupby(_STRIDES_PX)])


def _layer_centers(stride_px: int, layers: int) -> NDArray[np.float32]:
    cells = DETECTOR_INPUT_PX // stride_px
    middles = (np.arange(cells, dtype=np.float32) + 0.5) / cells
    grid = np.stack(np.meshgrid(middles, middles), axis=-1).reshape(-1, 2)
    return np.repeat(grid, layers * _ANCHORS_PER_LAYER, axis=0)


# pose_detector_graph.cc, ConfigureTensorsToDetectionsCalculator: a box's middle and size,
# then four points, x before y, in pixels of the input.
_BOX = slice(0, 4)
_POINTS = slice(4, 12)
_BOXES_SHAPE = (2254, 12)
_SCORES_SHAPE = (2254, 1)
# pose_detector_graph_options.proto, min_suppression_threshold.
_SAME_PERSON_OVERLAP = 0.5
# pose_detector_graph.cc, ConfigureAlignmentPointsRectsCalculator.
_HIP_CENTER, _SCALE_POINT, _SHOULDER_CENTER = 0, 1, 2
# The metadata of the detector in Google's bundles: mean 127.5, standard deviation 127.5.
_INPUT_SCALE, _INPUT_OFFSET = 2 / 255, -1.0


@dataclass(frozen=True)
class Detections:
    """People in the unit square of the detector's input, n of them.

    Attributes:
        scores: (n,), 0 to 1.
        boxes: (n, 4), left, top, right and bottom.
        points: (n, 4, 2), the first is the middle of the hips, the second above the head.
    """

    scores: NDArray
    boxes: NDArray
    points: NDArray

    def __getitem__(self, index: NDArray) -> Detections:
        return Detections(self.scores[index], self.boxes[index], self.points[index])


class Detection(NamedTuple):
    """A person in an image.

    Attributes:
        confidence: 0 to 1.
        roi: where.
    """

    confidence: float
    roi: Roi


class DetectedBody(NamedTuple):
    """Where a detected person's body is, points of (2,) pixels.

    Attributes:
        confidence: 0 to 1.
        hips_px: the middle of the hips.
        top_px: the point above the head on the circle around the whole person.
        shoulders_px: the middle of the shoulders.
    """

    confidence: float
    hips_px: NDArray[np.float64]
    top_px: NDArray[np.float64]
    shoulders_px: NDArray[np.float64]


class PersonDetector:
    """Finds the ROIs of people in an image."""

    def __init__(self, model: Model, min_confidence: float) -> None:
        self._model = model
        self._min_confidence = min_confidence
        self._anchors = anchor_centers()
        check_model(model, "person detector", DETECTOR_INPUT_PX, (_BOXES_SHAPE, _SCORES_SHAPE))
        self._input = np.empty((1, DETECTOR_INPUT_PX, DETECTOR_INPUT_PX, 3), np.float32)

    def find(
        self, rgb: NDArray[np.uint8], covered: Sequence[NDArray] = (), square: Roi | None = None
    ) -> list[Detection]:
        """Return every person in (height, width, 3) pixels, the surest first.

        Args:
            rgb: the image.
            covered: the landmarks of people who are not to be seen, see ``Roi.cover``: beside a
                person the detector overlooks others.
            square: the part of the image to look at; None for all of it.
        """
        square = square or _all_of(rgb)
        people = self._detect(rgb, covered, square)
        rois = (_roi(points, square) for points in people.points)
        found = zip(people.scores.tolist(), rois, strict=True)
        return [Detection(score, roi) for score, roi in found if roi is not None]

    def find_bodies(
        self, rgb: NDArray[np.uint8], covered: Sequence[NDArray] = (), square: Roi | None = None
    ) -> list[DetectedBody]:
        """Return where every person's body is, the surest first; for the arguments see ``find``."""
        square = square or _all_of(rgb)
        wanted = [_HIP_CENTER, _SCALE_POINT, _SHOULDER_CENTER]
        people = self._detect(rgb, covered, square)
        return [
            DetectedBody(score, *square.to_image(points[wanted]))
            for score, points in zip(people.scores.tolist(), people.points, strict=True)
        ]

    def _detect(self, rgb: NDArray[np.uint8], covered: Sequence[NDArray], square: Roi) -> Detections:
        crop = square.crop(rgb, DETECTOR_INPUT_PX, cv2.BORDER_CONSTANT)
        square.cover(crop, covered)
        np.multiply(crop, np.float32(_INPUT_SCALE), out=self._input[0])
        self._input += np.float32(_INPUT_OFFSET)
        boxes, scores = outputs_by_shape(self._model.run(self._input), (_BOXES_SHAPE, _SCORES_SHAPE))
        return merge(decode(boxes, scores, self._anchors, self._min_confidence))


def _all_of(rgb: NDArray) -> Roi:
    height, width = rgb.shape[:2]
    return Roi.letterbox(width, height)


def decode(
    raw_boxes: NDArray[np.float32],
    raw_scores: NDArray[np.float32],
    anchors: NDArray[np.float32],
    min_confidence: float,
) -> Detections:
    """Return the detections of at least a confidence, as tensors_to_detections_calculator.cc does.

    Args:
        raw_boxes: (2254, 12), relative to the anchors, in pixels of the input.
        raw_scores: (2254, 1), before the sigmoid.
        anchors: (2254, 2).
        min_confidence: 0 to 1.
    """
    scores = expit(raw_scores[:, 0])
    rows = np.flatnonzero(scores >= min_confidence)
    values = raw_boxes[rows] / DETECTOR_INPUT_PX
    centers, sizes = np.hsplit(values[:, _BOX], 2)
    centers = centers + anchors[rows]
    boxes = np.hstack([centers - sizes / 2, centers + sizes / 2])
    points = values[:, _POINTS].reshape(-1, 4, 2) + anchors[rows, None]
    return Detections(scores[rows], boxes, points)[np.all(sizes >= 0, axis=1)]


def merge(found: Detections) -> Detections:
    """Return one detection per person, the surest first: the mean of theirs, weighted by score.

    This is the weighted suppression of non_max_suppression_calculator.cc.
    """
    rest = found[np.argsort(-found.scores, kind="stable")]
    merged: list[Detections] = []
    while len(rest.scores):
        same = overlaps(rest.boxes[0], rest.boxes) > _SAME_PERSON_OVERLAP
        same[0] = True
        merged.append(_mean(rest[same]))
        rest = rest[~same]
    if not merged:
        return rest
    return Detections(*(np.concatenate(parts) for parts in zip(*map(_fields, merged), strict=True)))


def overlaps(box: NDArray, boxes: NDArray) -> NDArray[np.float32]:
    """Return the intersection over union, (n,), of one box and (n, 4) others; 0 without area."""
    sides = np.minimum(box[2:], boxes[:, 2:]) - np.maximum(box[:2], boxes[:, :2])
    shared = np.prod(np.maximum(sides, 0), axis=1)
    areas = np.prod(boxes[:, 2:] - boxes[:, :2], axis=1)
    union = areas + np.prod(box[2:] - box[:2]) - shared
    return np.divide(shared, union, out=np.zeros_like(shared), where=union > 0)


def _mean(people: Detections) -> Detections:
    """Return detections of one person, the surest first, as one with the surest one's score."""
    weights = people.scores / people.scores.sum()
    boxes = np.tensordot(weights, people.boxes, 1)[None]
    points = np.tensordot(weights, people.points, 1)[None]
    return Detections(people.scores[:1], boxes, points)


def _fields(people: Detections) -> tuple[NDArray, NDArray, NDArray]:
    return people.scores, people.boxes, people.points


def _roi(points: NDArray, square: Roi) -> Roi | None:
    center_px, scale_px = square.to_image(points[[_HIP_CENTER, _SCALE_POINT]])
    return Roi.around_person(center_px, scale_px)
