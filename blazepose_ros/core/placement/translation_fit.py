# SPDX-License-Identifier: Apache-2.0
"""The translation that projects a body onto the image, and its landmarks turned to the camera's axes."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from blazepose_ros.core.camera_model import CameraModel
from blazepose_ros.core.landmarks import Landmark
from blazepose_ros.core.types import Pose

# Three unknowns take two landmarks; fewer than this fit anything.
MIN_LANDMARKS = 6

# No landmark is further from the hips along any axis: beyond it the model's answer is absurd.
MAX_EXTENT_M = 3.0

# Rays further off the optical axis (tangent: 84 degrees) are those of pixels that a lens
# model cannot undo, or of landmarks far outside of the image.
MAX_TANGENT = 10.0

# World landmarks end well inside this distance from the hips; closer cameras see no body.
MIN_DISTANCE_M = 0.3

# No person is seen from so far away: numbers beyond would overflow on their way.
FURTHEST_M = 1e6

# Residuals beyond this angle (tangent: one centimeter at one meter) count less (Huber's loss).
HUBER_TANGENT = 0.01
ITERATIONS = 5
# No body's image is smaller.
TINY_TANGENT = 1e-6
# A step this small is far below what the landmarks can tell.
CONVERGED_M = 1e-3

# Neighboring landmarks err together: they are worth a fraction of as many independent ones.
INDEPENDENT_LANDMARKS = 0.25

# K counts from the center of the first pixel, screen landmarks from its corner.
PIXEL_CENTER_PX = 0.5


@dataclass(frozen=True)
class TranslationFit:
    """A body of the model's own size, where the image shows it.

    Attributes:
        position: (3,), meters, the hip center in the optical frame.
        scatter: (3, 3), square meters, the covariance that the residuals speak of.
        rays: (33, 2), x/z and y/z of the landmarks; NaN where one is not usable.
        usable: (33,), which landmarks are seen and make sense.
    """

    position: NDArray[np.float64]
    scatter: NDArray[np.float64]
    rays: NDArray[np.float64]
    usable: NDArray[np.bool_]


def fit_translation(pose: Pose, camera: CameraModel, visibility_threshold: float) -> TranslationFit | None:
    """Return the translation that projects the world landmarks onto the screen landmarks.

    The rotation is the identity: world landmarks are parallel to the optical axes already.
    Landmarks weigh as much as they are visible, and less the worse they fit (Huber's loss).

    Args:
        pose: the landmarks.
        camera: the camera at the size of the image that the pose was found in.
        visibility_threshold: landmarks below it say nothing about the place.

    Returns:
        The fit, or None where too little of the body is seen to tell.
    """
    rays = camera.normalize(pose.screen[:, :2] - PIXEL_CENTER_PX)
    usable = _usable(pose, rays, visibility_threshold)
    if np.count_nonzero(usable) < MIN_LANDMARKS:
        return None
    body = _BodyPoints.of(pose, rays, usable)
    hips = _refined(body, _solve(body.rays, body.rays * body.depths - body.across, body.weights))
    hips = hips or _refined(body, body.middle_of_most())
    if hips is None:
        return None
    position = np.array([hips.across.real, hips.across.imag, hips.depth])
    return TranslationFit(position, body.scatter(hips), np.where(usable[:, None], rays, np.nan), usable)


def _refined(body: _BodyPoints, hips: _Ray) -> _Ray | None:
    """Return where projections fit best, from a first guess; None where that is not before the camera."""
    nearest_m = body.nearest_m()
    for _ in range(ITERATIONS):
        if not nearest_m < hips.depth < FURTHEST_M:
            return None
        step = body.step(hips)
        hips = _Ray(hips.across - step.across, hips.depth - step.depth)
        if max(abs(step.across.real), abs(step.across.imag), abs(step.depth)) < CONVERGED_M:
            break
    return hips if nearest_m < hips.depth < FURTHEST_M else None


def _usable(pose: Pose, rays: NDArray, visibility_threshold: float) -> NDArray[np.bool_]:
    """Return which landmarks are seen and make sense, (33,); NaN is less than no limit."""
    seen = (pose.visibility > 0) & (pose.visibility >= visibility_threshold)
    sane = (np.abs(pose.world).max(axis=1) < MAX_EXTENT_M) & (np.abs(rays).max(axis=1) < MAX_TANGENT)
    return seen & sane


class _Ray(NamedTuple):
    """A point in the optical frame: x and y as one complex number, and z."""

    across: complex
    depth: float


class _BodyPoints(NamedTuple):
    """The landmarks that are usable; what is across the image is complex, x and y in one number.

    Attributes:
        across: (N,), meters from the hip center.
        depths: (N,), likewise.
        rays: (N,), x/z and y/z in the image.
        weights: (N,), how visible they are.
    """

    across: NDArray[np.complex128]
    depths: NDArray[np.float64]
    rays: NDArray[np.complex128]
    weights: NDArray[np.float64]

    @classmethod
    def of(cls, pose: Pose, rays: NDArray, usable: NDArray[np.bool_]) -> _BodyPoints:
        x, y, z = pose.world[usable].T.astype(np.float64)
        ray_x, ray_y = rays[usable].T
        return cls(x + 1j * y, z, ray_x + 1j * ray_y, pose.visibility[usable].astype(np.float64))

    def nearest_m(self) -> float:
        """Return the hips' least depth: all points in front of the camera, their middle not too close."""
        return max(-float(self.depths.min()), MIN_DISTANCE_M - float(self.depths.mean()))

    def middle_of_most(self) -> _Ray:
        """Return a guess that no few landmarks spoil, as one does in least squares that is far off and near.

        Medians of similar triangles: how large the body is, and how large its image.
        """
        middle, seen = _median(self.across), _median(self.rays)
        sizes, seen_sizes = np.abs(self.across - middle), np.abs(self.rays - seen)
        depth = float(np.median(sizes)) / max(float(np.median(seen_sizes)), TINY_TANGENT)
        return _Ray(seen * depth - middle, depth)

    def step(self, hips: _Ray) -> _Ray:
        """Return how far the hips are from where the projections fit best: Gauss and Newton."""
        depths = self.depths + hips.depth
        projected = (self.across + hips.across) / depths
        residuals = projected - self.rays
        weights = self.weights * _huber_weights(residuals) / depths**2
        return _solve(projected, residuals * depths, weights)

    def scatter(self, hips: _Ray) -> NDArray[np.float64]:
        """Return the covariance of the hips' place, (3, 3), that the residuals speak of."""
        depths = self.depths + hips.depth
        projected = (self.across + hips.across) / depths
        residuals = projected - self.rays
        weights = self.weights * _huber_weights(residuals)
        squares = float(np.vdot(residuals, residuals * weights).real)
        variance = squares / (2.0 * float(weights.sum())) / INDEPENDENT_LANDMARKS
        total, middle, spread = _spread(projected, weights / depths**2)
        information = float(np.vdot(spread, projected).real)
        # The inverse of the normal equations that _solve solves.
        towards = np.array([middle.real, middle.imag, 1.0])
        covariance = towards[:, None] * towards * (variance / information)
        covariance[0, 0] += variance / total
        covariance[1, 1] += variance / total
        return covariance


def _median(points: NDArray[np.complex128]) -> complex:
    return complex(np.median(points.real), np.median(points.imag))


def _huber_weights(residuals: NDArray) -> NDArray[np.float64]:
    return HUBER_TANGENT / np.maximum(np.abs(residuals), HUBER_TANGENT)


def _solve(rays: NDArray, values: NDArray, weights: NDArray) -> _Ray:
    """Return the t whose ``t_x - x t_z`` and ``t_y - y t_z`` are nearest to the values.

    ``(X + t_x) / (Z + t_z) = x``, multiplied out, is linear in t. Weighted least squares: t_x
    and t_y follow from t_z, of which one equation is left. NaN where the rays do not differ.

    Args:
        rays: (N,), x and y in one complex number.
        values: (N,), likewise.
        weights: (N,).
    """
    total, middle, spread = _spread(rays, weights)
    information = float(np.vdot(spread, rays).real)
    depth = -float(np.vdot(spread, values).real) / information if information > 0 else math.nan
    return _Ray(complex(weights @ values) / total + middle * depth, depth)


def _spread(rays: NDArray, weights: NDArray) -> tuple[float, complex, NDArray]:
    """Return the sum of the weights, the rays' mean, and their weighted distances to it, (N,)."""
    total = float(weights.sum())
    middle = complex(weights @ rays) / total
    return total, middle, (rays - middle) * weights


_HIPS = slice(Landmark.LEFT_HIP, Landmark.RIGHT_HIP + 1)


def rotate_to_optical_axes(pose: Pose, camera: CameraModel) -> Pose:
    """Return a pose whose world landmarks are parallel to the camera's optical axes.

    A model sees a square around the hips and not where in the image that was: it describes a
    person as a camera would see them that looks straight at them. Where photographs were
    projected anew, with the person 20 degrees further from the axis, the answers turned by 1 to
    6 degrees instead of 20.

    Args:
        pose: as a model describes it.
        camera: the camera at the size of the image that the pose was found in.
    """
    across, down = pose.screen[_HIPS, :2].T.tolist()
    hips = (_middle(across, camera.width), _middle(down, camera.height))
    x, y = camera.normalize(hips)[0].tolist()
    if not max(abs(x), abs(y)) < MAX_TANGENT:  # nor where it is not a number
        return pose
    with np.errstate(invalid="ignore"):  # an infinite landmark is an unknown one
        return replace(pose, world=(pose.world @ turn_to(x, y).T).astype(pose.world.dtype))


def _middle(pixels: Sequence[float], limit: float) -> float:
    """Return the mean of pixels inside of the image, beyond which no lens model goes; NaN stays."""
    inside = [min(max(pixel, 0.0), limit) for pixel in pixels]
    return sum(inside) / len(inside) - PIXEL_CENTER_PX


def turn_to(x: float, y: float) -> NDArray[np.float64]:
    """Return the smallest rotation that takes the optical axis to the ray (x, y, 1), (3, 3)."""
    length = math.sqrt(x**2 + y**2 + 1.0)
    x, y, z = x / length, y / length, 1.0 / length
    # Rodrigues' formula with the axis (-y, x, 0) and the cosine z.
    return np.array(
        [
            [1.0 - x * x / (1.0 + z), -x * y / (1.0 + z), x],
            [-x * y / (1.0 + z), 1.0 - y * y / (1.0 + z), y],
            [-x, -y, z],
        ]
    )
