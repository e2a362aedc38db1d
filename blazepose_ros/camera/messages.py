"""Images and calibrations as the messages that a camera publishes."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray
from sensor_msgs.msg import CameraInfo, CompressedImage
from std_msgs.msg import Header

from blazepose_ros.camera.calibration import Calibration
from blazepose_ros.camera.frame_fit import Size
from blazepose_ros.camera.frame_source import FrameError
from blazepose_ros.image_messages import byte_array
from blazepose_ros.nanoseconds import NS_PER_S

_JPEG_QUALITY = 95


def header_message(stamp_ns: int, frame_id: str) -> Header:
    """Return a header for a stamp in nanoseconds."""
    header = Header(frame_id=frame_id)
    header.stamp.sec, header.stamp.nanosec = divmod(stamp_ns, NS_PER_S)
    return header


def compressed_message(bgr: NDArray[np.uint8], header: Header) -> CompressedImage:
    """Return a (height, width, 3) uint8 image, blue first, as a JPEG.

    Raises:
        FrameError: the image is larger than a JPEG can be, 65,535 pixels either way.
    """
    encoded, jpeg = cv2.imencode(".jpg", bgr, (cv2.IMWRITE_JPEG_QUALITY, _JPEG_QUALITY))
    if not encoded:
        raise FrameError(f"{bgr.shape[1]} x {bgr.shape[0]} pixels do not fit into a JPEG")
    message = CompressedImage(header=header, format="bgr8; jpeg compressed bgr8")
    message.data = byte_array(jpeg)
    return message


def camera_info_message(calibration: Calibration | None, size: Size, header: Header) -> CameraInfo:
    """Return what is known of the camera of images of a size (width, height).

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
