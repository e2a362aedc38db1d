# SPDX-License-Identifier: Apache-2.0
"""The encodings of sensor_msgs/Image: how pixels lie in memory, and how OpenCV makes RGB of them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import cv2


@dataclass(frozen=True)
class Layout:
    """How an encoding lies in memory and how OpenCV converts it to RGB."""

    channels: int
    conversion: int | None
    bits: int = 8

    @property
    def bytes_per_pixel(self) -> int:
        """Bytes that one pixel takes in a row."""
        return self.channels * self.bits // 8


@dataclass(frozen=True)
class PlanarLayout:
    """How an encoding lies in memory whose luma comes first, and then, coarser, its color.

    Attributes:
        conversion: OpenCV's to RGB, of the planes without padding, with half as much color as luma.
        planes: how many there are of color: one whose samples take turns, or two.
        full: whether there is color for each pixel, not for each block of 2 x 2.
    """

    conversion: int
    planes: int = 1
    full: bool = False

    def color_planes(self, width: int, height: int, step: int) -> Iterator[tuple[int, int, int]]:
        """Yield rows, bytes of a row and step of each plane of color, given those of the luma."""
        if self.full:
            yield height, 2 * width, 2 * step
            return
        for _ in range(self.planes):
            yield height // 2, width // self.planes, step // self.planes


# OpenCV names a Bayer pattern after the second row's second and third pixel: the pattern
# that starts with RG is its BG.
_BAYER = {
    "rggb": cv2.COLOR_BayerBG2RGB,
    "bggr": cv2.COLOR_BayerRG2RGB,
    "gbrg": cv2.COLOR_BayerGR2RGB,
    "grbg": cv2.COLOR_BayerGB2RGB,
}
_PLAIN = {
    "mono": (1, cv2.COLOR_GRAY2RGB),
    "rgb": (3, None),
    "bgr": (3, cv2.COLOR_BGR2RGB),
    "rgba": (4, cv2.COLOR_RGBA2RGB),
    "bgra": (4, cv2.COLOR_BGRA2RGB),
}
BAYER_LAYOUTS = {
    f"bayer_{name}{bits}": Layout(1, code, bits) for bits in (8, 16) for name, code in _BAYER.items()
}
LAYOUTS = {
    **{f"{name}{bits}": Layout(*layout, bits) for bits in (8, 16) for name, layout in _PLAIN.items()},
    **BAYER_LAYOUTS,
    **dict.fromkeys(("yuv422", "uyvy"), Layout(2, cv2.COLOR_YUV2RGB_UYVY)),
    **dict.fromkeys(("yuv422_yuy2", "yuyv"), Layout(2, cv2.COLOR_YUV2RGB_YUY2)),
    # OpenCV's own types: its color order is blue, green, red.
    "8UC1": Layout(1, cv2.COLOR_GRAY2RGB),
    "8UC3": Layout(3, cv2.COLOR_BGR2RGB),
    "8UC4": Layout(4, cv2.COLOR_BGRA2RGB),
}
PLANAR_LAYOUTS = {
    "nv12": PlanarLayout(cv2.COLOR_YUV2RGB_NV12),
    "nv21": PlanarLayout(cv2.COLOR_YUV2RGB_NV21),
    "i420": PlanarLayout(cv2.COLOR_YUV2RGB_I420, planes=2),
    "yv12": PlanarLayout(cv2.COLOR_YUV2RGB_YV12, planes=2),
    "nv24": PlanarLayout(cv2.COLOR_YUV2RGB_NV12, full=True),
}
