# SPDX-License-Identifier: Apache-2.0
"""Lens distortion by whatever name and number of coefficients, against the pixels that OpenCV gives."""

import cv2
import numpy as np
import pytest

from blazepose_ros.core.camera_model import DISTORTION_COEFFICIENTS, CameraModel, read_distortion

K = np.array([[500.0, 0, 320], [0, 500, 240], [0, 0, 1]])
POINTS = np.array([[0.4, -0.3, 2.0], [-0.8, 0.5, 2.0], [0.0, 0.0, 1.0]])
ORIGIN = np.zeros(3)


@pytest.mark.parametrize("count", range(15))
def test_any_number_of_opencvs_coefficients_gives_opencvs_pixels(count: int) -> None:
    d = tuple(0.02 * 0.7**number for number in range(count))
    full = np.array((d + (0.0,) * 14)[:14])
    expected = cv2.projectPoints(POINTS[:, None], ORIGIN, ORIGIN, K, full)[0].reshape(-1, 2)
    for name in ("plumb_bob", "rational_polynomial", "radtan"):
        distortion = read_distortion(name, d)
        camera = CameraModel(640, 480, K, distortion.d, distortion.model)
        np.testing.assert_allclose(camera.project(POINTS), expected, atol=1e-9)


@pytest.mark.parametrize("count", range(5))
def test_any_number_of_a_fisheyes_coefficients_gives_opencvs_pixels(count: int) -> None:
    d = tuple(0.02 * 0.7**number for number in range(count))
    full = np.array((d + (0.0,) * 4)[:4])
    expected = cv2.fisheye.projectPoints(POINTS[:, None], ORIGIN, ORIGIN, K, full)[0].reshape(-1, 2)
    for name in ("equidistant", "Fisheye", "kannala brandt"):
        distortion = read_distortion(name, d)
        camera = CameraModel(640, 480, K, distortion.d, distortion.model)
        np.testing.assert_allclose(camera.project(POINTS), expected, atol=1e-9)


@pytest.mark.parametrize("model", [name for name in DISTORTION_COEFFICIENTS if name])
def test_what_sensor_msgs_names_is_taken_as_it_is(model: str) -> None:
    for count in DISTORTION_COEFFICIENTS[model]:
        distortion = read_distortion(model, [0.1] * count)
        assert (distortion.model, distortion.d, distortion.remark) == (model, (0.1,) * count, "")
