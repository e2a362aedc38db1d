"""The camera as camera_info describes it, or an assumed one."""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import lru_cache

from sensor_msgs.msg import CameraInfo

from blazepose_ros.conversions.camera_info import CameraInfoError, to_camera_model
from blazepose_ros.conversions.cdr import CdrError, read_camera_info
from blazepose_ros.core.camera_model import CameraModel
from blazepose_ros.core.logger import Logger

# How long after the first image a warning says that a calibration is assumed.
ASSUME_AFTER_S = 1.0

# A camera's images are of one size, and to make a model takes a tenth of a millisecond.
_assumed = lru_cache(maxsize=4)(CameraModel.from_hfov)


class CalibrationInput:
    """Knows the camera of the images: the newest usable calibration, or an assumption.

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
        """Take the newest calibration; one of no use means none."""
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
            CalibrationError: the calibration's numbers are out of all proportion to the image.
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
