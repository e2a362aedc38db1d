# SPDX-License-Identifier: Apache-2.0
"""The turned square of an image that holds one person, and the way in and out of it."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from blazepose_ros.core.landmarks import NUM_LANDMARKS, Landmark
from blazepose_ros.core.types import Box

# pose_detector_graph.cc and pose_landmarks_detector_graph.cc, ConfigureRectTransformationCalculator.
_MARGIN = 1.25
# People are covered in gray, but for their arms: who stands behind an arm stays to be seen.
_GRAY = (128, 128, 128)
_ARMS = range(Landmark.LEFT_ELBOW, Landmark.LEFT_HIP)
_BODY = [landmark for landmark in range(NUM_LANDMARKS) if landmark not in _ARMS]
# What is further out than this, in sides of a crop or in pixels, is as good as infinitely far, and
# fits what OpenCV computes with.
_FAR = 4.0
_FARTHEST_PX = 1 << 20
# The sides of tiles, of the shorter side of the image: people a third of it tall fill half a tile.
_TILE = 0.7
_TOLERANCE = 1e-6


@dataclass(frozen=True)
class Roi:
    """A square in an image; its own coordinates run from 0 to 1 along its sides.

    Attributes:
        x_px: its middle in the image.
        y_px: its middle in the image.
        size_px: the length of its sides.
        rotation_rad: how far it is turned, clockwise as seen.

    Raises:
        ValueError: a number is not finite, or the square has no area.
    """

    x_px: float
    y_px: float
    size_px: float
    rotation_rad: float = 0.0

    def __post_init__(self) -> None:
        if not all(map(math.isfinite, (self.x_px, self.y_px, self.size_px, self.rotation_rad))):
            raise ValueError(f"not finite: {self}")
        if self.size_px <= 0:
            raise ValueError(f"no area: {self}")

    @classmethod
    def letterbox(cls, width_px: int, height_px: int) -> Roi:
        """Return the smallest upright square around an image, its middle in the image's."""
        return cls(width_px / 2, height_px / 2, max(width_px, height_px))

    @classmethod
    def around_person(cls, center_px: NDArray, scale_px: NDArray) -> Roi | None:
        """Return the square of the person given by two points, or None where they give none.

        Args:
            center_px: (2,), the middle of the hips.
            scale_px: (2,), the point above the head on the circle around the whole person,
                in the middle of the square's upper side once the square is turned upright.

        The formula is that of alignment_points_to_rects_calculator.cc with a target angle
        of 90 degrees, enlarged by the margin the landmark model was trained with.
        """
        dx, dy = float(scale_px[0] - center_px[0]), float(scale_px[1] - center_px[1])
        size_px = 2 * math.hypot(dx, dy) * _MARGIN
        if not 0 < size_px < math.inf:
            return None
        return cls(float(center_px[0]), float(center_px[1]), size_px, math.atan2(dx, -dy))

    @classmethod
    def around_box(cls, box: Box) -> Roi:
        """Return the upright square for the person in a box."""
        return cls(box.x_px, box.y_px, max(box.width_px, box.height_px) * _MARGIN)

    @property
    def rotation(self) -> NDArray[np.float64]:
        """(2, 2), from directions along the ROI's sides to directions in the image."""
        cos, sin = math.cos(self.rotation_rad), math.sin(self.rotation_rad)
        return np.array([[cos, -sin], [sin, cos]])

    def to_image(self, points: NDArray) -> NDArray[np.float64]:
        """Return the pixels, (n, 2), of (n, 2) points in the ROI's coordinates."""
        return (points - 0.5) @ (self.size_px * self.rotation.T) + (self.x_px, self.y_px)

    def from_image(self, pixels: NDArray) -> NDArray[np.float64]:
        """Return the ROI's coordinates, (n, 2), of (n, 2) pixels."""
        return (pixels - (self.x_px, self.y_px)) @ self.rotation / self.size_px + 0.5

    def crop(self, rgb: NDArray[np.uint8], side_px: int, border: int) -> NDArray[np.uint8]:
        """Return what the ROI shows, (side, side, 3), pixels between others interpolated.

        As in image_to_tensor_converter_opencv.cc a pixel's coordinates are those of its upper
        left corner, in the image and in the crop.

        Args:
            rgb: (height, width, 3).
            side_px: width and height of the crop.
            border: what lies beyond the image: ``cv2.BORDER_REPLICATE`` or ``cv2.BORDER_CONSTANT``.
        """
        # An affine warp would take half the time, but rounds one pixel in a thousand otherwise than
        # MediaPipe does, which moves Lite's landmarks by up to 1.7 px instead of 0.8.
        flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
        matrix = np.vstack([self._from_crop(side_px), (0, 0, 1)])
        return cv2.warpPerspective(rgb, matrix, (side_px, side_px), flags=flags, borderMode=border)

    def cover(self, crop: NDArray[np.uint8], people: Iterable[NDArray]) -> None:
        """Paint over people in a crop of the ROI, so that others are seen.

        Args:
            crop: (side, side, 3), changed in place.
            people: landmarks, (33, 2 or 3) each, pixels of the image.
        """
        for screen in people:
            points = self.from_image(_body(screen)).clip(-_FAR, _FAR) * len(crop)
            if len(points):
                cv2.fillConvexPoly(crop, _hull(points), _GRAY)

    def shows(self, screen: NDArray) -> bool:
        """Return whether a landmark of a person's body, (33, 2 or 3) pixels, lies in the ROI."""
        points = self.from_image(_body(screen))
        return bool(np.all((points > 0) & (points < 1), axis=1).any())

    def paste(self, crop: NDArray[np.float32], width_px: int, height_px: int) -> NDArray[np.float32]:
        """Return a (height, width) image that is zero but for a square crop laid into the ROI."""
        return cv2.warpAffine(crop, self._from_crop(crop.shape[0]), (width_px, height_px))

    def overlap(self, other: Roi) -> float:
        """Return the intersection over union of two ROIs as if neither were turned.

        association_norm_rect_calculator.cc leaves the rotation out as well.
        """
        reach_px = (self.size_px + other.size_px) / 2
        shorter_px = min(self.size_px, other.size_px)
        wide_px = min(shorter_px, reach_px - abs(self.x_px - other.x_px))
        high_px = min(shorter_px, reach_px - abs(self.y_px - other.y_px))
        if wide_px <= 0 or high_px <= 0:
            return 0.0
        shared = wide_px * high_px
        return shared / (self.size_px**2 + other.size_px**2 - shared)

    def _from_crop(self, side_px: int) -> NDArray[np.float64]:
        """(2, 3), from a crop's pixels to the image's."""
        origin = self.to_image(np.zeros((1, 2)))
        return np.hstack([self.size_px / side_px * self.rotation, origin.T])


def body_hull(screen: NDArray) -> NDArray[np.int32] | None:
    """Return a body's outline, (n, 1, 2), but for the arms, of (33, 2 or 3) landmarks; None without any."""
    points = _body(screen)
    return _hull(points) if len(points) else None


def _body(screen: NDArray) -> NDArray:
    """Return the landmarks that are known, (n, 2), but for those of the arms."""
    points = screen[_BODY, :2]
    return points[np.isfinite(points).all(axis=1)]


def _hull(points: NDArray) -> NDArray[np.int32]:
    return np.asarray(cv2.convexHull(points.clip(-_FARTHEST_PX, _FARTHEST_PX).astype(np.int32)), np.int32)


def tiles(width_px: int, height_px: int, share: float = _TILE) -> list[Roi]:
    """Return squares that show each part of an image larger, overlapping by half at most.

    Args:
        width_px: of the image.
        height_px: of the image.
        share: the sides of the squares, of the shorter side of the image.
    """
    side_px = share * min(width_px, height_px)
    across, down = (_steps(length_px, side_px) for length_px in (width_px, height_px))
    return [Roi(x, y, side_px) for y in down for x in across]


def _steps(length_px: int, side_px: float) -> NDArray[np.float64]:
    """Return the middles of as many squares as cover a length, each overlapping the one before."""
    count = math.ceil(length_px / side_px - _TOLERANCE) + 1
    return np.linspace(side_px / 2, length_px - side_px / 2, count)
