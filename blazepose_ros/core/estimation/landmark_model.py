"""The landmark model: one person's landmarks in a region of an image."""

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
_KERNEL = np.indices((_KERNEL_CELLS, _KERNEL_CELLS)).reshape(2, -1).T - _KERNEL_CELLS // 2
_KERNEL_MIDDLE = len(_KERNEL) // 2
# refine_landmarks_from_heatmap_calculator.proto, min_confidence_to_refine.
_MIN_HEAT = 0.5
# The metadata of the landmark models in Google's bundles: mean 0, standard deviation 255.
_INPUT_SCALE = 1 / 255


@dataclass(frozen=True)
class LandmarkResult:
    """What the model says about one region.

    Attributes:
        score: 0 to 1, how likely a person is in the region.
        screen: (33, 3), x and y in pixels of the image, z in the same scale.
        visibility: (33,), 0 to 1.
        presence: (33,), 0 to 1.
        world: (33, 3), metres, hip centre, axes parallel to the image's.
        region: where the model looked.
        next_region: where to look for the person in the next frame.
        mask: (256, 256), 0 to 1, where in the region the person is; None unless asked for.
    """

    score: float
    screen: NDArray[np.float64]
    visibility: NDArray[np.float32]
    presence: NDArray[np.float32]
    world: NDArray[np.float64]
    region: Roi
    next_region: Roi
    mask: NDArray[np.float32] | None = None

    def pose_in(self, frame: Frame) -> Pose:
        """Return the person as a pose in the frame that was read."""
        mask = None if self.mask is None else self.region.paste(self.mask, frame.width, frame.height)
        return Pose(
            screen=self.screen.astype(np.float32),
            visibility=self.visibility.astype(np.float32),
            presence=self.presence.astype(np.float32),
            world=self.world.astype(np.float32),
            score=self.score,
            mask=mask,
        )


class LandmarkModel:
    """Reads landmarks from regions.

    Args:
        model: what reads them.
        min_confidence: where it is not surer of a person than this, there is nobody.
        with_mask: whether readings have a mask.
    """

    def __init__(self, model: Model, min_confidence: float, with_mask: bool = False) -> None:
        self._model = model
        self._min_confidence = min_confidence
        self._shapes = _SHAPES if with_mask else _SHAPES[:-1]
        check_model(model, "landmark model", INPUT_PX, self._shapes)
        self._inputs: list[NDArray[np.float32]] = []

    def read(self, rgb: NDArray[np.uint8], region: Roi) -> LandmarkResult | None:
        """Return the person in a region of (height, width, 3) pixels, or None for nobody."""
        return self.read_each(rgb, [region])[0]

    def read_each(self, rgb: NDArray[np.uint8], regions: Sequence[Roi]) -> list[LandmarkResult | None]:
        """Return what ``read`` returns for each of several regions, sooner."""
        while len(self._inputs) < len(regions):
            self._inputs.append(np.empty((1, INPUT_PX, INPUT_PX, 3), np.float32))
        inputs = self._inputs[: len(regions)]
        for region, image in zip(regions, inputs, strict=True):
            crop = region.crop(rgb, INPUT_PX, cv2.BORDER_REPLICATE)
            np.multiply(crop, np.float32(_INPUT_SCALE), out=image[0])
        outputs = self._model.run_each(inputs)
        return [self._reading(each, region) for each, region in zip(outputs, regions, strict=True)]

    def _reading(self, outputs: Sequence[NDArray[np.float32]], region: Roi) -> LandmarkResult | None:
        shaped = outputs_by_shape(outputs, self._shapes)
        # Nobody where the score is not a number, too.
        return decode(shaped, region) if shaped[0][0] > self._min_confidence else None


def decode(outputs: Sequence[NDArray[np.float32]], region: Roi) -> LandmarkResult | None:
    """Return a reading from the model's outputs: score, landmarks, heatmap, world and perhaps a mask.

    None where the points that lead to the next frame fall together: that is no person.
    """
    score, landmarks, heatmap, world, *mask = outputs
    values = _known(landmarks).reshape(_NUM_POINTS, 5)
    points = region.to_image(refine(values[:, :2] / INPUT_PX, heatmap))
    next_region = Roi.around_person(points[_HIP_CENTER], points[_SCALE_POINT])
    if next_region is None:
        return None
    depth = values[:, 2] * (region.size_px / INPUT_PX)
    confidences = expit(values[:NUM_LANDMARKS, 3:])
    return LandmarkResult(
        score=float(score[0]),
        screen=np.column_stack([points, depth])[:NUM_LANDMARKS],
        visibility=confidences[:, 0],
        presence=confidences[:, 1],
        world=turn(_known(world).reshape(_NUM_POINTS, 3)[:NUM_LANDMARKS], region),
        region=region,
        next_region=next_region,
        mask=expit(mask[0][..., 0]) if mask else None,
    )


def refine(points: NDArray, heatmap: NDArray[np.float32]) -> NDArray[np.float64]:
    """Return (n, 2) points of the region moved to the centre of the heat around them.

    The rule is that of refine_landmarks_from_heatmap_calculator.cc: a point moves to the mean
    of the cells in a square around it, weighted by their heat, if one of them is hot enough;
    cells outside of the map are cold, points outside of it stay.

    Args:
        points: (n, 2), in the region's coordinates.
        heatmap: (rows, columns, n), before the sigmoid.
    """
    rows, columns, count = heatmap.shape
    size = np.array([columns, rows])
    nearby = np.fmax(np.fmin(points, 2), -1)  # what is unknown counts as outside
    window = (nearby * size).astype(int)[:, None] + _KERNEL
    on_map = np.all((window >= 0) & (window < size), axis=2)
    index = window @ (count, columns * count) + np.arange(count)[:, None]
    heat = expit(np.take(heatmap, index, mode="clip")) * on_map
    hot = on_map[:, _KERNEL_MIDDLE] & (heat.max(axis=1) >= _MIN_HEAT)
    total = np.where(hot, heat.sum(axis=1), 1)
    centers = (heat[:, None] @ window)[:, 0] / total[:, None] / size
    return np.where(hot[:, None], centers, points)


def _known(values: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return values with NaN for what is infinite."""
    return np.where(np.isfinite(values), values, np.float32(np.nan))


def turn(world: NDArray, region: Roi) -> NDArray[np.float64]:
    """Return (n, 3) metres with the axes of the image instead of those of the region."""
    return np.column_stack([world[:, :2] @ region.rotation.T, world[:, 2]])
