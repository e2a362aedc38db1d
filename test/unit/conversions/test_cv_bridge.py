# SPDX-License-Identifier: Apache-2.0
"""Our conversions beside those of the real cv_bridge: the same pixels for every encoding that both know."""

import array
from typing import Any

import numpy as np
import pytest
from support.sensors import mosaic, yuv422

pytest.importorskip("cv_bridge", reason="cv_bridge is not installed")

import cv_bridge
from sensor_msgs.msg import Image

from blazepose_ros.conversions.cv_bridge_fallback import cv_bridge_failure
from blazepose_ros.conversions.encodings import LAYOUTS
from blazepose_ros.conversions.image_stream import ImageError
from blazepose_ros.conversions.images import to_rgb

HEIGHT, WIDTH = 48, 64
RNG = np.random.default_rng(0)
# What cv_bridge 3 does not convert to rgb8; a later one may.
NOT_IN_CV_BRIDGE = {"uyvy", "yuyv", "8UC1", "8UC3", "8UC4"}
SHARED = [encoding for encoding in LAYOUTS if encoding not in NOT_IN_CV_BRIDGE]
SCENE = np.kron(RNG.integers(0, 256, (HEIGHT // 8, WIDTH // 8, 3)), np.ones((8, 8, 1))).astype(np.uint8)


@pytest.fixture(autouse=True, scope="module")
def working_cv_bridge() -> None:
    """One that does not work may end the process at its first conversion."""
    if failure := cv_bridge_failure():
        pytest.skip(f"cv_bridge does not work: {failure}")


def message(encoding: Any, samples: Any, padding_px: Any = 0, is_bigendian: bool = False) -> Image:
    """Return (height, width, channels) samples as a message; cv_bridge takes padding by whole pixels only."""
    rows = np.pad(samples, ((0, 0), (0, padding_px), (0, 0)), constant_values=170)
    msg = Image(height=HEIGHT, width=WIDTH, encoding=encoding, is_bigendian=int(is_bigendian))
    msg.step = rows[0].nbytes
    msg.data = array.array("B", rows.tobytes())
    return msg


def noise(layout: Any) -> Any:
    dtype = np.uint8 if layout.bits == 8 else np.dtype("<u2")
    return RNG.integers(0, np.iinfo(dtype).max + 1, (HEIGHT, WIDTH, layout.channels)).astype(dtype)


def difference(msg: Any) -> Any:
    """Return by how much our pixels and cv_bridge's differ at most."""
    ours, theirs = to_rgb(msg), cv_bridge.CvBridge().imgmsg_to_cv2(msg, "rgb8")
    assert ours.shape == theirs.shape == (HEIGHT, WIDTH, 3)
    assert ours.dtype == theirs.dtype == np.uint8
    return np.abs(ours.astype(int) - theirs).max()


@pytest.mark.parametrize("padding_px", [0, 1, 6])
@pytest.mark.parametrize("encoding", SHARED)
def test_pixels_are_those_of_cv_bridge(encoding: Any, padding_px: int) -> None:
    """Exactly with 8 bits; with 16, cv_bridge rounds where we take the upper byte."""
    layout = LAYOUTS[encoding]
    assert difference(message(encoding, noise(layout), padding_px)) <= (0 if layout.bits == 8 else 1)


@pytest.mark.parametrize("pattern", ["rggb", "bggr", "gbrg", "grbg"])
def test_a_scene_through_a_bayer_filter_is_that_of_cv_bridge(pattern: str) -> None:
    assert difference(message(f"bayer_{pattern}8", mosaic(SCENE, pattern).reshape(HEIGHT, WIDTH, 1))) == 0


@pytest.mark.parametrize(("encoding", "order"), [("yuv422", "uyvY"), ("yuv422_yuy2", "yuYv")])
def test_a_scene_in_yuv_is_that_of_cv_bridge(encoding: str, order: str) -> None:
    assert difference(message(encoding, yuv422(SCENE, order).reshape(HEIGHT, WIDTH, 2))) == 0


def test_what_cv_bridge_does_not_take_is_listed() -> None:
    refused = set()
    for encoding, layout in LAYOUTS.items():
        try:
            cv_bridge.CvBridge().imgmsg_to_cv2(message(encoding, noise(layout)), "rgb8")
        except cv_bridge.CvBridgeError:
            refused.add(encoding)
    assert refused <= NOT_IN_CV_BRIDGE


@pytest.mark.parametrize(
    "encoding", ["32FC1", "16UC1", "8UC2", "nv61", "RGB8", "", "\x1b[2J", "8UC999999999999"]
)
def test_cv_bridge_converts_nothing_that_the_table_lacks(encoding: str) -> None:
    with pytest.raises(
        ImageError, match=r"is not supported; these are: .*; cv_bridge: CvBridgeError "
    ) as err:
        to_rgb(message(encoding, np.zeros((HEIGHT, WIDTH, 4), np.uint8)))
    assert "\x1b" not in str(err.value)
