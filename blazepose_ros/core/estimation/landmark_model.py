# SPDX-License-Identifier: Apache-2.0
"""The landmark model: one person's landmarks in an ROI of an image."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

from blazepose_ros.core.estimation.roi import Roi
from blazepose_ros.core.estimation.runtimes.runtime import Model, check_model, outputs_by_shape
from blazepose_ros.core.landmarks import NUM_LANDMARKS
from blazepose_ros.core.types import Frame, Pose

INPUT_PX = 256
# pose_landmarks_detector_graph.cc: what the model returns, kLandmarksNum points of five values.
_NUM_POINTS = 39
_LANDMARKS_SHAPE = (_NUM_POINTS * 5,)
_SCORE_SHAPE = (1,)
_HEATMAP_SHAPE = (64, 64, _NUM_POINTS)
_WORLD_SHAPE = (_NUM_POINTS * 3,)
MASK_SHAPE = (INPUT_PX, INPUT_PX, 1)
_SHAPES = (_SCORE_SHAPE, _LANDMARKS_SHAPE, _HEATMAP_SHAPE, _WORLD_SHAPE, MASK_SHAPE)
# ConfigureSplitNormalizedLandmarkListCalculator: behind the landmarks stand two points
# that say where the person will be in the next frame.
_HIP_CENTER, _SCALE_POINT = 33, 34
# ConfigureRefineLandmarksFromHeatmapCalculator.
_KERNEL_CELLS = 7
_OFFSETS = np.arange(_KERNEL_CELLS) - _KERNEL_CELLS // 2
_KERNEL = np.stack(np.meshgrid(_OFFSETS, _OFFSETS, indexing="ij"), axis=-1).reshape(-1, 2)
_KERNEL_MIDDLE = len(_KERNEL) // 2
# What makes of the heat in a window its sum and its moments about the middle.
_MOMENTS = np.insert(_KERNEL.astype(float), 0, 1.0, axis=1)
# refine_landmarks_from_heatmap_calculator.proto, min_confidence_to_refine.
_MIN_HEAT = 0.5
# The metadata of the landmark models in Google's bundles: mean 0, standard deviation 255.
_INPUT_SCALE = 1 / 255


@dataclass(frozen=True)
class LandmarkResult:
    """What the model says about one ROI.

    Attributes:
        score: 0 to 1, how likely a person is in the ROI.
        screen: (33, 3), x and y in pixels of the image, z in the same scale.
        visibility: (33,), 0 to 1.
        presence: (33,), 0 to 1.
        world: (33, 3), meters, hip center, axes parallel to the image's.
        roi: where the model looked.
        next_roi: where to look for the person in the next frame.
        mask: (256, 256), 0 to 1, where in the ROI the person is; None unless asked for.
    """

    score: float
    screen: NDArray[np.float64]
    visibility: NDArray[np.float32]
    presence: NDArray[np.float32]
    world: NDArray[np.float64]
    roi: Roi
    next_roi: Roi
    mask: NDArray[np.float32] | None = None

    def pose_in(self, frame: Frame) -> Pose:
        """Return the person as a pose in the frame that was read."""
        mask = None if self.mask is None else self.roi.paste(self.mask, frame.width, frame.height)
        return Pose(
            screen=self.screen.astype(np.float32),
            visibility=self.visibility.astype(np.float32),
            presence=self.presence.astype(np.float32),
            world=self.world.astype(np.float32),
            score=self.score,
            mask=mask,
        )


class LandmarkModel:
    """Finds a person's landmarks in each ROI.

    Args:
        model: the loaded model.
        min_confidence: 0 to 1, at this score or below an ROI shows no person.
        with_mask: whether results have a mask.
    """

    def __init__(self, model: Model, min_confidence: float, with_mask: bool = False) -> None:
        self._model = model
        self._min_confidence = min_confidence
        self._shapes = _SHAPES if with_mask else _SHAPES[:-1]
        check_model(model, "landmark model", INPUT_PX, self._shapes)
        self._inputs: list[NDArray[np.float32]] = []

    @property
    def where(self) -> str:
        """What computes the model in which precision."""
        return self._model.where

    def read(self, rgb: NDArray[np.uint8], roi: Roi) -> LandmarkResult | None:
        """Return the person in an ROI of (height, width, 3) pixels; None where there is none."""
        return self.read_each(rgb, [roi])[0]

    def read_each(
        self, rgb: NDArray[np.uint8], rois: Sequence[Roi], covered: Sequence[Sequence[NDArray]] = ()
    ) -> list[LandmarkResult | None]:
        """Return what ``read`` returns for each of several ROIs, sooner.

        Args:
            rgb: (height, width, 3).
            rois: where to look.
            covered: for each ROI the landmarks of the people not to be seen there, see ``Roi.cover``.
        """
        while len(self._inputs) < len(rois):
            self._inputs.append(np.empty((1, INPUT_PX, INPUT_PX, 3), np.float32))
        inputs = self._inputs[: len(rois)]
        for roi, image, others in zip(rois, inputs, covered or [()] * len(rois), strict=True):
            crop = roi.crop(rgb, INPUT_PX, cv2.BORDER_REPLICATE)
            roi.cover(crop, others)
            np.multiply(crop, np.float32(_INPUT_SCALE), out=image[0])
        outputs = self._model.run_each(inputs)
        return [self._result(each, roi) for each, roi in zip(outputs, rois, strict=True)]

    def _result(self, outputs: Sequence[NDArray[np.float32]], roi: Roi) -> LandmarkResult | None:
        shaped = outputs_by_shape(outputs, self._shapes)
        # A score of NaN is no person either.
        return decode(shaped, roi) if shaped[0][0] > self._min_confidence else None


def decode(outputs: Sequence[NDArray[np.float32]], roi: Roi) -> LandmarkResult | None:
    """Return the result of the model's outputs: score, landmarks, heatmap, world and perhaps a mask.

    None where the two points that give the next ROI coincide: that is no person.
    """
    score, landmarks, heatmap, world, *mask = outputs
    values = _known(landmarks).reshape(_NUM_POINTS, 5)
    points = roi.to_image(refine(values[:, :2] / INPUT_PX, heatmap))
    next_roi = Roi.around_person(points[_HIP_CENTER], points[_SCALE_POINT])
    if next_roi is None:
        return None
    depth = values[:NUM_LANDMARKS, 2] * (roi.size_px / INPUT_PX)
    confidences = expit(values[:NUM_LANDMARKS, 3:])
    return LandmarkResult(
        score=float(score[0]),
        screen=np.column_stack([points[:NUM_LANDMARKS], depth]),
        visibility=confidences[:, 0],
        presence=confidences[:, 1],
        world=turn(_known(world).reshape(_NUM_POINTS, 3)[:NUM_LANDMARKS], roi),
        roi=roi,
        next_roi=next_roi,
        mask=expit(mask[0][..., 0]) if mask else None,
    )


def refine(points: NDArray, heatmap: NDArray[np.float32]) -> NDArray[np.float64]:
    """Return (n, 2) points of the ROI moved to the center of the heat around them.

    The rule is that of refine_landmarks_from_heatmap_calculator.cc: a point moves to the mean
    of the cells in a square around it, weighted by their heat, if one of them is hot enough;
    cells outside of the map are cold, points outside of it stay.

    Args:
        points: (n, 2), in the ROI's coordinates.
        heatmap: (rows, columns, n), before the sigmoid.
    """
    rows, columns, count = heatmap.shape
    size, steps = np.array([columns, rows]), np.array([count, columns * count])
    nearby = np.fmax(np.fmin(points, 2), -1)  # what is unknown counts as outside
    cells = (nearby * size).astype(int)
    lines = cells[:, :, None] + _OFFSETS
    there = (lines >= 0) & (lines < size[:, None])
    on_map = (there[:, 0, :, None] & there[:, 1, None, :]).reshape(count, -1)
    index = (cells @ steps + np.arange(count))[:, None] + _KERNEL @ steps
    heat = expit(heatmap.take(index, mode="clip")) * on_map
    hot = on_map[:, _KERNEL_MIDDLE] & (heat.max(axis=1) >= _MIN_HEAT)
    total = np.where(hot, heat.sum(axis=1), 1)
    moments = heat @ _MOMENTS
    centers = (cells * moments[:, :1] + moments[:, 1:]) / (total[:, None] * size)
    return np.where(hot[:, None], centers, points)


def _known(values: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return values with NaN for what is infinite."""
    return np.where(np.isfinite(values), values, np.float32(np.nan))


def turn(world: NDArray, roi: Roi) -> NDArray[np.float64]:
    """Return (n, 3) meters with the axes of the image instead of those of the ROI."""
    return np.column_stack([world[:, :2] @ roi.rotation.T, world[:, 2]])
