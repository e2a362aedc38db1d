# SPDX-License-Identifier: Apache-2.0
"""How far away a body is, from a depth image, which may be seen from another place than the color camera."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from blazepose_ros.core.camera_model import CameraModel
from blazepose_ros.core.landmarks import Landmark
from blazepose_ros.core.placement.translation_fit import PIXEL_CENTER_PX, TranslationFit

# Depth cameras end further away than this; nearer values are noise.
MIN_DEPTH_M = 0.1


@dataclass(frozen=True)
class DepthImage:
    """A depth image that was taken where the color image was.

    Attributes:
        depth_m: (height, width) float32, meters along the optical axis; NaN where missing.
        camera: the depth image's camera, in the color camera's place and direction.

    Raises:
        ValueError: the camera is that of images of another size.
    """

    depth_m: NDArray[np.float32]
    camera: CameraModel

    def __post_init__(self) -> None:
        size = (self.camera.height, self.camera.width)
        if self.depth_m.shape != size:
            raise ValueError(f"the depth image is {self.depth_m.shape}, its camera's images are {size}")

    def patch(self, ray: NDArray, radius: float) -> tuple[NDArray[np.float32], NDArray[np.float64]]:
        """Return the depths around a viewing ray and where they were seen.

        Args:
            ray: (2,), x/z and y/z.
            radius: half the side of the patch, in the same measure.

        Returns:
            (N,) depths in meters, and their (N, 2) offsets from the ray in the measure of the
            ray; none for a ray outside of the image.
        """
        center = self.camera.project([[*ray, 1.0]])[0]
        if not np.isfinite(center).all():
            return np.empty(0, np.float32), np.empty((0, 2))
        focal = self.camera.focal_px
        half = max(1, round(min(radius * focal, float(max(self.depth_m.shape)))))
        x, y = np.rint(np.clip(center, -1e6, 1e6)).astype(int)
        rows = slice(max(0, y - half), max(0, y + half + 1))
        columns = slice(max(0, x - half), max(0, x + half + 1))
        depths = self.depth_m[rows, columns]
        across, down = np.meshgrid(
            np.arange(columns.start, columns.start + depths.shape[1]) - center[0],
            np.arange(rows.start, rows.start + depths.shape[0]) - center[1],
        )
        return depths.ravel(), np.column_stack([across.ravel(), down.ravel()]) / focal


def metres(values: NDArray, scale: float = 1.0) -> NDArray[np.float32]:
    """Return depths in meters with NaN for what no camera measures: zero, negative, infinite.

    Args:
        values: depths in any unit.
        scale: meters in that unit.
    """
    with np.errstate(invalid="ignore", over="ignore"):  # of bytes that are no depths
        depth_m = values.astype(np.float32) * np.float32(scale)
    depth_m[~(np.isfinite(depth_m) & (depth_m >= MIN_DEPTH_M))] = np.nan
    return depth_m


# Half the side of the patch that is looked at around each spot.
RADIUS_M = 0.04

# Parts of one surface are not further apart in depth within a patch, and the nearest layer that
# covers this share of a patch is the body: cables and fingers cover less, and the background is
# behind the body.
LAYER_M = 0.12
LAYER_SHARE = 0.3
# Patches of which less was measured say nothing.
MIN_MEASURED = 5
MIN_MEASURED_SHARE = 0.2

# Depths beyond these factors of where the image puts the body are not the body's. A child
# looks like an adult one and a half times as far away; an assumed focal length adds to it.
MAX_FACTOR = 1.6
MAX_FACTOR_ASSUMED = 2.2

# Spots agree within this distance of each other, or it is not one body that they see.
AGREEMENT_M = 0.25

# How certain the distance is with a hip among the spots, and without one.
HIP_STD_M = 0.04
TORSO_STD_M = 0.07

_HIPS = (Landmark.LEFT_HIP, Landmark.RIGHT_HIP)
_SHOULDERS = (Landmark.LEFT_SHOULDER, Landmark.RIGHT_SHOULDER)


@dataclass(frozen=True)
class _Spot:
    """A place on the torso: the mean of landmarks.

    Attributes:
        landmarks: whose mean it is.
        inside_m: how deep below the skin it is, half the depth of that part of a body.
        weight: how much it counts.
    """

    landmarks: tuple[Landmark, ...]
    inside_m: float
    weight: float


# The trunk of adults is 0.23 to 0.25 m deep at the chest and at the hips (ANSUR), whose joints
# lie a little before the middle; the joint of the shoulder is under its muscle alone.
_SPOTS = (
    *(_Spot((hip,), 0.10, 3.0) for hip in _HIPS),
    _Spot((*_HIPS, *_SHOULDERS), 0.12, 2.0),
    *(_Spot((shoulder,), 0.06, 1.0) for shoulder in _SHOULDERS),
)


@dataclass(frozen=True)
class DepthRange:
    """What a depth image says about the distance of a body.

    Attributes:
        log_range: the logarithm of the distance of the hip center in meters.
        log_std: one standard deviation of it.
    """

    log_range: float
    log_std: float


def range_from_depth(
    fit: TranslationFit,
    world: NDArray,
    depth: DepthImage,
    camera: CameraModel,
    mask: NDArray[np.float32] | None = None,
) -> DepthRange | None:
    """Return how far away the hip center is by the depths that are seen on the torso.

    Hips count most, then the middle of the torso, then the shoulders; the weighted median is
    indifferent to a hand before one of them.

    Args:
        fit: where the body is by its landmarks alone.
        world: (33, 3), meters, the landmarks from the hip center.
        depth: the depth image.
        camera: the color image's.
        mask: (height, width) of the color image, 0 to 1, where the person is.

    Returns:
        The distance, or None where the depth image shows no body where the landmarks are.
    """
    seen = [spot for spot in _SPOTS if fit.usable[list(spot.landmarks)].all()]
    found = [(spot, _hip_depth(spot, fit, world, depth, camera, mask)) for spot in seen]
    found = [(spot, depth_m) for spot, depth_m in found if not math.isnan(depth_m)]
    if not found:
        return None
    depths_m = np.array([depth_m for _, depth_m in found])
    weights = np.array([spot.weight for spot, _ in found])
    middle_m = _weighted_median(depths_m, weights)
    agreeing = np.abs(depths_m - middle_m) < AGREEMENT_M
    if weights[agreeing].sum() < weights.sum() / 2:
        return None
    has_hip = any(spot.landmarks[0] in _HIPS and len(spot.landmarks) == 1 for spot, _ in found)
    std_m = HIP_STD_M if has_hip else TORSO_STD_M
    slant = float(np.linalg.norm(fit.position) / fit.position[2])
    return DepthRange(math.log(middle_m * slant), std_m / middle_m)


def _hip_depth(
    spot: _Spot,
    fit: TranslationFit,
    world: NDArray,
    depth: DepthImage,
    camera: CameraModel,
    mask: NDArray[np.float32] | None,
) -> float:
    """Return the depth of the hip center by one spot of the torso, NaN where none is seen."""
    landmarks = list(spot.landmarks)
    ray = fit.rays[landmarks].mean(axis=0)
    behind_hips_m = float(world[landmarks, 2].mean())
    expected_m = float(fit.position[2]) + behind_hips_m - spot.inside_m
    if expected_m <= 0.0:
        return math.nan
    depths, offsets = depth.patch(ray, RADIUS_M / expected_m)
    if mask is not None:
        depths = np.where(_on_mask(mask, camera, ray + offsets), depths, np.nan)
    factor = MAX_FACTOR_ASSUMED if camera.assumed else MAX_FACTOR
    surface_m = _nearest_layer(depths, expected_m / factor, expected_m * factor)
    return surface_m + spot.inside_m - behind_hips_m


def _nearest_layer(depths: NDArray, nearest_m: float, furthest_m: float) -> float:
    """Return the median of the nearest layer of depths between two limits, NaN for none."""
    measured = np.sort(depths[(depths > nearest_m) & (depths < furthest_m)])
    if len(measured) < max(MIN_MEASURED, MIN_MEASURED_SHARE * len(depths)):
        return math.nan
    ends = np.searchsorted(measured, measured + LAYER_M, side="right")
    sizes = ends - np.arange(len(measured))
    start = int(np.argmax(sizes >= LAYER_SHARE * len(measured)))
    return float(np.median(measured[start : ends[start]]))


def _on_mask(mask: NDArray[np.float32], camera: CameraModel, rays: NDArray) -> NDArray[np.bool_]:
    """Return which rays see the person, (N,)."""
    if not len(rays):
        return np.empty(0, bool)
    pixels = camera.project(np.column_stack([rays, np.ones(len(rays))])) + PIXEL_CENTER_PX
    height, width = mask.shape
    columns, rows = np.clip(np.nan_to_num(pixels), 0, (width - 1, height - 1)).astype(int).T
    return mask[rows, columns] > 0.5


def _weighted_median(values: NDArray, weights: NDArray) -> float:
    order = np.argsort(values)
    shares = np.cumsum(weights[order]) / weights.sum()
    lower, upper = np.searchsorted(shares, [0.5 - 1e-9, 0.5 + 1e-9])
    return float(values[order[[lower, min(upper, len(values) - 1)]]].mean())


# A person's distance needs no finer depths: at 6 m a hand's breadth is three of these pixels.
MAX_SIDE_PX = 320


def register_depth(
    depth_m: NDArray[np.float32],
    depth_camera: CameraModel,
    color_camera: CameraModel,
    rotation: NDArray[np.float64],
    translation: NDArray[np.float64],
) -> DepthImage:
    """Return a depth image as the color camera would have measured it, the nearest surface in each pixel.

    Args:
        depth_m: (height, width), meters along the depth camera's optical axis, NaN where missing.
        depth_camera: the depth camera at this size.
        color_camera: the color camera at the color image's size.
        rotation: (3, 3), from the depth camera's optical frame to the color camera's.
        translation: (3,), meters, where the depth camera is in the color camera's optical frame.
    """
    stride = -(-max(depth_m.shape) // MAX_SIDE_PX)
    rows, columns = (np.arange(0, side, stride) for side in depth_m.shape)
    depths = depth_m[::stride, ::stride].ravel()
    pixels = np.stack(np.meshgrid(columns, rows), axis=-1).reshape(-1, 2)
    rays = depth_camera.normalize(pixels[measured := np.isfinite(depths)])
    depths = depths[measured, None]
    points = np.column_stack([rays * depths, depths]) @ rotation.T + translation
    scale = min(1.0, MAX_SIDE_PX / max(color_camera.width, color_camera.height))
    camera = color_camera.scaled_to(
        max(1, round(color_camera.width * scale)), max(1, round(color_camera.height * scale))
    )
    return DepthImage(_nearest(points[points[:, 2] >= MIN_DEPTH_M], camera), camera)


def _nearest(points: NDArray[np.float64], camera: CameraModel) -> NDArray[np.float32]:
    """Return the depth of the nearest point in each pixel, (height, width), NaN where there is none."""
    points = points[np.argsort(-points[:, 2])]  # of those that are assigned to one pixel, the last one stays
    pixels = np.rint(camera.project(points)) if len(points) else np.empty((0, 2))
    inside = ((pixels >= 0) & (pixels < (camera.width, camera.height))).all(axis=1)
    columns, rows = pixels[inside].astype(int).T
    depth_m = np.full((camera.height, camera.width), np.nan, np.float32)
    depth_m[rows, columns] = points[inside, 2]
    return depth_m
