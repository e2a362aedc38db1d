# SPDX-License-Identifier: Apache-2.0
"""Fisheyes whose coefficients are zero, and the limits of what a camera may be."""

import math
from typing import Any

import numpy as np
import pytest

from blazepose_ros.core.camera_model import DISTORTION_COEFFICIENTS, CameraModel

K = np.array([[500.0, 0, 320], [0, 510, 240], [0, 0, 1]])
ANGLES = (0.0, 0.2, 0.7, 1.2)


@pytest.mark.parametrize("d", [(), (0.0, 0.0, 0.0, 0.0)])
@pytest.mark.parametrize("angle", ANGLES)
def test_a_fisheye_without_distortion_is_still_no_pinhole(d: Any, angle: float) -> None:
    """The distance from the center is the focal length times the angle, not times its tangent."""
    fisheye = CameraModel(640, 480, K, d, "equidistant")
    np.testing.assert_allclose(
        fisheye.project([[math.tan(angle), 0.0, 1.0]]), [[320 + 500 * angle, 240]], atol=1e-6
    )
    np.testing.assert_allclose(
        fisheye.normalize([[320.0, 240 - 510 * angle]]), [[0.0, -math.tan(angle)]], atol=1e-6
    )


@pytest.mark.parametrize("d", [(), (0.0, 0.0, 0.0, 0.0, 0.0)])
def test_without_coefficients_any_other_lens_is_a_pinhole(d: Any) -> None:
    camera = CameraModel(640, 480, K, d)
    np.testing.assert_allclose(camera.normalize([[820.0, 750.0]]), [[1.0, 1.0]])
    np.testing.assert_allclose(camera.project([[2.0, -2.0, 2.0]]), [[820.0, -270.0]])


@pytest.mark.parametrize("index", range(5))
def test_each_coefficient_alone_is_a_distortion(index: Any) -> None:
    d = [0.0] * 5
    d[index] = 0.05
    bent = CameraModel(640, 480, K, tuple(d))
    ray = [0.4, 0.3]
    pixel = bent.project([[*ray, 1.0]])
    assert np.abs(pixel - CameraModel(640, 480, K).project([[*ray, 1.0]])).max() > 1e-3
    np.testing.assert_allclose(bent.normalize(pixel), [ray], atol=1e-6)


@pytest.mark.parametrize("model", DISTORTION_COEFFICIENTS)
@pytest.mark.parametrize("count", range(15))
def test_each_model_takes_as_many_coefficients_as_the_message_says(model: Any, count: Any) -> None:
    if count in {"": (0,), "plumb_bob": (0, 4, 5), "equidistant": (0, 4)}.get(model, (0, 8, 12, 14)):
        assert CameraModel(640, 480, K, (0.0,) * count, model).d == (0.0,) * count
    else:
        with pytest.raises(ValueError, match=f"does not take {count} coefficients"):
            CameraModel(640, 480, K, (0.0,) * count, model)


@pytest.mark.parametrize(("hfov_deg", "focal_px"), [(90.0, 320.0), (60.0, 320 * math.sqrt(3))])
def test_an_assumed_camera_sees_its_field_of_view_from_side_to_side(hfov_deg: float, focal_px: Any) -> None:
    camera = CameraModel.from_hfov(640, 480, hfov_deg)
    assert camera.assumed
    assert camera.focal_px == pytest.approx(focal_px)
    half = math.tan(math.radians(hfov_deg / 2))
    np.testing.assert_allclose(
        camera.normalize([[-0.5, 239.5], [639.5, 239.5]]), [[-half, 0], [half, 0]], atol=1e-9
    )


def test_an_assumed_camera_that_is_held_upright_has_the_same_lens() -> None:
    lying, upright = CameraModel.from_hfov(640, 480, 60.0), CameraModel.from_hfov(480, 640, 60.0)
    assert upright.focal_px == pytest.approx(lying.focal_px)
    np.testing.assert_allclose(upright.k[:2, 2], (239.5, 319.5))


@pytest.mark.parametrize("hfov_deg", [0.0, 180.0, -1.0, math.nan])
def test_no_camera_sees_nothing_or_half_of_everything(hfov_deg: Any) -> None:
    with pytest.raises(ValueError, match="not between 0 and 180"):
        CameraModel.from_hfov(640, 480, hfov_deg)


@pytest.mark.parametrize("size", [(320, 240), (1280, 480), (640, 480)])
def test_a_resized_image_keeps_its_rays(size: tuple[int, int]) -> None:
    camera = CameraModel(640, 480, K, (-0.1, 0.02, 0.001, 0.0), assumed=True)
    scaled = camera.scaled_to(*size)
    corners = np.array([[-0.5, -0.5], [639.5, 479.5]])  # of the pixels at the corners, which resizing keeps
    moved = (corners + 0.5) * (np.array(size) / (640, 480)) - 0.5
    np.testing.assert_allclose(scaled.normalize(moved), camera.normalize(corners), atol=1e-9)
    assert (scaled.width, scaled.height, scaled.assumed, scaled.d) == (*size, True, camera.d)


def test_a_region_keeps_its_rays() -> None:
    camera = CameraModel(640, 480, K, (0.0, 0.01, 0.0, 0.0), "equidistant")
    region = camera.cropped_to(40, 30, 600, 450)
    np.testing.assert_allclose(
        region.normalize([[60.0, 70.0]]), camera.normalize([[100.0, 100.0]]), atol=1e-12
    )
    assert (region.width, region.height, region.distortion_model) == (600, 450, "equidistant")


@pytest.mark.parametrize("region", [(-1, 0, 9, 9), (0, -1, 9, 9), (632, 0, 9, 9), (0, 472, 9, 9)])
def test_a_region_beside_the_image_is_none(region: tuple[int, int, int, int]) -> None:
    camera = CameraModel(640, 480, K)
    with pytest.raises(ValueError, match="not inside"):
        camera.cropped_to(*region)
    assert camera.cropped_to(631, 471, 9, 9).width == 9
