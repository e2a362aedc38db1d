"""Depth images: how far away what each pixel sees is."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from blazepose_ros.camera_model import CameraModel

# Depth cameras end further away than this; nearer values are noise.
MIN_DEPTH_M = 0.1


@dataclass(frozen=True)
class DepthImage:
    """A depth image that was taken where the colour image was.

    Attributes:
        depth_m: (height, width) float32, metres along the optical axis; NaN where missing.
        camera: the depth image's camera, in the colour camera's place and direction.

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
            (N,) depths in metres, and their (N, 2) offsets from the ray in the measure of the
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
    """Return depths in metres with NaN for what no camera measures: zero, negative, infinite.

    Args:
        values: depths in any unit.
        scale: metres in that unit.
    """
    with np.errstate(invalid="ignore", over="ignore"):  # of bytes that are no depths
        depth_m = values.astype(np.float32) * np.float32(scale)
    depth_m[~(np.isfinite(depth_m) & (depth_m >= MIN_DEPTH_M))] = np.nan
    return depth_m
