"""The translation that projects a body onto the image: hip centre from geometry alone."""

from __future__ import annotations

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
    points, seen = pose.world[usable].astype(np.float64), rays[usable]
    weights = pose.visibility[usable].astype(np.float64)
    position = _linear_translation(points, seen, weights)
    for _ in range(ITERATIONS):
        if not _in_front(points + position):
            return None
        jacobian, residuals = _reprojection(points + position, seen)
        position = position - _solve(jacobian, residuals, weights * _huber_weights(residuals))
    if not _in_front(points + position):
        return None
    jacobian, residuals = _reprojection(points + position, seen)
    scatter = _scatter(jacobian, residuals, weights * _huber_weights(residuals))
    return TranslationFit(position, scatter, np.where(usable[:, None], rays, np.nan), usable)


def _usable(pose: Pose, rays: NDArray, visibility_threshold: float) -> NDArray[np.bool_]:
    """Return which landmarks are seen and make sense, (33,); NaN is less than no limit."""
    seen = (pose.visibility > 0) & (pose.visibility >= visibility_threshold)
    sane = (np.abs(pose.world).max(axis=1) < MAX_EXTENT_M) & (np.abs(rays).max(axis=1) < MAX_TANGENT)
    return seen & sane


def _linear_translation(points: NDArray, rays: NDArray, weights: NDArray) -> NDArray:
    """Return t of ``(X + t_x) / (Z + t_z) = x``, multiplied out: linear in t, (3,)."""
    rows = np.zeros((len(points), 2, 3))
    rows[:, 0, 0] = rows[:, 1, 1] = 1.0
    rows[:, :, 2] = -rays
    return _solve(rows, rays * points[:, 2:] - points[:, :2], weights)


def _reprojection(points: NDArray, rays: NDArray) -> tuple[NDArray, NDArray]:
    """Return the projection's derivative by the translation, (N, 2, 3), and its error, (N, 2)."""
    projected = points[:, :2] / points[:, 2:]
    jacobian = np.zeros((len(points), 2, 3))
    jacobian[:, 0, 0] = jacobian[:, 1, 1] = 1.0 / points[:, 2]
    jacobian[:, :, 2] = -projected / points[:, 2:]
    return jacobian, projected - rays


def _huber_weights(residuals: NDArray) -> NDArray:
    errors = np.linalg.norm(residuals, axis=1)
    return HUBER_TANGENT / np.maximum(errors, HUBER_TANGENT)


def _solve(rows: NDArray, values: NDArray, weights: NDArray) -> NDArray:
    """Return the weighted least-squares solution of ``rows @ t = values``, (3,)."""
    root = np.sqrt(weights)
    matrix = (rows * root[:, None, None]).reshape(-1, 3)
    return np.linalg.lstsq(matrix, (values * root[:, None]).ravel(), rcond=None)[0]


def _scatter(jacobian: NDArray, residuals: NDArray, weights: NDArray) -> NDArray:
    """Return the covariance of the translation, (3, 3), that the residuals speak of."""
    rows = jacobian.reshape(-1, 3)
    doubled = np.repeat(weights, 2)
    information = (rows * doubled[:, None]).T @ rows
    variance = doubled @ residuals.ravel() ** 2 / doubled.sum()
    return variance * np.linalg.pinv(information) / INDEPENDENT_LANDMARKS


def _in_front(points: NDArray) -> bool:
    """Tell whether all points are in front of the camera and their middle not too close."""
    depths = points[:, 2]
    return bool(np.isfinite(depths).all() and depths.min() > 0 and depths.mean() > MIN_DISTANCE_M)
