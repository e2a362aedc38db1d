# SPDX-License-Identifier: Apache-2.0
"""The images of a soak: a photograph that moves, in many sizes and encodings, whole and broken."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray
from sensor_msgs.msg import Image
from std_msgs.msg import Header

from blazepose_ros.conversions.images import to_image
from blazepose_ros.core.frame_sources.camera_stream import MOTIONS, affine_at, move

MOTION = MOTIONS["sway"]
LONG_SIDES_PX = (320, 480, 640, 960, 1280)
USUAL_SIDE_PX = 640
WALL_GRAY = 128

# encoding: its pixels from RGB
ENCODINGS: dict[str, Callable[[NDArray[np.uint8]], NDArray[np.uint8]]] = {
    "rgb8": lambda rgb: rgb,
    "bgr8": lambda rgb: cv2.cvtColor(rgb, cv2.COLOR_RGB2BGR),
    "rgba8": lambda rgb: cv2.cvtColor(rgb, cv2.COLOR_RGB2RGBA),
    "bgra8": lambda rgb: cv2.cvtColor(rgb, cv2.COLOR_RGB2BGRA),
    "mono8": lambda rgb: cv2.cvtColor(rgb, cv2.COLOR_RGB2GRAY),
}
USUAL_ENCODING = "rgb8"


def _with_wrong_step(msg: Image) -> None:
    msg.step = 1


def _cut_short(msg: Image) -> None:
    msg.data = msg.data[: len(msg.data) // 2]


def _emptied(msg: Image) -> None:
    msg.width = msg.height = 0


def _of_unknown_encoding(msg: Image) -> None:
    msg.encoding = "nv99"


def _of_enormous_size(msg: Image) -> None:
    msg.width = msg.height = 100_000


# What makes an image one that cannot be read.
BREAKAGES = (_with_wrong_step, _cut_short, _emptied, _of_unknown_encoding, _of_enormous_size)


@dataclass(frozen=True)
class Look:
    """How a camera shows the photograph.

    Attributes:
        long_side_px: the longer side of its images.
        encoding: one of ENCODINGS.
    """

    long_side_px: int = USUAL_SIDE_PX
    encoding: str = USUAL_ENCODING


class Photograph:
    """A photograph of one person.

    Args:
        rgb: (height, width, 3) uint8, red first.
    """

    def __init__(self, rgb: NDArray[np.uint8]) -> None:
        self._rgb = rgb
        self._scaled: dict[int, NDArray[np.uint8]] = {}

    def at(self, look: Look, moment_ns: int) -> NDArray[np.uint8]:
        """Return what a camera sees at a moment, (height, width, 3) uint8, red first."""
        return move(self._scaled_to(look.long_side_px), MOTION, moment_ns)

    def affine(self, look: Look, moment_ns: int) -> NDArray[np.float64]:
        """Return the (2, 3) affine in pixels from the still image to the one of a moment."""
        height, width = self._scaled_to(look.long_side_px).shape[:2]
        return affine_at(MOTION, moment_ns, width, height)

    def wall(self, look: Look) -> NDArray[np.uint8]:
        """Return an image of nobody, of the same size."""
        return np.full_like(self._scaled_to(look.long_side_px), WALL_GRAY)

    def _scaled_to(self, long_side_px: int) -> NDArray[np.uint8]:
        if long_side_px not in self._scaled:
            scale = long_side_px / max(self._rgb.shape[:2])
            self._scaled[long_side_px] = cv2.resize(
                self._rgb, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA
            )
        return self._scaled[long_side_px]


def as_message(rgb: NDArray[np.uint8], encoding: str, header: Header) -> Image:
    """Return an image as a message of an encoding."""
    return to_image(ENCODINGS[encoding](rgb), encoding, header)
