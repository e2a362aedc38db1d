# SPDX-License-Identifier: Apache-2.0
"""What is common to all images that come in: limits, errors, and what holds from one to the next.

Among the latter is the part of sixteen bits that a camera uses: most fill ten, twelve or fourteen,
thermal ones a narrow band.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import cv2
import numpy as np
from numpy.typing import NDArray

from blazepose_ros.core.errors import BlazePoseError, Logger
from blazepose_ros.core.image_headers import (
    DEFAULT_MAX_MEGAPIXELS,
    MAX_PIXELS,
    PIXELS_PER_MEGAPIXEL,
    ImageFile,
)


class ImageError(BlazePoseError, ValueError):
    """An image message that cannot be read; the error says what is wrong with it."""


# A topic has images of one camera. A few more on it by mistake are kept apart.
_MAX_RANGES = 4


class ImageStream:
    """What holds from one image of a topic to the next.

    Args:
        max_megapixels: what an image may have; a JPEG of more is decoded at reduced size.
        logger: told once of images that are reduced.

    Attributes:
        max_pixels: the same limit in pixels.
    """

    def __init__(self, max_megapixels: float = DEFAULT_MAX_MEGAPIXELS, logger: Logger | None = None) -> None:
        self.max_pixels = 0
        self._logger = logger
        self._reduced = ""
        self._ranges: dict[tuple[str, str], SampleRange] = {}
        self.limit(max_megapixels)

    def limit(self, max_megapixels: float) -> None:
        """Read images of at most so many million pixels from now on."""
        self.max_pixels = round(max_megapixels * PIXELS_PER_MEGAPIXEL)

    def range_of(self, frame_id: str, encoding: str) -> SampleRange:
        """Return the range of the 16-bit samples of one camera."""
        key = (frame_id, encoding)
        if key not in self._ranges:
            if len(self._ranges) == _MAX_RANGES:
                self._ranges.clear()
            self._ranges[key] = SampleRange()
        return self._ranges[key]

    def note_reduction(self, file: ImageFile) -> None:
        """Say once that images of a size are not decoded in full."""
        said = (
            f"images of {file.width} x {file.height} pixels are decoded at 1/{file.reduction} of their size,"
            " and landmarks are in pixels of that: they have more than max_image_megapixels"
        )
        if self._logger is not None and said != self._reduced:
            self._reduced = said
            self._logger.warning(said)


@contextmanager
def errors_named(what: str, complaint: str) -> Iterator[None]:
    """Turn what OpenCV and numpy raise into an ImageError."""
    try:
        yield
    except MemoryError as err:
        raise ImageError(f"memory does not suffice for the image: {err}") from err
    except cv2.error as err:
        if err.code == cv2.Error.StsNoMem:
            raise ImageError(f"memory does not suffice for the image: {err.err}") from err
        if _OPENCV_LIMITS in err.err:
            raise ImageError(f"{what} claims more pixels than any camera has: {err.err}") from err
        raise ImageError(f"{what} {complaint}: {err.err}") from err


_OPENCV_LIMITS = "CV_IO_MAX_IMAGE"  # OPENCV_IO_MAX_IMAGE_PIXELS, _WIDTH and _HEIGHT


def check_size(width: int, height: int, max_pixels: int = MAX_PIXELS) -> None:
    """Refuse an image that is empty or has too many pixels.

    Raises:
        ImageError: it is.
    """
    if width == 0 or height == 0:
        raise ImageError(f"the image is empty: {width} x {height}")
    if width * height > MAX_PIXELS:
        raise ImageError(f"{width} x {height} are more pixels than any camera has, {MAX_PIXELS}")
    if width * height > max_pixels:
        limit = f"{max_pixels / PIXELS_PER_MEGAPIXEL:g} megapixels (max_image_megapixels)"
        raise ImageError(f"{width} x {height} pixels are more than {limit}")


# What sensors and their drivers fill, from the lowest bit on.
SENSOR_BITS = (8, 10, 12, 14, 16)

# An image is looked at in so many rows and columns, and the brightest and darkest few samples of those
# (dead pixels) do not count.
_RANGE_GRID = 64
_OUTLIER_SHARE = 0.001

# The darkest of an ordinary image is nearly black. Where it is above this share of the brightest, the
# samples are those of a thermal camera: counts, far from zero.
_BAND_SHARE = 0.5
# A band is not stretched further than this: there would be nothing but noise.
_MIN_BAND = 64

# The range of the last so many images counts, 20 to 40 s at 30 Hz: one that changes with every image
# would make people flicker, one that never does would not outlive a single damaged image.
_RANGE_GENERATION = 600


class SampleRange:
    """The range of a camera's 16-bit samples, from its latest images: steady, since it shrinks slowly."""

    def __init__(self) -> None:
        self._images = 0
        self._older: tuple[int, int] | None = None
        self._newer: tuple[int, int] | None = None

    def eight_bits(self, words: NDArray[np.uint16], *, gray: bool) -> NDArray[np.uint8]:
        """Return the samples of an image in eight bits.

        Args:
            words: (height, width) or (height, width, channels), of either byte order.
            gray: whether black may be far from zero, which colors would not outlive.
        """
        low, high = self._widened(words)
        if gray and low > _BAND_SHARE * high:
            scale = 255.0 / max(high - low, _MIN_BAND)
            levels = (words.astype(np.float32) - np.float32(low)) * np.float32(scale)
            return np.clip(levels, 0, 255).astype(np.uint8)
        shift = next(bits for bits in SENSOR_BITS if high < 1 << bits) - 8
        if shift == 8:
            return (words >> 8).astype(np.uint8)
        return np.minimum(words >> shift, 255).astype(np.uint8)

    def _widened(self, words: NDArray[np.uint16]) -> tuple[int, int]:
        """Return the lowest and highest sample of the latest images, this one included."""
        self._images += 1
        if self._images % _RANGE_GENERATION == 0:
            self._older, self._newer = self._newer, None
        self._newer = _union(_range_of(words), self._newer)
        return _union(self._newer, self._older)


def _range_of(words: NDArray[np.uint16]) -> tuple[int, int]:
    rows, columns = (max(1, side // _RANGE_GRID) for side in words.shape[:2])
    samples = np.sort(words[::rows, ::columns].astype(np.uint16), axis=None)
    outliers = int(_OUTLIER_SHARE * len(samples))
    return int(samples[outliers]), int(samples[-1 - outliers])


def _union(one: tuple[int, int], other: tuple[int, int] | None) -> tuple[int, int]:
    return one if other is None else (min(one[0], other[0]), max(one[1], other[1]))
