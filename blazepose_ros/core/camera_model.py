# SPDX-License-Identifier: Apache-2.0
"""Pinhole cameras with lens distortion: from pixels to viewing rays and back.

Distortion is as drivers name and number it, in the names of sensor_msgs and the order of OpenCV.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import ArrayLike, NDArray

from blazepose_ros.core.text import quoted

PLUMB_BOB, RATIONAL, EQUIDISTANT = "plumb_bob", "rational_polynomial", "equidistant"

# sensor_msgs/distortion_models.hpp: name -> how many coefficients D may have.
DISTORTION_COEFFICIENTS = {
    "": (0,),
    PLUMB_BOB: (0, 4, 5),
    RATIONAL: (0, 8, 12, 14),
    EQUIDISTANT: (0, 4),
}

# What drivers and calibration tools call the models, without case and punctuation. Plumb bob is the
# beginning of OpenCV's rational polynomial: only the number of coefficients tells them apart.
_NONE = re.compile(r"(none|null|undistorted|perspective|pinhole)?")
_POLYNOMIAL = re.compile(
    r"plumbbob|radtan|radialtangential|brown(conrady)?|(full)?opencv|rational(polynomial)?"
)
_EQUIDISTANT = re.compile(r"equi(distant)?|(opencv)?fisheye|kannalabrandt4?|kb4?")
# Their K is no pinhole's: the focal length in it has to be divided by a parameter among D.
_OMNIDIRECTIONAL = re.compile(
    r"omni(directional)?|mei|catadioptric|unified|e?ucm|ds|doublesphere|scaramuzza|ocam|fov"
)
_MAX_NAME = 40  # characters of a name that a message quotes


@dataclass(frozen=True)
class Distortion:
    """How a lens distorts.

    Attributes:
        model: a name of `DISTORTION_COEFFICIENTS`.
        d: the coefficients in OpenCV's order.
        remark: what was read otherwise than it was labeled, or ignored; empty where nothing was.
    """

    model: str = PLUMB_BOB
    d: tuple[float, ...] = ()
    remark: str = ""


def read_distortion(name: str, coefficients: Sequence[float]) -> Distortion:
    """Return the distortion that a calibration names, as far as it is certain.

    Zeros at the end of D mean nothing, whatever their number. What is not certain is left out and said.

    Raises:
        ValueError: the model is one whose K is not that of a pinhole camera.
    """
    d = tuple(coefficients)
    if len(d) in DISTORTION_COEFFICIENTS.get(name, ()) and name and np.isfinite(d).all():
        return Distortion(name, d)
    key, quoted = re.sub(r"[^a-z0-9]", "", name.lower()), repr(name[:_MAX_NAME])
    if _OMNIDIRECTIONAL.fullmatch(key):
        raise ValueError(f"the distortion model {quoted} is not one of a pinhole camera or fisheye lens")
    fisheye = _EQUIDISTANT.fullmatch(key) is not None
    if not np.isfinite(d).all():
        return Distortion(EQUIDISTANT if fisheye else PLUMB_BOB, (), "D is not finite: it is ignored")
    d = _without_last_zeros(d)
    if fisheye:
        return _fitted(EQUIDISTANT, d)
    if _POLYNOMIAL.fullmatch(key):
        return _polynomial(name, d)
    if d:
        return Distortion(remark=f"the distortion model is {quoted}: D is ignored")
    return Distortion(
        remark="" if _NONE.fullmatch(key) else f"the distortion model is {quoted}, which is not known"
    )


def _polynomial(name: str, d: tuple[float, ...]) -> Distortion:
    if len(d) <= DISTORTION_COEFFICIENTS[PLUMB_BOB][-1]:
        return _fitted(PLUMB_BOB, d)
    fitted = _fitted(RATIONAL, d)
    if name == PLUMB_BOB and not fitted.remark:
        remark = f"{PLUMB_BOB} does not take {len(d)} coefficients: they are read as {RATIONAL}"
        return Distortion(RATIONAL, fitted.d, remark)
    return fitted


def _fitted(model: str, d: tuple[float, ...]) -> Distortion:
    """Return coefficients with as many zeros at their end as a model asks for, those beyond it left out."""
    numbers = DISTORTION_COEFFICIENTS[model]
    count = next((number for number in numbers if number >= len(d)), numbers[-1])
    beyond = len(d) - count
    remark = f"{model} takes {count} coefficients: the {beyond} of D after those are ignored"
    return Distortion(model, (d + (0.0,) * count)[:count], remark if beyond > 0 else "")


def _without_last_zeros(d: tuple[float, ...]) -> tuple[float, ...]:
    used = [number for number, value in enumerate(d, start=1) if value]
    return d[: used[-1]] if used else ()


# OpenCV removes distortion step by step; by default it stops early, at a hundredth of a pixel.
_UNDISTORT_CRITERIA = (cv2.TERM_CRITERIA_COUNT | cv2.TERM_CRITERIA_EPS, 50, 1e-10)

# No lens has a focal length of so many pixels, nor its center there, whatever the image's size:
# numbers beyond would overflow on their way.
MAX_K_PX = 1e12

# Cameras deliver 853 or 854 pixels for 16:9 at a height of 480.
_ASPECT_TOLERANCE = 0.01


def same_proportions(one: tuple[int, int], other: tuple[int, int]) -> bool:
    """Return whether two sizes (width, height) have the same proportions, but for rounding."""
    ratio = one[0] * other[1] / (one[1] * other[0])
    return abs(ratio - 1) <= _ASPECT_TOLERANCE


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
            raise ValueError(f"the distortion model is {quoted(self.distortion_model)}, not one of {names}")
        if len(self.d) not in DISTORTION_COEFFICIENTS[self.distortion_model]:
            raise ValueError(
                f"{self.distortion_model or 'no model'} does not take {len(self.d)} coefficients"
            )
        if not np.isfinite(self.d).all():
            raise ValueError("D is not finite")

    @classmethod
    def from_hfov(cls, width: int, height: int, hfov_deg: float) -> CameraModel:
        """Return a camera without distortion whose longer side sees ``hfov_deg`` degrees.

        A camera held upright has the lens that it has lying down.
        """
        if not 0.0 < hfov_deg < 180.0:
            raise ValueError(f"the field of view is {hfov_deg} degrees, not between 0 and 180")
        focal_px = max(width, height) / 2 / math.tan(math.radians(hfov_deg) / 2)
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

    def cropped_in_the_middle(self, width: int, height: int) -> CameraModel:
        """Return this camera for images of other proportions, as its sensor's modes usually give them.

        16:9 of a 4:3 sensor are all of its columns and its middle rows, 4:3 of a 16:9 sensor all of its
        rows and its middle columns; either may be resized.
        """
        scale = max(width / self.width, height / self.height)
        left, top = (self.width * scale - width) / 2, (self.height * scale - height) / 2
        fit = np.array([[scale, 0, (scale - 1) / 2 - left], [0, scale, (scale - 1) / 2 - top], [0, 0, 1]])
        return CameraModel(width, height, fit @ self.k, self.d, self.distortion_model, self.assumed)

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
        if self._is_pinhole:
            depths = points[:, 0, 2:]
            rays = points[:, 0, :2] / np.where(depths == 0.0, 1.0, depths)  # as OpenCV divides
            return rays * self.k.diagonal()[:2] + self.k[:2, 2]
        distortion = np.asarray(self.d, np.float64)
        zero = np.zeros(3)
        if self.distortion_model == "equidistant":
            fisheye = distortion if distortion.size else np.zeros(4)
            return cv2.fisheye.projectPoints(points, zero, zero, self.k, fisheye)[0].reshape(-1, 2)
        return cv2.projectPoints(points, zero, zero, self.k, distortion)[0].reshape(-1, 2)
