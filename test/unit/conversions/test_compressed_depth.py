# SPDX-License-Identifier: Apache-2.0
"""Depth images that image_transport has compressed."""

import struct
from typing import Any

import cv2
import numpy as np
import pytest

pytest.importorskip("rclpy", reason="rclpy is not installed")

from rclpy.serialization import serialize_message
from sensor_msgs.msg import CompressedImage

from blazepose_ros.conversions.cdr import CdrError
from blazepose_ros.conversions.compressed_images import read_compressed_depth
from blazepose_ros.conversions.depth_input import DepthInput, to_meters
from blazepose_ros.conversions.image_stream import ImageError
from blazepose_ros.core.camera_model import CameraModel

MILLIMETERS = np.array([[1000, 2500, 0], [4000, 9000, 300]], np.uint16)
# What compressed_depth_image_transport makes of its default parameters: quantization 100, 10 m at most.
QUANTIZATION, MAX_DEPTH_M = 100.0, 10.0
FACTOR = QUANTIZATION * (QUANTIZATION + 1)
OFFSET = 1.0 - FACTOR / MAX_DEPTH_M


class Log:
    """Keeps what is said."""

    def __init__(self) -> None:
        self.said: list[str] = []

    def info(self, text: str) -> None:
        self.said.append(text)

    warning = error = info


def message(values: Any, encoding: str, factor: float = 0.0, offset: float = 0.0, **changes: Any) -> bytes:
    _, png = cv2.imencode(".png", values)
    data = struct.pack("<iff", 0, factor, offset) + png.tobytes()
    fields = {"format": f"{encoding}; compressedDepth png", "data": data} | changes
    msg = CompressedImage(format=fields["format"], data=fields["data"])
    msg.header.frame_id, msg.header.stamp.sec = "depth", 5
    return serialize_message(msg)


def test_millimeters_come_back_as_they_were() -> None:
    image = read_compressed_depth(message(MILLIMETERS, "16UC1"))
    assert (image.encoding, image.header.frame_id, image.header.stamp.sec) == ("16UC1", "depth", 5)
    expected = np.where(MILLIMETERS == 0, np.nan, MILLIMETERS / 1000)
    np.testing.assert_allclose(to_meters(image), expected, rtol=1e-6)


def test_meters_come_back_within_their_quantization() -> None:
    depths = np.linspace(0.5, 9.5, 12, dtype=np.float32).reshape(3, 4)
    values = np.round(FACTOR / depths + OFFSET).astype(np.uint16)
    values[0, 0] = 0
    found = to_meters(read_compressed_depth(message(values, "32FC1", FACTOR, OFFSET)))
    assert np.isnan(found[0, 0])
    np.testing.assert_allclose(found.ravel()[1:], depths.ravel()[1:], rtol=0.01)


def test_it_is_taken_as_a_depth_image() -> None:
    depth = DepthInput(Log())
    depth.receive_compressed(message(np.full((48, 64), 3000, np.uint16), "16UC1"))
    found = depth.depth_for(5 * 10**9, 0.05, CameraModel.from_hfov(64, 48, 60.0))
    assert found is not None
    np.testing.assert_allclose(found.depth_m, 3.0)


@pytest.mark.parametrize(
    ("changes", "what"),
    [
        ({"format": "jpeg"}, "not one of compressed depth"),
        ({"format": "16UC1; png compressed"}, "not one of compressed depth"),
        ({"format": "rgb8; compressedDepth png"}, "not one of compressed depth"),
        ({"data": b"\0" * 5}, "cut short"),
        ({"data": b"\0" * 40}, "not a PNG.*rvl"),
        ({"data": b"\0" * 12 + b"\x89PNG\r\n\x1a\n" + b"\0" * 40}, "compressed depth"),
    ],
)
def test_what_is_no_such_image_is_refused_with_a_reason(changes: Any, what: str) -> None:
    with pytest.raises(ImageError, match=what):
        read_compressed_depth(message(MILLIMETERS, "16UC1", **changes))


def test_an_image_of_eight_bits_is_refused() -> None:
    with pytest.raises(ImageError, match="16 bits"):
        read_compressed_depth(message(MILLIMETERS.astype(np.uint8), "16UC1"))


def test_a_damaged_message_is_dropped_and_said() -> None:
    log = Log()
    depth = DepthInput(log)
    depth.receive_compressed(message(MILLIMETERS, "16UC1")[:30])
    depth.receive_compressed(message(MILLIMETERS, "16UC1", format="jpeg"))
    assert [text.partition(":")[0] for text in log.said] == ["depth image dropped"] * 2


def test_a_message_that_ends_early_is_damaged() -> None:
    with pytest.raises(CdrError):
        read_compressed_depth(message(MILLIMETERS, "16UC1")[:30])
