# SPDX-License-Identifier: Apache-2.0
"""From pixels to viewing rays and back."""

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from blazepose_ros.core.camera_model import CameraModel

K = (500.0, 0, 320, 0, 510, 240, 0, 0, 1)
DISTORTIONS = {
    "": (),
    "plumb_bob": (-0.25, 0.08, 0.001, -0.0005, 0.0),
    "rational_polynomial": (0.4, -0.1, 0.0005, -0.0003, 0.01, 0.7, -0.05, 0.02),
    "equidistant": (-0.02, 0.005, -0.002, 0.0005),
}
# OpenCV's five iterations leave this much: a tenth of a pixel in the corners.
RAY_TOLERANCE = 2e-4

# Inside of these, the lenses above map different rays to different pixels.
RAYS = st.tuples(st.floats(-0.6, 0.6), st.floats(-0.5, 0.5), st.floats(0.1, 50.0))


def camera(model: str = "plumb_bob", d: Any = None, k: Any = K, width: Any = 640, height: Any = 480) -> Any:
    return CameraModel.from_calibration(width, height, k, DISTORTIONS[model] if d is None else d, model)


@pytest.mark.parametrize("model", DISTORTIONS)
@given(ray=RAYS)
def test_the_ray_through_a_points_pixel_is_the_points(model: str, ray: Any) -> None:
    x, y, depth_m = ray
    lens = camera(model)
    pixels = lens.project([[x * depth_m, y * depth_m, depth_m]])
    assert pixels.shape == (1, 2)
    np.testing.assert_allclose(lens.normalize(pixels), [[x, y]], atol=RAY_TOLERANCE)


@pytest.mark.parametrize("model", DISTORTIONS)
def test_without_coefficients_there_is_no_distortion_but_a_fisheyes(model: str) -> None:
    x, y = camera(model, ()).project([[0.3, -0.4, 1.0]])[0]
    radius = 0.5 if model != "equidistant" else math.atan(0.5)
    assert (x, y) == pytest.approx((320 + 500 * radius * 0.6, 240 - 510 * radius * 0.8))


def test_a_barrel_pulls_pixels_towards_the_middle() -> None:
    straight, bent = (camera(d=d).project([[0.5, 0.0, 1.0]])[0, 0] for d in ((), (-0.2, 0, 0, 0, 0)))
    # OpenCV's model: x (1 + k1 r^2).
    assert (straight, bent) == pytest.approx((320 + 250, 320 + 250 * (1 - 0.2 * 0.25)))


def test_many_points_keep_their_order() -> None:
    points = np.array([[-0.1, 0.0, 1.0], [0.0, 0.2, 2.0], [0.3, 0.1, 3.0]])
    lens = camera()
    np.testing.assert_allclose(
        lens.normalize(lens.project(points)), points[:, :2] / points[:, 2:], atol=RAY_TOLERANCE
    )


def test_ninety_degrees_see_as_far_to_each_side_as_ahead() -> None:
    lens = CameraModel.from_hfov(640, 480, 90.0)
    assert lens.assumed
    assert lens.focal_px == pytest.approx(320)
    # The left edge is half a pixel left of the first pixel's centre.
    np.testing.assert_allclose(lens.normalize([[-0.5, 239.5], [639.5, 239.5]]), [[-1, 0], [1, 0]], atol=1e-12)


@pytest.mark.parametrize("hfov_deg", [0.0, 180.0, -60.0, math.nan, math.inf])
def test_a_field_of_view_that_no_pinhole_has_is_refused(hfov_deg: Any) -> None:
    with pytest.raises(ValueError, match="field of view"):
        CameraModel.from_hfov(640, 480, hfov_deg)


@given(RAYS, st.integers(1, 4000), st.integers(1, 4000))
def test_a_point_falls_on_the_same_share_of_a_resized_image(ray: Any, width: int, height: int) -> None:
    x, y, depth_m = ray
    point = [[x * depth_m, y * depth_m, depth_m]]
    before, after = camera(), camera().scaled_to(width, height)
    # Seen from the image's corner, pixels only change their size.
    shares = [(lens.project(point)[0] + 0.5) / (lens.width, lens.height) for lens in (before, after)]
    np.testing.assert_allclose(shares[0], shares[1], atol=1e-9)


def test_the_same_size_is_the_same_camera() -> None:
    lens = camera()
    assert lens.scaled_to(640, 480) is lens


def test_an_assumed_camera_stays_assumed_when_resized() -> None:
    assert CameraModel.from_hfov(640, 480, 60.0).scaled_to(320, 240).assumed
    assert not camera().scaled_to(320, 240).assumed


def with_k(**entries: Any) -> Any:
    k = np.reshape(K, (3, 3)).copy()
    for name, value in entries.items():
        k[{"fx": (0, 0), "fy": (1, 1), "cx": (0, 2)}[name]] = value
    return {"k": k.ravel()}


@pytest.mark.parametrize(
    ("wrong", "complaint"),
    [
        ({"k": np.zeros(9)}, "focal lengths are 0 and 0.*not calibrated"),
        (with_k(fx=-500.0), "focal lengths are -500"),
        (with_k(fy=0.0), "focal lengths"),
        (with_k(fx=math.nan), "finite"),
        (with_k(cx=math.inf), "finite"),
        (with_k(cx=-1e13), "K holds 1e\\+13, more pixels than any lens has"),
        ({"width": 0}, "image size is 0 x 480"),
        ({"height": -1}, "image size is 640 x -1"),
        ({"d": (0.1, 0.2)}, "plumb_bob does not take 2 coefficients"),
        ({"model": "equidistant", "d": (0.0,) * 5}, "equidistant does not take 5"),
        ({"model": "rational_polynomial", "d": (0.0,) * 5}, "rational_polynomial does not take 5"),
        ({"model": "", "d": (0.1,)}, "no model does not take 1"),
        ({"d": (0.1, 0.2, math.nan, 0.0, 0.0)}, "D is not finite"),
    ],
)
def test_a_calibration_that_no_camera_has_is_refused_by_what_is_wrong(wrong: Any, complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint):
        camera(**wrong)


def test_an_unknown_distortion_model_is_refused_with_those_there_are() -> None:
    with pytest.raises(ValueError, match="'fov', not one of plumb_bob, rational_polynomial, equidistant"):
        camera("fov", ())
