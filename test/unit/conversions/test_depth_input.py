# SPDX-License-Identifier: Apache-2.0
"""Depth images as messages, and which of them belongs to a colour image."""

import math
import sys
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from rclpy.serialization import serialize_message
from sensor_msgs.msg import CameraInfo, Image
from support.bodies import CAMERA, seen_by
from support.clock import Clock

from blazepose_ros.conversions.depth_input import (
    DEPTH_IMAGES_KEPT,
    KEPT_S,
    TELLING,
    DepthInput,
    to_meters,
)
from blazepose_ros.conversions.image_stream import ImageError
from blazepose_ros.conversions.tf_buffer import TfBuffer
from blazepose_ros.core.errors import FunctionLogger
from blazepose_ros.core.placement.depth_range import DepthImage
from blazepose_ros.core.transforms import Rigid
from blazepose_ros.core.types import HipCenter, Placement

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
    np.testing.assert_allclose(depth_for(source).camera.k, CAMERA.cropped_in_the_middle(3, 2).k)


def info(**fields: Any) -> CameraInfo:
    return CameraInfo(width=6, height=4, k=[9.0, 0, 2.5, 0, 9, 1.5, 0, 0, 1], **fields)


def test_a_depth_camera_with_a_calibration_has_its_own(source: DepthInput) -> None:
    source.receive_calibration(serialize_message(info()))
    receive(source)
    assert depth_for(source).camera.k[0, 0] == pytest.approx(4.5)


def test_a_useless_calibration_is_told_and_the_colour_cameras_taken(
    source: DepthInput, complaints: Any
) -> None:
    unusable = info()
    unusable.k[0] = -9.0
    source.receive_calibration(serialize_message(unusable))
    receive(source)
    np.testing.assert_allclose(depth_for(source).camera.k, CAMERA.cropped_in_the_middle(3, 2).k)
    assert "that of the color image is used" in complaints[0]


def test_a_broken_depth_image_is_told_and_not_taken(source: DepthInput, complaints: Any) -> None:
    source.receive(b"\x00\x01\x00\x00broken")
    source.receive(serialize_message(message(millimetres(), "8UC1")))
    assert depth_for(source) is None
    assert len(complaints) == 2
    assert all(complaint.startswith("depth image dropped: ") for complaint in complaints)


FLAT_M = np.full((3, 4), 2.0)  # the proportions of the color camera


def frames(source: Any, color: str, depth: str) -> Any:
    msg = message(millimetres(FLAT_M), "16UC1")
    msg.header.frame_id = depth
    source.receive(serialize_message(msg))
    return source.depth_for(START_NS, 0.05, CAMERA, color)


@pytest.mark.parametrize(
    ("color", "depth"), [("color", "color"), ("/color", "color"), ("", "depth"), ("color", ""), ("", "")]
)
def test_depth_in_the_frame_of_the_color_image_or_in_none_is_registered(
    source: DepthInput, complaints: Any, color: str, depth: str
) -> None:
    assert frames(source, color, depth) is not None
    assert not complaints


def test_depth_in_another_frame_is_not_used_where_no_transform_is_known(
    source: DepthInput, complaints: Any
) -> None:
    for _ in range(3):
        assert frames(source, "color", "depth") is None
    assert complaints == [
        "the depth images are in another frame than the color images, and no transforms are known:"
        " depth is not used"
    ]
    assert source.concerns == (complaints[0],)
    assert frames(source, "color", "color") is not None
    assert not source.concerns


def buffered(pose: Rigid) -> TfBuffer:
    transforms = TfBuffer()
    transforms.insert("color", "depth", pose, None)
    return transforms


def test_a_depth_frame_in_the_place_of_the_color_frame_is_registered(complaints: Any) -> None:
    source = DepthInput(FunctionLogger(complaints.append), buffered(Rigid(np.eye(3), np.zeros(3))))
    depth = frames(source, "color", "depth")
    assert depth.depth_m.shape == FLAT_M.shape
    assert not complaints


BASELINE = Rigid(np.eye(3), np.array([0.05, 0.0, 0.0]))


def test_depth_from_another_place_needs_a_calibration_of_its_own(complaints: Any) -> None:
    source = DepthInput(FunctionLogger(complaints.append), buffered(BASELINE))
    assert frames(source, "color", "depth") is None
    assert "not registered to the color images, and depth/camera_info is missing" in complaints[0]
    source.receive_calibration(serialize_message(info()))
    assert frames(source, "color", "depth") is not None
    assert not source.concerns


def test_depth_from_another_place_is_moved_to_the_color_camera(complaints: Any) -> None:
    """A wall at 2 m with a hole in its left half, seen from 5 cm to the left and from 30 cm behind."""
    for shift, distance_m in (((0.05, 0.0, 0.0), 2.0), ((0.0, 0.0, 0.3), 2.3)):
        source = DepthInput(FunctionLogger(complaints.append), buffered(Rigid(np.eye(3), np.array(shift))))
        wall = np.full((240, 320), 2.0)
        wall[:, :80] = 0.0
        calibration = CameraInfo(width=320, height=240, k=[300.0, 0, 159.5, 0, 300, 119.5, 0, 0, 1])
        source.receive_calibration(serialize_message(calibration))
        msg = message(millimetres(wall), "16UC1")
        msg.header.frame_id = "depth"
        source.receive(serialize_message(msg))
        depth = source.depth_for(START_NS, 0.05, CAMERA, "color")
        measured = np.isfinite(depth.depth_m)
        assert np.nanmedian(depth.depth_m) == pytest.approx(distance_m, abs=0.001)
        # The hole's edge is at x = -0.53 m for the depth camera.
        edge_m = (80 - 159.5) / 300 * 2.0 + shift[0]
        edge_px = depth.camera.project([[edge_m, 0.0, distance_m]])[0, 0]
        row = measured[depth.depth_m.shape[0] // 2]
        assert abs(np.flatnonzero(row)[0] - edge_px) < 2
    assert not complaints


@pytest.mark.parametrize(
    ("topic", "frame"),
    [("/camera/infra1/image_rect_raw", ""), ("/cam/ir/image_raw", ""), ("", "cam_ir_frame")],
)
def test_infrared_images_are_no_depths(complaints: Any, topic: str, frame: str) -> None:
    source = DepthInput(FunctionLogger(complaints.append), topic=topic)
    msg = message(millimetres(), "mono16")
    msg.header.frame_id = frame
    source.receive(serialize_message(msg))
    assert depth_for(source) is None
    assert "it is an infrared image, not one of depth" in complaints[0]


def test_depth_that_never_comes_in_time_is_said(source: DepthInput, complaints: Any) -> None:
    for number in range(2 * TELLING):
        assert len(complaints) == (number >= TELLING)
        receive(source, START_NS + number * 100 * MS)
        assert depth_for(source, START_NS + number * 100 * MS + 70 * MS, 0.02) is None
    assert "more than depth_tolerance_s (0.02 s); depth is not used" in complaints[0]
    assert source.concerns
    receive(source, START_NS, FLAT_M)
    assert depth_for(source) is not None
    assert not source.concerns


def test_depth_that_comes_one_image_late_is_used_within_the_tolerance(source: DepthInput) -> None:
    receive(source, START_NS)
    assert depth_for(source, START_NS + 33 * MS) is not None


PERSON = seen_by(CAMERA, (0.0, 0.0, 2.5))


def placed(source: Placement | None) -> Any:
    center = None if source is None else HipCenter(np.array([0.0, 0.0, 2.5]), np.eye(3), source)
    return replace(PERSON, hip_center=center)


def seen_depth(value_m: float) -> DepthImage:
    return DepthImage(np.full((CAMERA.height, CAMERA.width), value_m, np.float32), CAMERA)


@pytest.mark.parametrize(
    ("value_m", "says"),
    [
        (25.0, "it is 10 times what the color image shows (units of 0.1 mm in 16UC1"),
        (2500.0, "it is 1e+03 times what the color image shows (millimeters in 32FC1"),
        (10.0, "it is 4 times what the color image shows; it is not used"),
        (0.5, "it is 0.2 times what the color image shows; it is not used"),
        (2.4, ""),
        (math.nan, ""),
    ],
)
def test_depth_that_never_fits_the_people_is_said(
    source: DepthInput, complaints: Any, value_m: float, says: str
) -> None:
    receive(source)
    for number in range(TELLING + 5):
        source.compare([placed(Placement.MONO)], seen_depth(value_m))
        assert len(complaints) == (bool(says) and number >= TELLING - 1)
    assert all(says in line for line in complaints)
    assert len(source.concerns) == bool(says)
    source.compare([placed(Placement.DEPTH)], seen_depth(value_m))
    assert not source.concerns


def test_people_who_are_placed_by_depth_alone_and_never_are_said(source: DepthInput, complaints: Any) -> None:
    receive(source)
    for _ in range(TELLING):
        source.compare([placed(None)], seen_depth(25.0), depth_only=True)
    assert complaints == ["depth never fits: nobody is placed, for want of depth where people are"]


def test_without_depth_or_people_nothing_is_compared(source: DepthInput, complaints: Any) -> None:
    for _ in range(2 * TELLING):
        source.compare([placed(Placement.MONO)], None)
        source.compare([], seen_depth(25.0))
    assert not complaints


def large(source: Any, taken_ns: int, side: int) -> None:
    values = np.zeros((side, side), np.float32)
    source.receive(serialize_message(message(values, "32FC1", taken_ns)))


def test_what_is_kept_of_depth_is_bounded_in_bytes(source: DepthInput, complaints: Any) -> None:
    for number in range(8):
        large(source, START_NS + number * MS, 2000)  # 16 MB each
    assert not complaints
    kept = [number for number in range(8) if depth_for(source, START_NS + number * MS, 0.0) is not None]
    assert kept == [4, 5, 6, 7]


def test_a_message_larger_than_any_depth_image_is_not_kept(source: DepthInput, complaints: Any) -> None:
    large(source, START_NS, 2100)  # 17.6 MB
    assert depth_for(source) is None
    assert "depth image dropped: it has 17640" in complaints[0]
    large_camera = CAMERA.scaled_to(1600, 1200)
    assert source.depth_for(START_NS, 0.05, large_camera) is None
    large(source, START_NS, 2100)
    assert source.depth_for(START_NS, 0.05, large_camera) is not None
    large(source, START_NS, 4200)
    assert "depth image dropped: it has 70560" in complaints[-1]


def test_depth_is_kept_for_two_seconds_of_its_stamps(source: DepthInput) -> None:
    receive(source, START_NS)
    receive(source, START_NS + 1900 * MS)
    assert depth_for(source) is not None
    receive(source, START_NS + 2100 * MS)
    assert depth_for(source) is None


def test_depth_is_freed_when_its_sender_has_left() -> None:
    clock = Clock()
    source = DepthInput(FunctionLogger(print), clock=clock)
    receive(source)
    clock.now_s += KEPT_S
    source.forget_old()
    assert depth_for(source) is not None
    clock.now_s += 0.1
    source.forget_old()
    assert depth_for(source) is None


def test_registered_depth_of_other_proportions_is_the_middle_of_the_color_image(
    source: DepthInput, complaints: Any
) -> None:
    for _ in range(3):
        receive(source, START_NS, np.full((9, 16), 2.0))
        np.testing.assert_allclose(depth_for(source).camera.k, CAMERA.cropped_in_the_middle(16, 9).k)
    assert len(complaints) == 1
    assert "depth: the calibration is of 640 x 480 pixels, the images have 16 x 9" in complaints[0]
