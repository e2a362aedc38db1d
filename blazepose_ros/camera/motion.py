"""A still image moved by a known affine motion: a live stream whose ground truth is exact.

The frame stamped t shows the still image under ``affine_at(motion, t, width, height)``, so
what stands at (x, y) in the still image stands at ``affine @ (x, y, 1)`` in the frame. With
the phase p = 2 pi t / 8 s the image is, about its centre,

- turned clockwise by ``angle_deg * sin(p)``,
- enlarged by the factor ``1 + zoom * sin(2 p)``, and then
- shifted right by ``shift * width * sin(p)`` and down by ``shift * height * sin(2 p) / 2``.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from blazepose_ros.nanoseconds import NS_PER_S

PERIOD_S = 8
_PERIOD_NS = PERIOD_S * NS_PER_S


@dataclass(frozen=True)
class Motion:
    """The amplitudes of a motion.

    Attributes:
        shift: a fraction of the width.
        angle_deg: degrees, clockwise on the screen.
        zoom: a fraction of the size, below 1.
    """

    shift: float = 0.0
    angle_deg: float = 0.0
    zoom: float = 0.0


MOTIONS = {
    "shift": Motion(shift=0.08),
    "turn": Motion(angle_deg=12.0),
    "zoom": Motion(zoom=0.1),
    "sway": Motion(shift=0.05, angle_deg=8.0, zoom=0.08),
}


def affine_at(motion: Motion, stamp_ns: int, width: int, height: int) -> NDArray[np.float64]:
    """Return the (2, 3) affine, in pixels, from the still image to the frame stamped ``stamp_ns``.

    The image has its centre at ((width - 1) / 2, (height - 1) / 2): whole numbers are pixel
    centres.
    """
    phase = 2 * math.pi * (stamp_ns % _PERIOD_NS) / _PERIOD_NS
    angle = math.radians(motion.angle_deg) * math.sin(phase)
    scale = 1 + motion.zoom * math.sin(2 * phase)
    shift = motion.shift * np.array([width * math.sin(phase), height * math.sin(2 * phase) / 2])
    linear = scale * np.array([[math.cos(angle), -math.sin(angle)], [math.sin(angle), math.cos(angle)]])
    center = np.array([width - 1, height - 1]) / 2
    return np.column_stack([linear, center - linear @ center + shift])


def move(image: NDArray[np.uint8], motion: Motion, stamp_ns: int) -> NDArray[np.uint8]:
    """Return the (height, width, 3) image as it looks at ``stamp_ns``, its edges continued outside."""
    height, width = image.shape[:2]
    affine = affine_at(motion, stamp_ns, width, height)
    return cv2.warpAffine(image, affine, (width, height), borderMode=cv2.BORDER_REPLICATE)
