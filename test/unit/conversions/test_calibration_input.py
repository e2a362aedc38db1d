# SPDX-License-Identifier: Apache-2.0
"""Which camera the node believes in."""

from typing import Any

import numpy as np
import pytest
from sensor_msgs.msg import CameraInfo

from blazepose_ros.conversions.camera_info import CalibrationInput, CameraInfoError, to_camera_model
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


def test_without_a_region_or_binning_the_camera_is_as_calibrated() -> None:
    camera = to_camera_model(info())
    assert (camera.width, camera.height) == (640, 480)
    np.testing.assert_array_equal(camera.k.ravel(), K)


def test_a_region_of_interest_sees_the_same_rays() -> None:
    whole, region = to_camera_model(info()), to_camera_model(info(roi=(100, 60, 320, 240)))
    assert (region.width, region.height) == (320, 240)
    np.testing.assert_allclose(region.project(POINTS), whole.project(POINTS) - (100, 60), atol=1e-9)


def test_a_binned_image_sees_the_same_rays() -> None:
    whole, binned = to_camera_model(info()), to_camera_model(info(binning_x=2, binning_y=4))
    assert (binned.width, binned.height) == (320, 120)
    # Pixels count from their centres, sizes from the image's corner.
    corner = (whole.project(POINTS) + 0.5) / (2, 4)
    np.testing.assert_allclose(binned.project(POINTS) + 0.5, corner, atol=1e-9)


def test_a_region_is_cut_out_before_it_is_binned() -> None:
    whole = to_camera_model(info())
    camera = to_camera_model(info(roi=(100, 60, 320, 240), binning_x=2, binning_y=2))
    assert (camera.width, camera.height) == (160, 120)
    corner = (whole.project(POINTS) - (100, 60) + 0.5) / 2
    np.testing.assert_allclose(camera.project(POINTS) + 0.5, corner, atol=1e-9)


@pytest.mark.parametrize("binning", [0, 1])
def test_no_binning_has_two_names(binning: int) -> None:
    assert to_camera_model(info(binning_x=binning, binning_y=binning)).width == 640


@pytest.mark.parametrize(
    ("fields", "complaint"),
    [
        ({"roi": (400, 0, 320, 240)}, r"the region of 320 x 240 pixels at \(400, 0\) is not inside"),
        ({"roi": (0, 0, 320, 481)}, "is not inside of 640 x 480"),
        ({"binning_x": 1000}, "the image size is 0 x 480"),
        ({"k": [-525.0, *K[1:]]}, "focal lengths are -525 and 520"),
        ({"k": [np.nan] * 9}, "not a 3 x 3 matrix of finite numbers"),
        ({"d": [np.nan] * 5}, "D is not finite"),
        ({"distortion_model": "magic"}, "'magic', not one of plumb_bob"),
    ],
)
def test_a_calibration_of_no_camera_is_refused_and_a_field_of_view_assumed(
    fields: Any, complaint: str
) -> None:
    with pytest.raises(CameraInfoError, match=complaint):
        to_camera_model(info(**fields))
    complaints = []
    source = CalibrationInput("camera_info", FunctionLogger(complaints.append))
    source.update(info())
    assert not source.camera_for(640, 480, 60.0).assumed
    source.update(info(**fields))
    assert source.camera_for(640, 480, 60.0).assumed
    assert "a field of view is assumed" in complaints[0]


def test_zeros_are_an_uncalibrated_camera() -> None:
    assert to_camera_model(CameraInfo(width=640, height=480)) is None
