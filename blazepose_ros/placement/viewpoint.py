"""World landmarks parallel to the camera's axes, wherever in the image a person is."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from blazepose_ros.camera_model import CameraModel
from blazepose_ros.landmarks import Landmark
from blazepose_ros.placement.translation import MAX_TANGENT, PIXEL_CENTER_PX
from blazepose_ros.pose import Pose

_HIPS = slice(Landmark.LEFT_HIP, Landmark.RIGHT_HIP + 1)


def turned_to_the_camera(pose: Pose, camera: CameraModel) -> Pose:
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
