# SPDX-License-Identifier: Apache-2.0
"""Depth images as messages, and which of them belongs to a colour image."""

import sys
from typing import Any

import numpy as np
import pytest
from rclpy.serialization import serialize_message
from sensor_msgs.msg import CameraInfo, Image
from support.bodies import CAMERA

from blazepose_ros.conversions.depth_input import DEPTH_IMAGES_KEPT, DepthInput, to_meters
from blazepose_ros.conversions.images import ImageError
from blazepose_ros.core.errors import FunctionLogger

MS = 1_000_000
START_NS = 1_000_000_000_000
DEPTH_M = np.array([[1.5, 0.0, 3.25], [2.0, 4.0, 0.5]])


def message(
    values: Any, encoding: Any, taken_ns: Any = START_NS, padding: Any = 0, *, swap: bool = False
) -> Image:
    values = values.byteswap() if swap else values
    rows = np.pad(values.view(np.uint8).reshape(len(values), -1), ((0, 0), (0, padding)))
    msg = Image(height=values.shape[0], width=values.shape[1], encoding=encoding, step=rows.shape[1])
    msg.is_bigendian = int((sys.byteorder == "big") != swap)
    msg.header.stamp.sec, msg.header.stamp.nanosec = divmod(taken_ns, 1_000_000_000)
    msg.data.frombytes(rows.tobytes())
    return msg


def millimetres(depth_m: Any = DEPTH_M) -> Any:
    return (depth_m * 1000).astype(np.uint16)


EXPECTED = np.where(DEPTH_M > 0, DEPTH_M, np.nan)


@pytest.mark.parametrize("padding", [0, 6])
@pytest.mark.parametrize("swap", [False, True])
@pytest.mark.parametrize(
    ("values", "encoding"),
    [
        (millimetres(), "16UC1"),
        (millimetres(), "mono16"),
        (DEPTH_M.astype(np.float32), "32FC1"),
        (EXPECTED.astype(np.float32), "32FC1"),
    ],
)
def test_depths_are_read_in_metres_with_nan_for_what_is_missing(
    values: Any, encoding: str, padding: int, swap: bool
) -> None:
    np.testing.assert_allclose(to_meters(message(values, encoding, padding=padding, swap=swap)), EXPECTED)


@pytest.mark.parametrize(
    ("spoil", "complaint"),
    [
        ({"encoding": "8UC1"}, "'8UC1' is not one of depth; these are: 16UC1, mono16, 32FC1"),
        ({"encoding": "32FC1"}, "step is 6 bytes, but 3 pixels of 32FC1 take 12"),
        ({"height": 7}, "data has 12 bytes"),
        ({"width": 0}, "the image is empty"),
    ],
)
def test_what_is_no_depth_image_is_refused_by_what_is_wrong(spoil: Any, complaint: str) -> None:
    msg = message(millimetres(), "16UC1")
    for name, value in spoil.items():
        setattr(msg, name, value)
    with pytest.raises(ImageError, match=complaint):
        to_meters(msg)


@pytest.fixture
def complaints() -> Any:
    return []


@pytest.fixture
def source(complaints: Any) -> DepthInput:
    return DepthInput(FunctionLogger(complaints.append))


def receive(source: Any, taken_ns: Any = START_NS, depth_m: Any = DEPTH_M) -> None:
    source.receive(serialize_message(message(millimetres(depth_m), "16UC1", taken_ns)))


def depth_for(source: Any, image_ns: Any = START_NS, tolerance_s: float = 0.05) -> Any:
    return source.depth_for(image_ns, tolerance_s, CAMERA)


def test_without_depth_images_there_is_none(source: DepthInput) -> None:
    assert depth_for(source) is None


@pytest.mark.parametrize(
    ("apart_ms", "is_taken"), [(0, True), (-49, True), (49, True), (-51, False), (51, False), (10_000, False)]
)
def test_a_depth_image_is_taken_within_the_tolerance(
    source: DepthInput, apart_ms: int, is_taken: bool
) -> None:
    receive(source, START_NS + apart_ms * MS)
    assert (depth_for(source) is not None) == is_taken


def test_the_nearest_depth_image_is_taken_although_newer_ones_have_come(source: DepthInput) -> None:
    for number in range(5):
        receive(source, START_NS + number * 33 * MS, DEPTH_M + number)
    depth = depth_for(source, START_NS + 2 * 33 * MS + 5 * MS)
    assert depth.depth_m[0, 0] == pytest.approx(3.5)


def test_old_depth_images_are_not_kept(source: DepthInput) -> None:
    for number in range(DEPTH_IMAGES_KEPT + 1):
        receive(source, START_NS + number * 100 * MS)
    assert depth_for(source, START_NS) is None
    assert depth_for(source, START_NS + 100 * MS) is not None


def test_the_depth_camera_is_the_colour_camera_at_the_depths_size(source: DepthInput) -> None:
    receive(source)
    np.testing.assert_allclose(depth_for(source).camera.k, CAMERA.scaled_to(3, 2).k)


def info(**fields: Any) -> CameraInfo:
    return CameraInfo(width=6, height=4, k=[9.0, 0, 2.5, 0, 9, 1.5, 0, 0, 1], **fields)


def test_a_depth_camera_with_a_calibration_has_its_own(source: DepthInput) -> None:
    source.receive_calibration(serialize_message(info()))
    receive(source)
    assert depth_for(source).camera.k[0, 0] == pytest.approx(4.5)


def test_a_useless_calibration_is_told_and_the_colour_cameras_taken(
    source: DepthInput, complaints: Any
) -> None:
    source.receive_calibration(serialize_message(info(distortion_model="magic")))
    receive(source)
    np.testing.assert_allclose(depth_for(source).camera.k, CAMERA.scaled_to(3, 2).k)
    assert "that of the color image is used" in complaints[0]


def test_a_broken_depth_image_is_told_and_not_taken(source: DepthInput, complaints: Any) -> None:
    source.receive(b"\x00\x01\x00\x00broken")
    source.receive(serialize_message(message(millimetres(), "8UC1")))
    assert depth_for(source) is None
    assert len(complaints) == 2
    assert all(complaint.startswith("depth image dropped: ") for complaint in complaints)
