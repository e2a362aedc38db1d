# SPDX-License-Identifier: Apache-2.0
"""Pinhole cameras with lens distortion: from pixels to viewing rays and back."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import ArrayLike, NDArray

# sensor_msgs/distortion_models.hpp: name -> how many coefficients D may have.
DISTORTION_COEFFICIENTS = {
    "": (0,),
    "plumb_bob": (0, 4, 5),
    "rational_polynomial": (0, 8, 12, 14),
    "equidistant": (0, 4),
}

# OpenCV removes distortion step by step; by default it stops early, at a hundredth of a pixel.
_UNDISTORT_CRITERIA = (cv2.TERM_CRITERIA_COUNT | cv2.TERM_CRITERIA_EPS, 50, 1e-10)

# No lens has a focal length of so many pixels, nor its center there, whatever the image's size:
# numbers beyond would overflow on their way.
MAX_K_PX = 1e12


@dataclass(frozen=True)
class CameraModel:
    """A calibrated camera, or one whose field of view is assumed.

    The axes are those of REP-103's optical frame: x right, y down, z forward.

    Attributes:
        width: image width in pixels.
        height: image height in pixels.
        k: (3, 3), the intrinsic matrix in pixels.
        d: distortion coefficients in OpenCV's order.
        distortion_model: a name of sensor_msgs/CameraInfo.
        assumed: true where there is no calibration and the field of view is a guess.

    Raises:
        ValueError: sizes, focal lengths or coefficients that no camera has.
    """

    width: int
    height: int
    k: NDArray[np.float64]
    d: tuple[float, ...] = ()
    distortion_model: str = "plumb_bob"
    assumed: bool = False

    def __post_init__(self) -> None:
        if self.width < 1 or self.height < 1:
            raise ValueError(f"the image size is {self.width} x {self.height}")
        if self.k.shape != (3, 3) or not np.isfinite(self.k).all():
            raise ValueError("K is not a 3 x 3 matrix of finite numbers")
        if np.abs(self.k).max() > MAX_K_PX:
            raise ValueError(f"K holds {np.abs(self.k).max():g}, more pixels than any lens has")
        if self.k[0, 0] <= 0 or self.k[1, 1] <= 0:
            raise ValueError(
                f"the focal lengths are {self.k[0, 0]:g} and {self.k[1, 1]:g}, not both positive"
                " (zeros mean that the camera is not calibrated)"
            )
        if self.distortion_model not in DISTORTION_COEFFICIENTS:
            names = ", ".join(name for name in DISTORTION_COEFFICIENTS if name)
            raise ValueError(f"the distortion model is {self.distortion_model!r}, not one of {names}")
        if len(self.d) not in DISTORTION_COEFFICIENTS[self.distortion_model]:
            raise ValueError(
                f"{self.distortion_model or 'no model'} does not take {len(self.d)} coefficients"
            )
        if not np.isfinite(self.d).all():
            raise ValueError("D is not finite")

    @classmethod
    def from_hfov(cls, width: int, height: int, hfov_deg: float) -> CameraModel:
        """Return a camera without distortion that sees ``hfov_deg`` degrees from side to side."""
        if not 0.0 < hfov_deg < 180.0:
            raise ValueError(f"the field of view is {hfov_deg} degrees, not between 0 and 180")
        focal_px = width / 2 / math.tan(math.radians(hfov_deg) / 2)
        k = np.array([[focal_px, 0, (width - 1) / 2], [0, focal_px, (height - 1) / 2], [0, 0, 1]])
        return cls(width, height, k, assumed=True)

    @classmethod
    def from_calibration(
        cls, width: int, height: int, k: Sequence[float], d: Sequence[float], distortion_model: str
    ) -> CameraModel:
        """Return a camera from the flat fields of a sensor_msgs/CameraInfo."""
        return cls(width, height, np.reshape(np.asarray(k, float), (3, 3)), tuple(d), distortion_model)

    def cropped_to(self, x: int, y: int, width: int, height: int) -> CameraModel:
        """Return this camera for a region of its image, whose corner is at x and y.

        Raises:
            ValueError: the region is not inside of the image.
        """
        if x < 0 or y < 0 or x + width > self.width or y + height > self.height:
            raise ValueError(
                f"the region of {width} x {height} pixels at ({x}, {y}) is not inside of"
                f" {self.width} x {self.height}"
            )
        k = self.k - np.array([[0, 0, x], [0, 0, y], [0, 0, 0]])
        return CameraModel(width, height, k, self.d, self.distortion_model, self.assumed)

    def scaled_to(self, width: int, height: int) -> CameraModel:
        """Return this camera for its image resized to another size, pixel centers kept."""
        if (width, height) == (self.width, self.height):
            return self
        sx, sy = width / self.width, height / self.height
        resize = np.array([[sx, 0, (sx - 1) / 2], [0, sy, (sy - 1) / 2], [0, 0, 1]])
        return CameraModel(width, height, resize @ self.k, self.d, self.distortion_model, self.assumed)

    @property
    def focal_px(self) -> float:
        """The mean of the two focal lengths in pixels."""
        return float(self.k[0, 0] + self.k[1, 1]) / 2

    @property
    def _is_pinhole(self) -> bool:
        """Whether there is no distortion, as for images that are rectified and cameras that are assumed."""
        return self.distortion_model != "equidistant" and not any(self.d)

    def normalize(self, pixels: ArrayLike) -> NDArray[np.float64]:
        """Return x/z and y/z, (N, 2), of the rays through (N, 2) pixels, distortion removed."""
        points = np.asarray(pixels, np.float64).reshape(-1, 1, 2)
        if self._is_pinhole:
            return (points[:, 0] - self.k[:2, 2]) / self.k.diagonal()[:2]
        distortion = np.asarray(self.d, np.float64)
        if self.distortion_model == "equidistant":
            fisheye = distortion if distortion.size else np.zeros(4)
            return cv2.fisheye.undistortPoints(points, self.k, fisheye).reshape(-1, 2)
        undistorted = cv2.undistortPointsIter(points, self.k, distortion, None, None, _UNDISTORT_CRITERIA)
        return undistorted.reshape(-1, 2)

    def project(self, points: ArrayLike) -> NDArray[np.float64]:
        """Return the pixels, (N, 2), of (N, 3) points in the optical frame."""
        points = np.asarray(points, np.float64).reshape(-1, 1, 3)
        distortion = np.asarray(self.d, np.float64)
        zero = np.zeros(3)
        if self.distortion_model == "equidistant":
            fisheye = distortion if distortion.size else np.zeros(4)
            return cv2.fisheye.projectPoints(points, zero, zero, self.k, fisheye)[0].reshape(-1, 2)
        return cv2.projectPoints(points, zero, zero, self.k, distortion)[0].reshape(-1, 2)
