"""Cameras as CameraInfo messages and back."""

from __future__ import annotations

from sensor_msgs.msg import CameraInfo
from std_msgs.msg import Header

from blazepose_ros.core.camera_model import CameraModel
from blazepose_ros.core.errors import BlazePoseError
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
