# SPDX-License-Identifier: Apache-2.0
import numpy as np
import pytest

from blazepose_ros.core.frame_sources.resize import FrameFit


def test_zeros_keep_the_size_of_the_source() -> None:
    image = np.zeros((40, 60, 3), np.uint8)
    assert FrameFit.into((60, 40), 0, 0).apply(image) is image


@pytest.mark.parametrize(("width", "height"), [(30, 0), (0, 20)])
def test_one_length_keeps_the_proportions(width: int, height: int) -> None:
    assert FrameFit.into((60, 40), width, height).target == (30, 20)


@pytest.mark.parametrize(
    ("target", "offset"), [((200, 100), (50, 0)), ((100, 160), (0, 30)), ((50, 50), (0, 0))]
)
def test_the_image_is_centered_between_black_borders(
    target: tuple[int, int], offset: tuple[int, int]
) -> None:
    fitted = FrameFit((80, 80), target).apply(np.full((80, 80, 3), 255, np.uint8))
    assert fitted.shape == (target[1], target[0], 3)
    assert fitted.flags.c_contiguous
    white = np.argwhere(fitted[..., 0] == 255)
    assert tuple(white.min(axis=0)[::-1]) == offset
    assert tuple(white.max(axis=0)[::-1]) == (target[0] - offset[0] - 1, target[1] - offset[1] - 1)


def test_the_matrix_says_where_a_spot_lands() -> None:
    image = np.zeros((120, 90, 3), np.uint8)
    image[60:66, 30:36] = 255
    fit = FrameFit((90, 120), (320, 240))
    weights = fit.apply(image)[..., 0].astype(float)
    rows, cols = np.indices(weights.shape)
    found = np.array([(weights * cols).sum(), (weights * rows).sum()]) / weights.sum()
    assert found == pytest.approx((fit.matrix @ (32.5, 62.5, 1))[:2], abs=0.05)


def test_corners_of_the_source_land_on_corners_of_the_scaled_image() -> None:
    fit = FrameFit((1920, 1080), (640, 480))
    assert fit.inner == (640, 360)
    assert fit.matrix @ (-0.5, -0.5, 1) == pytest.approx((-0.5, 59.5, 1))
    assert fit.matrix @ (1919.5, 1079.5, 1) == pytest.approx((639.5, 419.5, 1))


def test_an_extremely_flat_image_keeps_a_line() -> None:
    assert FrameFit((5000, 1), (10, 10)).inner == (10, 1)


@pytest.mark.parametrize("size", [(0, 10), (10, -1)])
def test_an_empty_size_is_refused(size: tuple[int, int]) -> None:
    with pytest.raises(ValueError, match="nothing fits"):
        FrameFit(size, (10, 10))
