# SPDX-License-Identifier: Apache-2.0
"""What flows through the node: a frame goes in, poses come out."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from enum import IntEnum, IntFlag

import numpy as np
from numpy.typing import NDArray

from blazepose_ros.core.landmarks import NUM_LANDMARKS

_POINTS, _SHARES = (NUM_LANDMARKS, 3), (NUM_LANDMARKS,)

# The six different numbers of a covariance in space: xx, xy, xz, yy, yz, zz.
_UPPER_TRIANGLE = np.triu_indices(3)
_MATRIX = np.array([[0, 1, 2], [1, 3, 4], [2, 4, 5]])


def upper_triangle(covariances: NDArray) -> NDArray:
    """Return xx, xy, xz, yy, yz and zz, (..., 6), of covariances, (..., 3, 3)."""
    return covariances[..., _UPPER_TRIANGLE[0], _UPPER_TRIANGLE[1]]


def covariance_matrices(triangles: NDArray) -> NDArray:
    """Return covariances, (..., 3, 3), of their upper triangles, (..., 6)."""
    return triangles[..., _MATRIX]


def _unknown(shape: tuple[int, ...], dtype: type[np.floating]) -> NDArray:
    array = np.full(shape, np.nan, dtype)
    array.setflags(write=False)  # one for all
    return array


_UNKNOWN_VECTOR = _unknown((3,), np.float64)
_UNKNOWN_COVARIANCE = _unknown((3, 3), np.float64)
UNKNOWN_COVARIANCES = _unknown((NUM_LANDMARKS, 6), np.float32)


class ModelComplexity(IntEnum):
    """The three landmark models, from the fastest to the most accurate."""

    LITE = 0
    FULL = 1
    HEAVY = 2


class Placement(IntEnum):
    """Where a hip center comes from; the values of ``Pose33.placement``."""

    NONE = 0
    MONO = 1
    DEPTH = 2
    FLOOR = 3
    FUSED = 4


class Status(IntFlag):
    """What makes a pose less sure; the bits of ``Pose33.status``."""

    NONE = 0
    TOO_FAR = 1
    HEAD_NOT_VISIBLE = 2
    TRUNCATED = 4
    LOW_LIGHT = 8
    UNCALIBRATED = 16


@dataclass(frozen=True)
class Box:
    """Where an external detector sees a person; pixels, upright.

    Raises:
        ValueError: a number is not finite, or the box has no area.
    """

    x_px: float
    y_px: float
    width_px: float
    height_px: float

    def __post_init__(self) -> None:
        if not all(map(math.isfinite, (self.x_px, self.y_px, self.width_px, self.height_px))):
            raise ValueError(f"not finite: {self}")
        if self.width_px <= 0 or self.height_px <= 0:
            raise ValueError(f"no area: {self}")


@dataclass(frozen=True)
class Frame:
    """One image, ready for an estimator.

    Attributes:
        rgb: (height, width, 3) uint8, red first, C-contiguous, at least 1 x 1.
        stamp_ns: time of capture in nanoseconds, from the image's header.
        boxes: of the people that an external detector sees, the surest first, x and y in their
            middle; None where it says nothing of this image.

    Raises:
        ValueError: the pixels have another shape, type or memory layout. Estimators
            read the buffer as it lies in memory: a view would be misread in silence.
    """

    rgb: NDArray[np.uint8]
    stamp_ns: int
    boxes: tuple[Box, ...] | None = None

    def __post_init__(self) -> None:
        shape, dtype = self.rgb.shape, self.rgb.dtype
        if len(shape) != 3 or shape[2] != 3 or 0 in shape or dtype != np.uint8:
            raise ValueError(f"a frame is (height, width, 3) uint8 and not empty, not {shape} {dtype}")
        if not self.rgb.flags.c_contiguous:
            raise ValueError("a frame is C-contiguous: pass np.ascontiguousarray(rgb)")

    @property
    def width(self) -> int:
        """Width in pixels."""
        return self.rgb.shape[1]

    @property
    def height(self) -> int:
        """Height in pixels."""
        return self.rgb.shape[0]


@dataclass(frozen=True)
class ImageSize:
    """The size of the image that people are in, where its pixels are not at hand.

    Attributes:
        width: in pixels; 0 for people who are in no image, but in the images of several cameras.
        height: likewise.
    """

    width: int
    height: int


NO_IMAGE = ImageSize(0, 0)


@dataclass(frozen=True)
class HipCenter:
    """Where a body is, in the camera's optical frame (x right, y down, z forward).

    Attributes:
        position: (3,), meters, the midpoint of the hips.
        covariance: (3, 3), square meters.
        source: what the position was computed from: any but NONE.
        velocity: (3,), meters per second, as seen from the camera; NaN where it is not known.
        velocity_covariance: (3, 3), likewise.
    """

    position: NDArray[np.float64]
    covariance: NDArray[np.float64]
    source: Placement
    velocity: NDArray[np.float64] = field(default_factory=lambda: _UNKNOWN_VECTOR)
    velocity_covariance: NDArray[np.float64] = field(default_factory=lambda: _UNKNOWN_COVARIANCE)

    def __post_init__(self) -> None:
        _check_shape("position", self.position, (3,))
        _check_shape("covariance", self.covariance, (3, 3))
        _check_shape("velocity", self.velocity, (3,))
        _check_shape("velocity_covariance", self.velocity_covariance, (3, 3))

    @property
    def distance_m(self) -> float:
        """How far from the camera's optical center."""
        return float(np.linalg.norm(self.position))

    @property
    def distance_std_m(self) -> float:
        """The standard deviation along the camera's ray; NaN where the covariance is none."""
        if self.distance_m == 0:
            return math.nan
        ray = self.position / self.distance_m
        variance = float(ray @ self.covariance @ ray)
        return math.sqrt(variance) if variance >= 0 else math.nan


@dataclass(frozen=True)
class Pose:
    """One person in one image.

    Attributes:
        screen: (33, 3), x and y in pixels of the full image (origin: its upper left
            corner), z in the same scale relative to the hips, negative towards the camera.
        visibility: (33,), 0 to 1, how likely a landmark is inside the image and not hidden.
        presence: (33,), 0 to 1, how likely a landmark is inside the image.
        world: (33, 3), meters, origin at the hip center, optical axes; with the status
            UNCALIBRATED the axes of a camera that looks straight at the person.
        score: the model's pose-presence flag, 0 to 1; NaN where the estimator gives none.
        person_id: which person this is, from 1; 0 before tracking.
        hip_center: where the body is; None where it was not placed.
        mask: (height, width) float32, 0 to 1, where the person is; None unless asked for.
        status: what makes the pose less sure.
        primary: whether this is the person of ``~/pose``.
        landmark_covariances: (33, 6), square meters: the upper triangles (`covariance_matrices`) of the
            covariances of ``hip_center.position + world``; NaN where they are not known.
        stature_m: how tall the person is when standing upright; NaN where it is not known.
        stature_std_m: one standard deviation of it.
    """

    screen: NDArray[np.float32]
    visibility: NDArray[np.float32]
    presence: NDArray[np.float32]
    world: NDArray[np.float32]
    score: float = math.nan
    person_id: int = 0
    hip_center: HipCenter | None = None
    mask: NDArray[np.float32] | None = None
    status: Status = Status.NONE
    primary: bool = False
    landmark_covariances: NDArray[np.float32] = field(default_factory=lambda: UNKNOWN_COVARIANCES)
    stature_m: float = math.nan
    stature_std_m: float = math.nan

    def __post_init__(self) -> None:
        _check_shape("screen", self.screen, _POINTS)
        _check_shape("visibility", self.visibility, _SHARES)
        _check_shape("presence", self.presence, _SHARES)
        _check_shape("world", self.world, _POINTS)
        _check_shape("landmark_covariances", self.landmark_covariances, (NUM_LANDMARKS, 6))

    @property
    def placement(self) -> Placement:
        """Where the hip center comes from."""
        return Placement.NONE if self.hip_center is None else self.hip_center.source


def _check_shape(name: str, array: NDArray, shape: tuple[int, ...]) -> None:
    if array.shape != shape:
        raise ValueError(f"{name} has shape {array.shape} instead of {shape}")
