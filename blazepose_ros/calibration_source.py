"""The camera as camera_info describes it, or an assumed one."""

from __future__ import annotations

from sensor_msgs.msg import CameraInfo

from blazepose_ros.camera_model import CameraModel


class CalibrationError(ValueError):
    """A CameraInfo that describes no camera; the message says what is wrong with it."""


def to_camera_model(msg: CameraInfo) -> CameraModel | None:
    """Return the camera that a CameraInfo describes, or None for one that is not calibrated.

    Raises:
        CalibrationError: numbers that no camera has.
    """
    if not any(msg.k):  # how sensor_msgs/CameraInfo says so
        return None
    try:
        return CameraModel.from_calibration(msg.width, msg.height, msg.k, msg.d, msg.distortion_model)
    except ValueError as err:
        raise CalibrationError(f"camera_info is not usable: {err}") from err


def camera_for(width: int, height: int, calibrated: CameraModel | None, hfov_deg: float) -> CameraModel:
    """Return the camera for an image: the calibrated one, resized to it, or an assumed one.

    Raises:
        CalibrationError: the calibration's numbers are out of all proportion to the image.
    """
    if calibrated is None:
        return CameraModel.from_hfov(width, height, hfov_deg)
    try:
        return calibrated.scaled_to(width, height)
    except ValueError as err:
        raise CalibrationError(f"camera_info does not fit {width} x {height} pixels: {err}") from err
