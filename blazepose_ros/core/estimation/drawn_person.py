# SPDX-License-Identifier: Apache-2.0
"""A drawn person, by whom a compiled model is tried: where the joints are is known from the drawing.

Weights of zeros, or of anything but such a model, do not find them. Another answer, such as that to
random colors, would be no measure: it differs by half from one precision to another.
"""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import cv2
import numpy as np
from numpy.typing import NDArray

from blazepose_ros.core.estimation.landmark_model import INPUT_PX, LandmarkModel, LandmarkResult
from blazepose_ros.core.estimation.person_detector import DETECTOR_INPUT_PX, Detection, PersonDetector
from blazepose_ros.core.estimation.roi import Roi
from blazepose_ros.core.estimation.runtimes.runtime import Model

# Landmark -> where, in the unit square.
JOINTS = {
    0: (0.50, 0.14),  # nose
    11: (0.60, 0.26),  # shoulders
    12: (0.40, 0.26),
    13: (0.68, 0.40),  # elbows
    14: (0.32, 0.40),
    15: (0.72, 0.53),  # wrists
    16: (0.28, 0.53),
    23: (0.56, 0.53),  # hips
    24: (0.44, 0.53),
    25: (0.58, 0.72),  # knees
    26: (0.42, 0.72),
    27: (0.59, 0.90),  # ankles
    28: (0.41, 0.90),
}
_HIP_CENTER = (0.50, 0.53)

# The published models, in f32 and in bf16: the detector is sure by 0.98 and finds the hips 0.09
# lower, landmarks are off by 0.04 at most and 0.01 in the median, the presence is 0.999, and the
# correlation of meters with the drawing 0.96 or more. What is refused is far from all of them.
_SURE = 0.5
_MAX_HIP_ERROR = 0.2
_MAX_MEDIAN_ERROR = 0.05
_MIN_CORRELATION = 0.8

_WALL, _SKIN, _SHIRT, _TROUSERS, _DARK, _LIPS = (
    (170, 175, 180),
    (205, 150, 120),
    (60, 90, 160),
    (50, 50, 60),
    (40, 30, 25),
    (150, 60, 60),
)
# From joint to joint, how thick in the unit square, and the color.
_LIMBS = (
    *((hip, hip + 2, 0.085, _TROUSERS) for hip in (23, 24)),
    *((knee, knee + 2, 0.065, _TROUSERS) for knee in (25, 26)),
    *((shoulder, shoulder + 2, 0.06, _SHIRT) for shoulder in (11, 12)),
    *((elbow, elbow + 2, 0.042, _SKIN) for elbow in (13, 14)),
)
# Middle and half axes of ellipses in the unit square, over all limbs.
_ELLIPSES = (
    *(((JOINTS[ankle][0], 0.93), (0.03, 0.025), _DARK) for ankle in (27, 28)),
    *(((JOINTS[wrist][0], 0.555), (0.028, 0.028), _SKIN) for wrist in (15, 16)),
    ((0.50, 0.22), (0.025, 0.04), _SKIN),  # neck
    ((0.50, 0.115), (0.056, 0.07), _DARK),  # hair
    ((0.50, 0.14), (0.05, 0.065), _SKIN),  # face
    ((0.48, 0.125), (0.007, 0.007), _DARK),  # eyes
    ((0.52, 0.125), (0.007, 0.007), _DARK),
    ((0.50, 0.172), (0.018, 0.006), _LIPS),
)
_TORSO = ((0.37, 0.24), (0.63, 0.24), (0.595, 0.55), (0.405, 0.55))
_DRAWN_PX = 2 * INPUT_PX  # drawn larger, so that edges are as soft as a camera's


@cache
def drawn_person() -> NDArray[np.uint8]:
    """Return the drawing, (256, 256, 3), red first."""
    rgb = np.full((_DRAWN_PX, _DRAWN_PX, 3), _WALL, np.uint8)
    for start, end, thickness, color in _LIMBS:
        cv2.line(rgb, _px(JOINTS[start]), _px(JOINTS[end]), color, _px((thickness,))[0], cv2.LINE_AA)
    cv2.fillConvexPoly(rgb, np.array([_px(corner) for corner in _TORSO]), _SHIRT, cv2.LINE_AA)
    for middle, axes, color in _ELLIPSES:
        cv2.ellipse(rgb, _px(middle), _px(axes), 0, 0, 360, color, -1, cv2.LINE_AA)
    return cv2.resize(rgb, (INPUT_PX, INPUT_PX), interpolation=cv2.INTER_AREA)


def _px(values: tuple[float, ...]) -> tuple[int, ...]:
    return tuple(round(value * _DRAWN_PX) for value in values)


# Views of the drawing: its size in the ROI, and the angle by which it is turned.
_VIEWS = ((1.0, 0.0), (1.0, 0.2), (0.9, -0.2), (0.8, 0.0), (0.8, 0.4), (0.7, -0.4), (1.1, 0.1), (1.1, -0.1))
# What differs less than by a camera's noise costs nothing.
_NOISE_GREY_LEVELS = 3
_MAX_SCORE_DIFFERENCE = 0.05
_MAX_SHIFT = 0.01  # of a detected person, of the image's side: twice what bf16 does


class DetectorProof:
    """Shows that a model is the person detector."""

    @property
    def image(self) -> NDArray[np.float32]:
        """The drawing as the detector's input."""
        size = (DETECTOR_INPUT_PX, DETECTOR_INPUT_PX)
        middle = np.float32(np.iinfo(np.uint8).max / 2)
        return np.asarray(cv2.resize(drawn_person(), size)[None] / middle - 1, np.float32)

    def works(self, model: Model) -> bool:
        """Whether a person detector finds the drawn person, and nobody else.

        Raises:
            BackendError: it is another model.
        """
        found = PersonDetector(model, _SURE).find(drawn_person())
        return len(found) == 1 and bool(np.linalg.norm(_hips(found[0]) - _HIP_CENTER) < _MAX_HIP_ERROR)

    def agrees(self, model: Model, reference: Model) -> bool:
        """Whether two detectors find the same person, equally sure and in the same place.

        Raises:
            RuntimeError: one of them does not run.
        """
        found, expected = (PersonDetector(each, _SURE).find(drawn_person()) for each in (model, reference))
        if len(found) != len(expected) or not found:
            return False
        less_sure = abs(found[0].confidence - expected[0].confidence)
        shift = np.linalg.norm(_hips(found[0]) - _hips(expected[0]))
        return bool(less_sure < _MAX_SCORE_DIFFERENCE and shift < _MAX_SHIFT)


class LandmarksProof:
    """Shows that a model is a landmark model."""

    @property
    def image(self) -> NDArray[np.float32]:
        """The drawing as the landmark model's input."""
        return np.asarray(drawn_person()[None] / np.iinfo(np.uint8).max, np.float32)

    def works(self, model: Model) -> bool:
        """Whether a landmark model finds the joints of the drawn person, alone and side by side.

        Raises:
            BackendError: it is another model.
        """
        landmarks = LandmarkModel(model, _SURE)
        roi = Roi.letterbox(INPUT_PX, INPUT_PX)
        results = [landmarks.read(drawn_person(), roi), *landmarks.read_each(drawn_person(), [roi, roi])]
        return all(map(_finds_joints, results))

    def agrees(self, model: Model, reference: Model) -> bool:
        """Whether two landmark models differ less than one of them does from itself with a camera's noise.

        Raises:
            RuntimeError: one of them does not run.
        """
        seen, expected, noisy = _worlds(model), _worlds(reference), _worlds(reference, _NOISE_GREY_LEVELS)
        if seen is None or expected is None or noisy is None:
            return False
        return bool(_median_distance(seen, expected) < _median_distance(noisy, expected))


def _worlds(model: Model, noise: int = 0) -> NDArray[np.float64] | None:
    """Return the drawn person's world landmarks in several views, (n, 33, 3); None where nobody is seen."""
    landmarks, whole = LandmarkModel(model, _SURE), Roi.letterbox(INPUT_PX, INPUT_PX)
    grey_levels = np.random.default_rng(0).integers(-noise, noise, drawn_person().shape, endpoint=True)
    rgb = np.clip(drawn_person() + grey_levels, 0, np.iinfo(np.uint8).max).astype(np.uint8)
    rois = [
        replace(whole, size_px=INPUT_PX / size, rotation_rad=rotation_rad) for size, rotation_rad in _VIEWS
    ]
    results = [landmarks.read(rgb, roi) for roi in rois]
    seen = [result.world for result in results if result is not None]
    return np.stack(seen) if len(seen) == len(rois) else None


def _median_distance(worlds: NDArray[np.float64], others: NDArray[np.float64]) -> float:
    return float(np.median(np.linalg.norm(worlds - others, axis=-1)))


def _hips(found: Detection) -> NDArray:
    return np.array([found.roi.x_px, found.roi.y_px]) / INPUT_PX


def _finds_joints(result: LandmarkResult | None) -> bool:
    if result is None:
        return False
    joints, truth = list(JOINTS), np.array(list(JOINTS.values()))
    errors = np.linalg.norm(result.screen[joints, :2] / INPUT_PX - truth, axis=1)
    meters = result.world[joints, :2].ravel()
    with np.errstate(invalid="ignore"):  # of what does not vary
        correlation = np.corrcoef(meters, (truth - _HIP_CENTER).ravel())[0, 1]
    return bool(np.median(errors) < _MAX_MEDIAN_ERROR and correlation > _MIN_CORRELATION)
