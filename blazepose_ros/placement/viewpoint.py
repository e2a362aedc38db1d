"""World landmarks parallel to the camera's axes, wherever in the image a person is."""

from __future__ import annotations

import math
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
    (left_x, left_y), (right_x, right_y) = pose.screen[_HIPS, :2].tolist()
    hips = (
        (_within(left_x, camera.width) + _within(right_x, camera.width)) / 2.0 - PIXEL_CENTER_PX,
        (_within(left_y, camera.height) + _within(right_y, camera.height)) / 2.0 - PIXEL_CENTER_PX,
    )
    x, y = camera.normalize(hips)[0].tolist()
    if not max(abs(x), abs(y)) < MAX_TANGENT:  # nor where it is not a number
        return pose
    # Unlike the operator this is silent about what is infinite, that is unknown.
    return replace(pose, world=np.dot(pose.world, turn_to(x, y).T).astype(pose.world.dtype))


def _within(value: float, limit: float) -> float:
    """Return a pixel moved to where the image ends, beyond which no lens model goes; NaN stays."""
    return min(max(value, 0.0), limit)


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
