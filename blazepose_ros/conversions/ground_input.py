# SPDX-License-Identifier: Apache-2.0
"""Where the floor is under a camera, and what points upwards: from TF, or as is assumed."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from blazepose_ros.conversions.tf_buffer import TfBuffer, TransformError, TransformFault
from blazepose_ros.core.body_view import UP_IN_WORLD, up_of_camera
from blazepose_ros.core.errors import Logger
from blazepose_ros.core.placement.floor_range import Floor
from blazepose_ros.core.settings import NodeSettings
from blazepose_ros.core.text import printable
from blazepose_ros.core.transforms import Rigid
from blazepose_ros.msg import Pose33, Pose33Array

# A robot does not lean or rise much in this time: where TF comes later than images, the floor of a
# little before is as good, and nothing has to wait.
LATE_NS = 100_000_000


class GroundInput:
    """Tells the floor under a camera at the time of an image.

    Args:
        transforms: remembers /tf.
        logger: told where TF does not give the floor.

    Attributes:
        trouble: why the floor of the last image is not known, though it should be; or nothing.
    """

    def __init__(self, transforms: TfBuffer, logger: Logger) -> None:
        self._transforms = transforms
        self._logger = logger
        self.trouble = ""

    def floor_for(self, frame_id: str, stamp_ns: int, settings: NodeSettings) -> Floor | None:
        """Return the floor, None where the settings ask for none or it is not known.

        Args:
            frame_id: the camera's optical frame.
            stamp_ns: when the image was taken.
            settings: ``ground_frame`` goes before ``camera_height_m``.
        """
        self.trouble = ""
        stds = math.radians(settings.ground_tilt_std_deg), settings.ground_height_std_m
        if not settings.ground_frame:
            if not settings.camera_height_m:
                return None
            return Floor.under_camera(settings.camera_height_m, settings.camera_tilt_deg, *stds)
        try:
            camera = self._camera_on(settings.ground_frame, frame_id, stamp_ns)
            return Floor(camera.rotation[2], float(camera.translation[2]), *stds)
        except (TransformError, ValueError) as err:
            self.trouble = f"the floor is not known from {settings.ground_frame} (ground_frame): {err}"
            self._logger.error(self.trouble)
            return None

    def _camera_on(self, ground_frame: str, frame_id: str, stamp_ns: int) -> Rigid:
        """Return the camera's pose on the ground.

        Raises:
            TransformError: it is not known.
        """
        try:
            return self._transforms.lookup(ground_frame, frame_id, stamp_ns)
        except TransformError as err:
            if err.fault is not TransformFault.NOT_YET:
                raise
        return self._transforms.lookup(ground_frame, frame_id, stamp_ns - LATE_NS)


def lookup_late(transforms: TfBuffer, target: str, source: str, stamp_ns: int) -> Rigid:
    """Return the pose of a frame at a time, or a little before, where TF comes later than images.

    Raises:
        TransformError: it is not known.
    """
    try:
        return transforms.lookup(target, source, stamp_ns)
    except TransformError as err:
        if err.fault is not TransformFault.NOT_YET:
            raise
    return transforms.lookup(target, source, stamp_ns - LATE_NS)


def assumed_up(msg: Pose33Array, camera_tilt_deg: float) -> NDArray[np.float64]:
    """Return what is taken to point upwards, (3,), where no frame tells it.

    Fused people are in a frame of the world, whose z points upwards (REP-103); those of one camera in
    its optical axes.
    """
    if any(pose.placement == Pose33.FUSED for pose in msg.poses):
        return UP_IN_WORLD
    return up_of_camera(camera_tilt_deg)


class UpwardsInput:
    """Tells what points upwards at the time of a message.

    Args:
        transforms: remembers /tf.
        logger: told where TF does not tell it, though it should.
    """

    def __init__(self, transforms: TfBuffer, logger: Logger) -> None:
        self._transforms = transforms
        self._logger = logger

    def of_message(
        self, msg: Pose33Array, stamp_ns: int, ground_frame: str, camera_tilt_deg: float
    ) -> NDArray[np.float64]:
        """Return what points upwards, (3,), of unit length, in the frame of a message's header.

        Args:
            msg: the people.
            stamp_ns: the header's.
            ground_frame: the frame whose z points upwards; empty for none.
            camera_tilt_deg: how far the camera looks down, where no frame tells it.
        """
        if ground_frame:
            try:
                return lookup_late(self._transforms, ground_frame, msg.header.frame_id, stamp_ns).rotation[2]
            except TransformError as err:
                frame = printable(ground_frame)
                self._logger.error(
                    f"what is upwards is assumed, not taken from {frame} (ground_frame): {err}"
                )
        return assumed_up(msg, camera_tilt_deg)
