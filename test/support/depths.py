# SPDX-License-Identifier: Apache-2.0
"""Depth images of synthetic people, with exact answers."""

from typing import Any

import cv2
import numpy as np

from blazepose_ros.core.camera_model import CameraModel
from blazepose_ros.core.landmarks import Landmark
from blazepose_ros.core.placement.depth_range import DepthImage
from support.bodies import CAMERA, FACING_M

TORSO = [Landmark.LEFT_SHOULDER, Landmark.RIGHT_SHOULDER, Landmark.RIGHT_HIP, Landmark.LEFT_HIP]
# The trunk's surface is this far before the joints, and that wide around them.
SKIN_M = 0.10
FLESH_M = 0.06
WALL_M = 6.0


def depth_of(position: Any, camera: CameraModel = CAMERA, wall_m: float = WALL_M) -> np.ndarray:
    """Return what a depth camera sees of the trunk of a body that faces it, before a wall."""
    depth_m = np.full((camera.height, camera.width), wall_m, np.float32)
    outline = FACING_M[TORSO] * (1, 1, 0) + np.array(position)
    outline[:, 0] += FLESH_M * np.sign(outline[:, 0] - position[0])
    outline[:, 1] += FLESH_M * np.sign(outline[:, 1] - outline[:, 1].mean())
    pixels = np.rint(camera.project(outline)).astype(np.int32)
    cv2.fillPoly(depth_m, [pixels], float(position[2] - SKIN_M))
    return depth_m


def depth_image(position: Any, camera: CameraModel = CAMERA, **fields: Any) -> DepthImage:
    return DepthImage(depth_of(position, camera, **fields), camera)
