# SPDX-License-Identifier: Apache-2.0
"""Which camera the node believes in."""

import re
from typing import Any

import numpy as np
import pytest
from rclpy.serialization import serialize_message
from sensor_msgs.msg import CameraInfo
from support.clock import Clock

from blazepose_ros.conversions.camera_info import CalibrationInput, CameraInfoError, is_rectified, read_camera
from blazepose_ros.core.camera_model import CameraModel
from blazepose_ros.core.errors import FunctionLogger

K = [525.0, 0.0, 319.5, 0.0, 520.0, 239.5, 0.0, 0.0, 1.0]
POINTS = np.array([[0.1, 0.2, 3.0], [-0.4, 0.1, 2.0], [0.0, 0.0, 1.0]])


def info(**fields: Any) -> CameraInfo:
    msg = CameraInfo(width=640, height=480, distortion_model="plumb_bob")
    msg.k, msg.d = K, [-0.1, 0.02, 0.001, -0.001, 0.0]
    for name, value in fields.items():
        if name == "roi":
            msg.roi.x_offset, msg.roi.y_offset, msg.roi.width, msg.roi.height = value
        else:
            setattr(msg, name, value)
    return msg


def camera_of(msg: CameraInfo, size: Any = None, **options: Any) -> CameraModel:
    reading = read_camera(msg, size, **options)
    assert reading is not None
    return reading.camera


def test_without_a_region_or_binning_the_camera_is_as_calibrated() -> None:
    camera = camera_of(info())
    assert (camera.width, camera.height) == (640, 480)
    np.testing.assert_array_equal(camera.k.ravel(), K)


def test_a_region_of_interest_sees_the_same_rays() -> None:
    whole, region = camera_of(info()), camera_of(info(roi=(100, 60, 320, 240)))
    assert (region.width, region.height) == (320, 240)
    np.testing.assert_allclose(region.project(POINTS), whole.project(POINTS) - (100, 60), atol=1e-9)


def test_a_binned_image_sees_the_same_rays() -> None:
    whole, binned = camera_of(info()), camera_of(info(binning_x=2, binning_y=4))
    assert (binned.width, binned.height) == (320, 120)
    # Pixels count from their centres, sizes from the image's corner.
    corner = (whole.project(POINTS) + 0.5) / (2, 4)
    np.testing.assert_allclose(binned.project(POINTS) + 0.5, corner, atol=1e-9)


def test_a_region_is_cut_out_before_it_is_binned() -> None:
    whole = camera_of(info())
    camera = camera_of(info(roi=(100, 60, 320, 240), binning_x=2, binning_y=2))
    assert (camera.width, camera.height) == (160, 120)
    corner = (whole.project(POINTS) - (100, 60) + 0.5) / 2
    np.testing.assert_allclose(camera.project(POINTS) + 0.5, corner, atol=1e-9)


@pytest.mark.parametrize("binning", [0, 1])
def test_no_binning_has_two_names(binning: int) -> None:
    assert camera_of(info(binning_x=binning, binning_y=binning)).width == 640


P = [500.0, 0.0, 310.0, 0.0, 0.0, 500.0, 230.0, 0.0, 0.0, 0.0, 1.0, 0.0]
ZEROS = [0.0] * 9


@pytest.mark.parametrize(
    ("fields", "complaint"),
    [
        ({"k": [-525.0, *K[1:]]}, "focal lengths are -525 and 520"),
        ({"k": [np.nan] * 9}, "not a 3 x 3 matrix of finite numbers"),
        ({"k": [525.0, *K[1:-1], 1.0e20]}, "K holds 1e.20"),
        ({"distortion_model": "omnidirectional"}, "'omnidirectional' is not one of a pinhole camera"),
        ({"distortion_model": "double_sphere"}, "'double_sphere' is not one of a pinhole camera"),
    ],
)
def test_a_calibration_of_no_camera_is_refused_and_a_field_of_view_assumed(
    fields: Any, complaint: str
) -> None:
    with pytest.raises(CameraInfoError, match=complaint):
        read_camera(info(**fields))
    complaints: list[str] = []
    source = CalibrationInput("camera_info", FunctionLogger(complaints.append))
    source.update(info())
    assert not source.camera_for(640, 480, 60.0).assumed
    source.update(info(**fields))
    assert source.camera_for(640, 480, 60.0).assumed
    assert "a field of view is assumed" in complaints[0]


def test_zeros_are_an_uncalibrated_camera() -> None:
    assert read_camera(CameraInfo(width=640, height=480)) is None


FIVE = (-0.1, 0.02, 0.001, -0.001, 0.0)
FISHEYE = (0.1, -0.02, 0.003, -0.001)


@pytest.mark.parametrize(
    ("name", "d", "model", "used"),
    [
        ("plumb_bob", (*FIVE, 0.0, 0.0, 0.0), "plumb_bob", (*FIVE[:4],)),
        ("plumb_bob", FIVE[:4], "plumb_bob", FIVE[:4]),
        ("plumb_bob", FIVE[:2], "plumb_bob", (*FIVE[:2], 0.0, 0.0)),
        ("radtan", FIVE, "plumb_bob", FIVE[:4]),
        ("Brown-Conrady", FIVE, "plumb_bob", FIVE[:4]),
        ("rational_polynomial", (*FIVE, *FIVE[:3]), "rational_polynomial", (*FIVE, *FIVE[:3])),
        ("rational_polynomial", (*FIVE, *FIVE[:1]), "rational_polynomial", (*FIVE, *FIVE[:1], 0.0, 0.0)),
        ("rational_polynomial", FIVE[:4], "plumb_bob", FIVE[:4]),
        ("fisheye", FISHEYE, "equidistant", FISHEYE),
        ("fisheye", (*FISHEYE, 0.0), "equidistant", FISHEYE),
        ("Kannala-Brandt", FISHEYE, "equidistant", FISHEYE),
        ("KANNALA_BRANDT4", FISHEYE[:2], "equidistant", (*FISHEYE[:2], 0.0, 0.0)),
        ("fisheye", (0.0,) * 4, "equidistant", ()),
        ("none", (), "plumb_bob", ()),
        ("none", (0.0,) * 5, "plumb_bob", ()),
        ("", (0.0,) * 5, "plumb_bob", ()),
    ],
)  # fmt: skip
def test_distortion_is_read_by_what_it_says_not_by_its_label(
    name: str, d: Any, model: str, used: Any
) -> None:
    reading = read_camera(info(distortion_model=name, d=d))
    assert reading is not None
    assert reading.remarks == ()
    assert reading.camera.distortion_model == model
    count = len(reading.camera.d)
    np.testing.assert_array_equal(reading.camera.d, (*used, *(0.0,) * count)[:count])
    np.testing.assert_array_equal(reading.camera.k.ravel(), K)


@pytest.mark.parametrize(
    ("fields", "remark"),
    [
        ({"distortion_model": "plumb_bob", "d": [0.1] * 8}, "plumb_bob does not take 8 coefficients"),
        ({"distortion_model": "", "d": FIVE}, "the distortion model is '': D is ignored"),
        ({"distortion_model": "none", "d": FIVE}, "the distortion model is 'none': D is ignored"),
        ({"distortion_model": "thin_prism", "d": FIVE}, "the distortion model is 'thin_prism': D is ignored"),
        ({"distortion_model": "thin_prism", "d": []}, "'thin_prism', which is not known"),
        ({"distortion_model": "fisheye", "d": [0.1] * 6}, "equidistant takes 4 .*: the 2 of D after those"),
        ({"d": [0.1] * 15}, "rational_polynomial takes 14 .* the 1 of D after those"),
        ({"d": [np.nan] * 5}, "D is not finite: it is ignored"),
        ({"distortion_model": "x" * 999, "d": FIVE}, "'x{40}': D is ignored"),
        ({"roi": (400, 0, 320, 240)}, r"of 320 x 240 pixels at \(400, 0\) is not inside of 640 x 480"),
        ({"roi": (0, 0, 320, 481)}, "is not inside of 640 x 480: it is ignored"),
        ({"binning_x": 1000}, "the binning 1000 x 0 leaves no image"),
    ],
)  # fmt: skip
def test_what_is_not_certain_is_ignored_and_said(fields: Any, remark: str) -> None:
    said: list[str] = []
    source = CalibrationInput("/camera_info", FunctionLogger(said.append))
    source.update(info(**fields))
    for _ in range(3):
        camera = source.camera_for(640, 480, 60.0)
    assert not camera.assumed
    np.testing.assert_array_equal(camera.k.ravel(), K)
    assert len(said) == 1
    assert re.search(remark, said[0])
    assert source.concerns == (said[0].removeprefix("camera_info on /camera_info: "),)


def test_a_region_that_the_images_are_cropped_to_already_changes_nothing() -> None:
    cropped = info(width=320, height=240, roi=(160, 120, 320, 240))
    np.testing.assert_array_equal(camera_of(cropped, (320, 240)).k.ravel(), K)


def test_a_region_is_ignored_where_the_images_are_whole() -> None:
    reading = read_camera(info(roi=(100, 60, 320, 240)), (640, 480))
    assert reading is not None
    np.testing.assert_array_equal(reading.camera.k.ravel(), K)
    assert "ignored: the images have all 640 x 480" in reading.remarks[0]


@pytest.mark.parametrize("size", [(0, 0), (0, 480), (640, 0)])
def test_a_calibration_without_a_size_is_one_of_the_images_size(size: Any) -> None:
    msg = info(width=size[0], height=size[1])
    np.testing.assert_array_equal(camera_of(msg, (640, 480)).k.ravel(), K)
    with pytest.raises(CameraInfoError, match="the image size is"):
        read_camera(msg)


def test_p_is_used_without_distortion_where_k_is_zero_or_none() -> None:
    for k, why in ((ZEROS, "K is zero"), ([0.0, *K[1:]], "the focal lengths are 0 and 520")):
        reading = read_camera(info(k=k, p=P, d=[0.1] * 5))
        assert reading is not None
        assert (reading.camera.k[0, 0], reading.camera.d) == (500.0, ())
        assert reading.remarks[0].startswith(why)
        assert reading.remarks[0].endswith("P is used, without distortion")


def test_rectified_images_are_seen_through_p() -> None:
    fisheye = info(distortion_model="equidistant", d=FISHEYE, p=P)
    camera = camera_of(fisheye, rectified=True)
    assert (camera.k[0, 0], camera.k[0, 2], camera.d, camera.distortion_model) == (
        500.0,
        310.0,
        (),
        "plumb_bob",
    )
    reading = read_camera(info(), rectified=True)
    assert reading is not None
    assert (reading.camera.k[0, 0], reading.camera.d) == (525.0, ())
    assert reading.remarks == ("P is zero: K is used, without distortion",)


@pytest.mark.parametrize(
    ("topic", "rectified"),
    [
        ("/camera/image_rect", True),
        ("/camera/image_rect_color", True),
        ("/camera/image_rect/compressed", True),
        ("/camera/infra1/image_rect_raw", True),
        ("/zed/zed_node/rgb/color/rect/image", True),
        ("/camera/rectified_image", True),
        ("/camera/image_raw", False),
        ("/camera/image", False),
        ("/direct/correct/rectangle", False),
        ("/camera/image_unrectified", False),
    ],
)
def test_a_topics_name_says_whether_its_images_are_rectified(topic: str, rectified: bool) -> None:
    assert is_rectified(topic) == rectified
    assert is_rectified(topic, "always")
    assert not is_rectified(topic, "never")


@pytest.mark.parametrize(
    ("topic", "choice", "focal_px", "says"),
    [
        ("/camera/image_rect", "auto", 500.0, "the images are taken as rectified: P instead of K and D"),
        ("/camera/image", "auto", 525.0, "the images are taken as raw: K and D instead of P"),
        ("/camera/image_raw", "auto", 525.0, ""),
        ("/camera/image_raw", "always", 500.0, ""),
        ("/camera/image_rect", "never", 525.0, ""),
    ],
)
def test_it_is_said_how_an_ambiguous_image_is_taken(
    topic: str, choice: str, focal_px: float, says: str
) -> None:
    said: list[str] = []
    source = CalibrationInput("/camera_info", FunctionLogger(said.append), image_topic=topic)
    for _ in range(3):
        source.update(info(p=P))
        assert source.camera_for(640, 480, 60.0, choice).k[0, 0] == focal_px
    assert len(said) == bool(says)
    assert all(says in line for line in said)


@pytest.mark.parametrize(
    ("images", "focal_px", "center"),
    [
        ((1280, 720), (1050.0, 1040.0), (639.5, 359.5)),  # all columns, the middle rows
        ((640, 360), (525.0, 520.0), (319.5, 179.5)),
        ((480, 480), (525.0, 520.0), (239.5, 239.5)),  # all rows, the middle columns
    ],
)
def test_images_of_other_proportions_are_the_middle_of_the_sensor_not_stretched(
    images: Any, focal_px: Any, center: Any
) -> None:
    said: list[str] = []
    source = CalibrationInput("/camera_info", FunctionLogger(said.append))
    source.update(info())
    camera = source.camera_for(images[0], images[1], 60.0)
    np.testing.assert_allclose((camera.k[0, 0], camera.k[1, 1]), focal_px)
    np.testing.assert_allclose(camera.k[:2, 2], center)
    assert "other proportions: the middle of the sensor is assumed" in said[0]
    assert source.concerns
    source.camera_for(640, 480, 60.0)
    assert not source.concerns


def test_the_same_proportions_but_for_rounding_are_no_other_ones() -> None:
    reading = read_camera(info(width=1280, height=720), (854, 480))
    assert reading is not None
    assert reading.remarks == ()


def test_a_camera_that_is_not_calibrated_any_more_is_said_again() -> None:
    said: list[str] = []
    clock = Clock()
    source = CalibrationInput("/camera_info", FunctionLogger(said.append), clock)
    for msg in (CameraInfo(), info(), CameraInfo()):
        source.update(msg)
        source.camera_for(640, 480, 60.0)
    assert len(said) == 2
    assert all("rest on an assumed" in line for line in said)


def test_rectified_images_of_an_omnidirectional_camera_are_calibrated() -> None:
    source = CalibrationInput("/camera_info", FunctionLogger(print), image_topic="/camera/image_rect")
    source.update(info(distortion_model="omnidirectional", d=FISHEYE, p=P))
    assert source.camera_for(640, 480, 60.0).k[0, 0] == 500.0


def test_a_calibration_that_comes_again_with_each_image_is_read_once(monkeypatch: pytest.MonkeyPatch) -> None:
    readings: list[CameraInfo] = []
    update = CalibrationInput.update
    monkeypatch.setattr(
        CalibrationInput, "update", lambda self, msg: readings.append(msg) or update(self, msg)
    )
    source = CalibrationInput("/camera_info", FunctionLogger(print))

    def receive(seconds: int, **fields: Any) -> CameraModel:
        msg = info(**fields)
        msg.header.stamp.sec = seconds
        source.receive(serialize_message(msg))
        return source.camera_for(640, 480, 60.0)

    zoomed = [2 * K[0], *K[1:]]
    focal_lengths = [receive(1), receive(2), receive(3, k=zoomed), receive(4, k=zoomed), receive(5)]
    assert [each.k[0, 0] for each in focal_lengths] == [525.0, 525.0, 1050.0, 1050.0, 525.0]
    assert [msg.header.stamp.sec for msg in readings] == [1, 3, 5]


def test_a_calibration_that_is_refused_is_refused_each_time_it_comes() -> None:
    said: list[str] = []
    source = CalibrationInput("/camera_info", FunctionLogger(said.append))
    damaged, useless = serialize_message(info())[:50], serialize_message(info(k=[-1.0, *K[1:]]))
    for serialized in (damaged, damaged, useless, useless):
        source.receive(serialized)
    assert len(said) == 4
    assert all("dropped" in line for line in said[:2])
    assert not source.is_calibrated
