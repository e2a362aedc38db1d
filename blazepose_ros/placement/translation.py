"""The translation that projects a body onto the image: hip centre from geometry alone."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from blazepose_ros.camera_model import CameraModel
from blazepose_ros.pose import Pose

# Three unknowns take two landmarks; fewer than this fit anything.
MIN_LANDMARKS = 6

# No landmark is further from the hips along any axis: beyond it the model's answer is absurd.
MAX_EXTENT_M = 3.0

# Rays further off the optical axis (tangent: 84 degrees) are those of pixels that a lens
# model cannot undo, or of landmarks far outside of the image.
MAX_TANGENT = 10.0

# World landmarks end well inside this distance from the hips; closer cameras see no body.
MIN_DISTANCE_M = 0.3

# Residuals beyond this angle (tangent: one centimetre at one metre) count less (Huber's loss).
HUBER_TANGENT = 0.01
ITERATIONS = 5
# A step this small is far below what the landmarks can tell.
CONVERGED_M = 1e-3

# Neighbouring landmarks err together: they are worth a fraction of as many independent ones.
INDEPENDENT_LANDMARKS = 0.25

# K counts from the centre of the first pixel, screen landmarks from its corner.
PIXEL_CENTER_PX = 0.5


@dataclass(frozen=True)
class TranslationFit:
    """A body of the model's own size, where the image shows it.

    Attributes:
        position: (3,), metres, the hip centre in the optical frame.
        scatter: (3, 3), square metres, the covariance that the residuals speak of.
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
    if usable.sum() < MIN_LANDMARKS:
        return None
    points, seen = pose.world[usable].T.astype(np.float64), rays[usable].T
    weights = pose.visibility[usable].astype(np.float64)
    nearest_m = _nearest(points[2])
    position = _linear_translation(points, seen, weights)
    for _ in range(ITERATIONS):
        if not nearest_m < position[2] < math.inf:
            return None
        step = _step(points + position[:, None], seen, weights)
        position = position - step
        if np.abs(step).max() < CONVERGED_M:
            break
    if not nearest_m < position[2] < math.inf:
        return None
    scatter = _scatter(points + position[:, None], seen, weights)
    return TranslationFit(position, scatter, np.where(usable[:, None], rays, np.nan), usable)


def _usable(pose: Pose, rays: NDArray, visibility_threshold: float) -> NDArray[np.bool_]:
    """Return which landmarks are seen and make sense, (33,); NaN is less than no limit."""
    seen = (pose.visibility > 0) & (pose.visibility >= visibility_threshold)
    sane = (np.abs(pose.world).max(axis=1) < MAX_EXTENT_M) & (np.abs(rays).max(axis=1) < MAX_TANGENT)
    return seen & sane


def _linear_translation(points: NDArray, rays: NDArray, weights: NDArray) -> NDArray[np.float64]:
    """Return t of ``(X + t_x) / (Z + t_z) = x``, multiplied out: linear in t, (3,)."""
    return _solve(rays, rays * points[2] - points[:2], weights)


def _step(points: NDArray, rays: NDArray, weights: NDArray) -> NDArray[np.float64]:
    """Return how far the points are from where their projections would fit best, (3,): Gauss and Newton."""
    projected = points[:2] / points[2]
    residuals = projected - rays
    weights = weights * _huber_weights(residuals) / points[2] ** 2
    return _solve(projected, residuals * points[2], weights)


def _huber_weights(residuals: NDArray) -> NDArray[np.float64]:
    return HUBER_TANGENT / np.maximum(np.hypot(*residuals), HUBER_TANGENT)


def _solve(rays: NDArray, values: NDArray, weights: NDArray) -> NDArray[np.float64]:
    """Return the t whose ``t_x - x t_z`` and ``t_y - y t_z`` are nearest to the values, (3,).

    Weighted least squares: t_x and t_y follow from t_z, of which one equation is left.
    NaN where the rays do not differ.

    Args:
        rays: (2, N), x and y.
        values: (2, N).
        weights: (N,).
    """
    total, middle, spread = _spread(rays, weights)
    information = float(np.vdot(spread, rays))
    depth = -float(np.vdot(spread, values)) / information if information > 0 else math.nan
    x, y = (values @ weights / total + middle * depth).tolist()
    return np.array([x, y, depth])


def _spread(rays: NDArray, weights: NDArray) -> tuple[float, NDArray, NDArray]:
    """Return the sum of the weights, the rays' mean, (2,), and their weighted distances to it, (2, N)."""
    total = float(weights.sum())
    middle = rays @ weights / total
    return total, middle, (rays - middle[:, None]) * weights


def _scatter(points: NDArray, rays: NDArray, weights: NDArray) -> NDArray[np.float64]:
    """Return the covariance of the translation, (3, 3), that the residuals speak of."""
    projected = points[:2] / points[2]
    residuals = projected - rays
    weights = weights * _huber_weights(residuals)
    variance = float((residuals**2 @ weights).sum() / (2.0 * weights.sum())) / INDEPENDENT_LANDMARKS
    total, middle, spread = _spread(projected, weights / points[2] ** 2)
    towards = np.array([*middle.tolist(), 1.0])
    # The inverse of the normal equations that _solve solves.
    across, along = np.diag([1.0 / total, 1.0 / total, 0.0]), np.outer(towards, towards)
    return variance * (across + along / float(np.vdot(spread, projected)))


def _nearest(depths: NDArray) -> float:
    """Return the hips' least depth: all points in front of the camera, their middle not too close."""
    return max(-float(depths.min()), MIN_DISTANCE_M - float(depths.mean()))
