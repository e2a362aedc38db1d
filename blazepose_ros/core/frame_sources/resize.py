# SPDX-License-Identifier: Apache-2.0
"""Images scaled into another size with their proportions kept."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

Size = tuple[int, int]  # width and height in pixels


@dataclass(frozen=True)
class FrameFit:
    """An image scaled to be as large as fits into a size, centered between black borders.

    Attributes:
        source: the image's width and height in pixels.
        target: the width and height to fit it into.

    Raises:
        ValueError: a size is not positive.
    """

    source: Size
    target: Size

    def __post_init__(self) -> None:
        if min(self.source + self.target) < 1:
            raise ValueError(f"nothing fits from {self.source} into {self.target} pixels")

    @classmethod
    def into(cls, source: Size, width: int, height: int) -> FrameFit:
        """Return the fit into a size of which 0 stands for what the source's proportions give."""
        if not width and not height:
            return cls(source, source)
        if not width:
            width = max(1, round(height * source[0] / source[1]))
        if not height:
            height = max(1, round(width * source[1] / source[0]))
        return cls(source, (width, height))

    @property
    def inner(self) -> Size:
        """The width and height of the scaled image without its borders."""
        scale = min(self.target[0] / self.source[0], self.target[1] / self.source[1])
        return max(1, round(self.source[0] * scale)), max(1, round(self.source[1] * scale))

    @property
    def offset(self) -> Size:
        """The left and the upper border in pixels."""
        return (self.target[0] - self.inner[0]) // 2, (self.target[1] - self.inner[1]) // 2

    @property
    def matrix(self) -> NDArray[np.float64]:
        """(3, 3), from the source's pixels to the target's; whole numbers are pixel centers."""
        sx, sy = self.inner[0] / self.source[0], self.inner[1] / self.source[1]
        left, top = self.offset
        return np.array([[sx, 0, (sx - 1) / 2 + left], [0, sy, (sy - 1) / 2 + top], [0, 0, 1]])

    def apply(self, image: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """Return the image, (source height, source width, 3), in the target's size."""
        if self.source == self.target:
            return image
        shrinks = self.inner[0] < self.source[0]
        scaled = cv2.resize(image, self.inner, interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR)
        left, top = self.offset
        right, bottom = self.target[0] - self.inner[0] - left, self.target[1] - self.inner[1] - top
        return cv2.copyMakeBorder(scaled, top, bottom, left, right, cv2.BORDER_CONSTANT)
