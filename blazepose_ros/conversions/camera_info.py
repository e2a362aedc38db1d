# SPDX-License-Identifier: Apache-2.0
"""Cameras as CameraInfo messages and back, and the calibration that holds now."""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import lru_cache

from sensor_msgs.msg import CameraInfo
from std_msgs.msg import Header

from blazepose_ros.conversions.cdr import CdrError, read_camera_info
from blazepose_ros.core.camera_model import CameraModel
from blazepose_ros.core.errors import BlazePoseError, Logger
from blazepose_ros.core.frame_sources.calibration_file import Calibration
from blazepose_ros.core.frame_sources.resize import Size


class CameraInfoError(BlazePoseError, ValueError):
    """A CameraInfo that does not describe a camera; the message says what is wrong with it."""


def to_camera_model(msg: CameraInfo) -> CameraModel | None:
    """Return the camera that a CameraInfo describes, or None for one that is not calibrated.

    K is that of the whole image in full resolution; the camera returned is that of the region
    of interest, binned.

    Raises:
        CameraInfoError: the numbers do not describe a camera.
    """
    if not any(msg.k):  # how sensor_msgs/CameraInfo says so
        return None
    try:
        whole = CameraModel.from_calibration(msg.width, msg.height, msg.k, msg.d, msg.distortion_model)
        roi = msg.roi
        # A region of no size is the whole image, a binning of 0 is one of 1.
        width, height = roi.width or msg.width, roi.height or msg.height
        region = whole.cropped_to(roi.x_offset, roi.y_offset, width, height)
        return region.scaled_to(width // max(msg.binning_x, 1), height // max(msg.binning_y, 1))
    except ValueError as err:
        raise CameraInfoError(f"camera_info is not usable: {err}") from err


def camera_info_message(calibration: Calibration | None, size: Size, header: Header) -> CameraInfo:
    """Return the CameraInfo of images of a size (width, height).

    Without a calibration the matrices are zero, which is how CameraInfo says so.
    """
    message = CameraInfo(header=header, width=size[0], height=size[1])
    if calibration is not None:
        message.distortion_model = calibration.camera.distortion_model
        message.d = list(calibration.camera.d)
        message.k = calibration.camera.k.ravel()
        message.r = calibration.rectification.ravel()
        message.p = calibration.projection.ravel()
    return message


# How long after the first image a warning says that a calibration is assumed.
ASSUME_AFTER_S = 1.0

# A camera's images are of one size, and to make a model takes a tenth of a millisecond.
_assumed = lru_cache(maxsize=4)(CameraModel.from_hfov)


class CalibrationInput:
    """Knows the camera of the images: the latest usable calibration, or an assumption.

    Args:
        topic: where calibrations come from, for messages.
        logger: warned once when distances rest on an assumption, and of unusable calibrations.
        clock: monotonic seconds.
    """

    def __init__(
        self,
        topic: str,
        logger: Logger,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._topic = topic
        self._logger = logger
        self._clock = clock
        self._calibrated: CameraModel | None = None
        self._is_known = False
        self._assume_from_s: float | None = None
        self._has_warned = False

    @property
    def is_calibrated(self) -> bool:
        """Whether there is a usable calibration."""
        return self._calibrated is not None

    @property
    def is_known(self) -> bool:
        """Whether the camera has said how it is calibrated, or that it is not."""
        return self._is_known

    def receive(self, serialized: bytes) -> None:
        """Take a calibration as it came over the wire; one that cannot be read changes nothing."""
        try:
            self.update(read_camera_info(serialized))
        except CdrError as err:
            self._logger.error(f"camera_info dropped: {err}")

    def update(self, msg: CameraInfo) -> None:
        """Take the latest calibration; an unusable one counts as none."""
        self._is_known = True
        try:
            self._calibrated = to_camera_model(msg)
        except CameraInfoError as err:
            self._calibrated = None
            self._logger.error(f"{err}; a field of view is assumed")
        if self._calibrated is None:
            self._assume_from_s = self._clock()  # no better one will come

    def camera_for(self, width: int, height: int, assumed_hfov_deg: float) -> CameraModel:
        """Return the camera for an image of a size in pixels.

        Raises:
            CameraInfoError: the calibration's numbers are out of all proportion to the image.
        """
        if self._calibrated is None:
            self._warn_of_assumption(assumed_hfov_deg)
            return _assumed(width, height, assumed_hfov_deg)
        try:
            return self._calibrated.scaled_to(width, height)
        except ValueError as err:
            raise CameraInfoError(f"camera_info does not fit {width} x {height} pixels: {err}") from err

    def _warn_of_assumption(self, hfov_deg: float) -> None:
        if self._assume_from_s is None:
            self._assume_from_s = self._clock() + ASSUME_AFTER_S
        if not self._has_warned and self._clock() >= self._assume_from_s:
            self._has_warned = True
            self._logger.warning(
                f"no calibration on {self._topic}: distances rest on an assumed horizontal field of view"
                f" of {hfov_deg:g} degrees (assumed_hfov_deg)"
            )
