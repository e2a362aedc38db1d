# SPDX-License-Identifier: Apache-2.0
import cv2
import numpy as np
import pytest

from blazepose_ros.conversions.camera_info import camera_info_message
from blazepose_ros.conversions.cdr import header_message
from blazepose_ros.conversions.images import compressed_message, to_image
from blazepose_ros.core.camera_model import CameraModel
from blazepose_ros.core.frame_sources.calibration_file import Calibration
from blazepose_ros.core.frame_sources.frame_source import FrameError

HEADER = header_message(3_000_000_007, "camera")
PIXELS = np.arange(2 * 5 * 3, dtype=np.uint8).reshape(2, 5, 3)


def test_a_header_splits_nanoseconds() -> None:
    assert (HEADER.stamp.sec, HEADER.stamp.nanosec, HEADER.frame_id) == (3, 7, "camera")


def test_an_image_keeps_every_pixel() -> None:
    message = to_image(PIXELS, "bgr8", HEADER)
    assert (message.width, message.height, message.step, message.encoding) == (5, 2, 15, "bgr8")
    assert np.array_equal(np.asarray(message.data).reshape(2, 5, 3), PIXELS)


def test_a_view_is_sent_as_what_it_shows() -> None:
    message = to_image(PIXELS[:, ::-1], "bgr8", HEADER)
    assert np.array_equal(np.asarray(message.data).reshape(2, 5, 3), PIXELS[:, ::-1])


def test_a_jpeg_decodes_to_the_image() -> None:
    image = np.full((24, 32, 3), (10, 120, 250), np.uint8)
    message = compressed_message(image, HEADER)
    assert message.format == "bgr8; jpeg compressed bgr8"
    decoded = cv2.imdecode(np.asarray(message.data), cv2.IMREAD_COLOR)
    assert np.abs(decoded.astype(int) - image).max() <= 4


def test_an_image_too_long_for_a_jpeg_is_an_error_of_that_frame() -> None:
    with pytest.raises(FrameError, match="70000 x 1 pixels do not fit into a JPEG"):
        compressed_message(np.zeros((1, 70000, 3), np.uint8), HEADER)


def test_camera_info_carries_the_calibration() -> None:
    camera = CameraModel(64, 48, np.diag([50.0, 51.0, 1.0]), (0.1, 0.2, 0.3, 0.4), "equidistant")
    message = camera_info_message(Calibration.monocular(camera), (64, 48), HEADER)
    assert (message.width, message.height, message.distortion_model) == (64, 48, "equidistant")
    assert list(message.d) == [0.1, 0.2, 0.3, 0.4]
    assert list(message.k) == [50, 0, 0, 0, 51, 0, 0, 0, 1]
    assert list(message.r) == [1, 0, 0, 0, 1, 0, 0, 0, 1]
    assert list(message.p) == [50, 0, 0, 0, 0, 51, 0, 0, 0, 0, 1, 0]


def test_an_unknown_camera_has_matrices_of_zero() -> None:
    message = camera_info_message(None, (64, 48), HEADER)
    assert (message.width, message.height) == (64, 48)
    assert not any(message.k)
