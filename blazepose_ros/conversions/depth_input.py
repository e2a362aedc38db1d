# SPDX-License-Identifier: Apache-2.0
"""The depth images that come beside the color images."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from sensor_msgs.msg import Image

from blazepose_ros.conversions.camera_info import CameraInfoError, to_camera_model
from blazepose_ros.conversions.cdr import CdrError, read_camera_info, read_image, stamp_ns
from blazepose_ros.conversions.images import ImageError, pixel_rows
from blazepose_ros.core.camera_model import CameraModel
from blazepose_ros.core.errors import Logger
from blazepose_ros.core.placement.depth_range import DepthImage, metres
from blazepose_ros.core.timestamps import NS_PER_S

# Half a second at 30 Hz: an image waits for its inference while newer depth images come.
DEPTH_IMAGES_KEPT = 16


@dataclass(frozen=True)
class DepthEncoding:
    """How a depth lies in memory, and its unit in meters (REP-118)."""

    dtype: str
    unit_m: float


ENCODINGS = {
    "16UC1": DepthEncoding("u2", 0.001),
    "mono16": DepthEncoding("u2", 0.001),
    "32FC1": DepthEncoding("f4", 1.0),
}


class DepthInput:
    """Keeps the latest depth images and finds the one that belongs to a color image.

    Args:
        logger: told of unusable messages.
    """

    def __init__(self, logger: Logger) -> None:
        self._logger = logger
        self._camera: CameraModel | None = None
        # Another thread reads these: they are replaced, never changed.
        self._latest: tuple[tuple[int, Image], ...] = ()

    def receive_calibration(self, serialized: bytes) -> None:
        """Take the latest sensor_msgs/CameraInfo; instead of an unusable one the color camera's is used."""
        try:
            self._camera = to_camera_model(read_camera_info(serialized))
        except (CdrError, CameraInfoError) as err:
            self._camera = None
            self._logger.error(f"depth: {err}; that of the color image is used")

    def receive(self, serialized: bytes) -> None:
        """Keep a serialized sensor_msgs/Image."""
        try:
            msg = read_image(serialized)
        except CdrError as err:
            self._logger.error(f"depth image dropped: {err}")
            return
        self._latest = (*self._latest, (stamp_ns(msg.header), msg))[-DEPTH_IMAGES_KEPT:]

    def depth_for(self, image_ns: int, tolerance_s: float, camera: CameraModel) -> DepthImage | None:
        """Return the depth image that was taken with a color image, None where there is none.

        Args:
            image_ns: the stamp of the color image.
            tolerance_s: how far apart the stamps may be.
            camera: the color camera, in place of a depth camera without a calibration.
        """
        near = [(abs(taken_ns - image_ns), msg) for taken_ns, msg in self._latest]
        apart_ns, msg = min(near, key=lambda each: each[0], default=(0, None))
        if msg is None or apart_ns > tolerance_s * NS_PER_S:
            return None
        try:
            depth_m = to_meters(msg)
            height, width = depth_m.shape
            return DepthImage(depth_m, (self._camera or camera).scaled_to(width, height))
        except ValueError as err:
            self._logger.error(f"depth image dropped: {err}")
            return None


def to_meters(msg: Image) -> NDArray[np.float32]:
    """Return a depth image message in meters, (height, width), NaN where nothing was measured.

    Raises:
        ImageError: an empty image, an encoding of no depth, a step or data too short for it.
    """
    encoding = ENCODINGS.get(msg.encoding)
    if encoding is None:
        names = ", ".join(ENCODINGS)
        raise ImageError(f"the encoding {msg.encoding!r} is not one of depth; these are: {names}")
    dtype = np.dtype(encoding.dtype).newbyteorder(">" if msg.is_bigendian else "<")
    rows = np.ascontiguousarray(pixel_rows(msg, dtype.itemsize))
    return metres(rows.view(dtype), encoding.unit_m)
