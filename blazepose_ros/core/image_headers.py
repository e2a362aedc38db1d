# SPDX-License-Identifier: Apache-2.0
"""What an image file says of itself, and what OpenCV does not refuse of it, before anything is decoded.

OpenCV limits the size that a header claims (OPENCV_IO_MAX_IMAGE_PIXELS) and refuses damaged files of most
kinds. It decodes any JPEG: one that is cut short is gray from there on, a kilobyte can claim an image of
400 MB, and a few more can take seconds.

The formats: JPEG is ITU-T T.81, annex B; PNG is ISO/IEC 15948; WebP is RFC 9649; TIFF is TIFF 6.0.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from blazepose_ros.core.errors import BlazePoseError

# More than any camera has: 8K takes a quarter of it.
MAX_PIXELS = 1 << 27
# 8K has 33 million pixels. A PNG of so many takes 0.3 s and 250 MB.
DEFAULT_MAX_MEGAPIXELS = 40.0
PIXELS_PER_MEGAPIXEL = 1_000_000
# A JPEG spends at least one bit on each block of 8 x 8.
_PIXELS_PER_BYTE = 8 * 64
# Before its pixels a JPEG has about ten segments; a color profile adds at most 255.
_MAX_SEGMENTS = 512
# A progressive JPEG has about ten scans. Each costs time for all pixels: 14 kB can take 15 seconds.
_MAX_SCANS = 64
_MAX_SCANS_OF_LARGEST = 12
# JPEGs can be decoded at these fractions of their size, in a fraction of the time and memory.
_REDUCTIONS = (1, 2, 4, 8)

_PNG_START, _PNG_HEADER, _PNG_END = b"\x89PNG\r\n\x1a\n", b"IHDR", b"IEND"
_JPEG_START, JPEG_END, _SCAN_START = b"\xff\xd8", b"\xff\xd9", b"\xff\xda"
_SEGMENT = re.compile(rb"\xff+([\xc0-\xcf\xda-\xfe])(..)", re.DOTALL)  # marker, length
_FRAME_HEADERS = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}  # without DHT, JPG, DAC
_PROGRESSIVE = frozenset((0xC2, 0xC6, 0xCA, 0xCE))
_TIFF_WIDTH, _TIFF_HEIGHT = 256, 257
_TIFF_NUMBERS = {3: "H", 4: "I"}
_MAX_TIFF_FIELDS = 512


class HeaderError(BlazePoseError, ValueError):
    """This is no image to decode; the message says why, beginning with a verb."""


@dataclass(frozen=True)
class ImageFile:
    """What a file says of itself.

    Attributes:
        width: in pixels.
        height: in pixels.
        reduction: what its sides are to be divided by, for the limit.
        has_end: whether it ends as it should; a JPEG without its last marker may still hold all pixels.
        maybe_deep: whether its samples may have more than eight bits.
    """

    width: int
    height: int
    reduction: int = 1
    has_end: bool = True
    maybe_deep: bool = False


def check_image_file(data: bytes, max_pixels: int = MAX_PIXELS) -> ImageFile:
    """Return what is known of a file that is complete, long enough for its size and fast to decode.

    Args:
        data: the file.
        max_pixels: what an image may have; a JPEG of more is to be decoded at reduced size.

    Raises:
        HeaderError: the file is none of those.
    """
    for start, read in _READERS:
        if start.match(data):
            file = read(data, max_pixels)
            break
    else:
        raise HeaderError("is not a JPEG, PNG, WebP, BMP or TIFF")
    size, pixels = f"{file.width} x {file.height}", file.width * file.height
    if pixels > MAX_PIXELS:
        raise HeaderError(f"claims more pixels than any camera has: {size}")
    if pixels > max_pixels * file.reduction**2:
        limit = f"{max_pixels / PIXELS_PER_MEGAPIXEL:g} megapixels (max_image_megapixels)"
        raise HeaderError(f"has {size} pixels, more than {limit}")
    return file


def _read_png(data: bytes, _max_pixels: int) -> ImageFile:
    if data.rfind(_PNG_END) < 0:
        raise HeaderError("is cut short")
    kind, width, height, depth = _unpacked(">4sIIB", data, 12)
    if kind != _PNG_HEADER:
        raise HeaderError("is damaged: its header is missing")
    return ImageFile(width, height, maybe_deep=depth > 8)


def _read_jpeg(data: bytes, max_pixels: int) -> ImageFile:
    width, height, progressive, scans_at = _jpeg_header(data)
    has_end = data.rfind(JPEG_END, scans_at) >= 0  # within a scan it can be nothing else
    if not has_end and progressive:
        raise HeaderError("is cut short")
    scans, pixels = _scans(data, scans_at), width * height
    if scans > _MAX_SCANS:
        raise HeaderError(f"has {scans} scans, more than {_MAX_SCANS}")
    if pixels > len(data) * _PIXELS_PER_BYTE:
        raise HeaderError(f"is too short for the {width} x {height} pixels that it claims")
    if progressive and scans * pixels > _MAX_SCANS_OF_LARGEST * max_pixels:
        raise HeaderError(
            f"has {width} x {height} pixels in {scans} scans, which take longer than an image of"
            f" {max_pixels / PIXELS_PER_MEGAPIXEL:g} megapixels (max_image_megapixels)"
        )
    fitting = (number for number in _REDUCTIONS if pixels <= max_pixels * number**2)
    return ImageFile(width, height, next(fitting, _REDUCTIONS[-1]), has_end)


def _scans(data: bytes, start: int) -> int:
    """Return how many scans a JPEG has from an offset on, in a fifth of the time of ``bytes.count``."""
    octets = np.frombuffer(data, np.uint8, offset=start)
    return int(np.count_nonzero((octets[:-1] == _SCAN_START[0]) & (octets[1:] == _SCAN_START[1])))


def _jpeg_header(data: bytes) -> tuple[int, int, bool, int]:
    """Return a JPEG's width and height, whether it is progressive, and where its first scan starts."""
    at, width, height, progressive = len(_JPEG_START), 0, 0, False
    for _ in range(_MAX_SEGMENTS):
        segment = _SEGMENT.search(data, at)
        if segment is None:
            raise HeaderError("is cut short")
        marker, length, at = segment[1], int.from_bytes(segment[2], "big"), segment.end()
        if marker == _SCAN_START[1:]:
            return width, height, progressive, segment.start()
        if length < len(segment[2]):  # it counts itself
            raise HeaderError(f"is damaged: a segment has the length {length}")
        if marker[0] in _FRAME_HEADERS:
            height, width = (int.from_bytes(data[start : start + 2], "big") for start in (at + 1, at + 3))
            progressive = marker[0] in _PROGRESSIVE
        at = segment.end(1) + length
    raise HeaderError(f"has more than {_MAX_SEGMENTS} segments before its pixels")


def _read_webp(data: bytes, _max_pixels: int) -> ImageFile:
    (length,) = _unpacked("<I", data, 4)
    if len(data) < length + 8:
        raise HeaderError("is cut short")
    kind = data[12:16]
    if kind == b"VP8X":
        width, height = (int.from_bytes(data[at : at + 3], "little") + 1 for at in (24, 27))
    elif kind == b"VP8L":
        (bits,) = _unpacked("<I", data, 21)
        width, height = (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
    else:
        width, height = (side & 0x3FFF for side in _unpacked("<HH", data, 26))
    return ImageFile(width, height)


def _read_bmp(data: bytes, _max_pixels: int) -> ImageFile:
    (header_bytes,) = _unpacked("<I", data, 14)
    width, height = _unpacked("<HH" if header_bytes == 12 else "<ii", data, 18)
    return ImageFile(abs(width), abs(height))  # a negative height means that the first row comes first


def _read_tiff(data: bytes, _max_pixels: int) -> ImageFile:
    order = "<" if data.startswith(b"II") else ">"
    (at,) = _unpacked(order + "I", data, 4)
    (count,) = _unpacked(order + "H", data, at)
    sides = {_TIFF_WIDTH: 0, _TIFF_HEIGHT: 0}
    for number in range(min(count, _MAX_TIFF_FIELDS)):
        field = at + 2 + 12 * number
        tag, kind = _unpacked(order + "HH", data, field)
        if tag in sides and kind in _TIFF_NUMBERS:
            (sides[tag],) = _unpacked(order + _TIFF_NUMBERS[kind], data, field + 8)
    return ImageFile(sides[_TIFF_WIDTH], sides[_TIFF_HEIGHT], maybe_deep=True)


def _unpacked(numbers: str, data: bytes, at: int) -> tuple[Any, ...]:
    """Return the numbers at a place.

    Raises:
        HeaderError: the file ends before.
    """
    try:
        return struct.unpack_from(numbers, data, at)
    except struct.error as err:
        raise HeaderError("is cut short") from err


_READERS: tuple[tuple[re.Pattern[bytes], Callable[[bytes, int], ImageFile]], ...] = (
    (re.compile(re.escape(_JPEG_START)), _read_jpeg),
    (re.compile(re.escape(_PNG_START)), _read_png),
    (re.compile(rb"RIFF....WEBP", re.DOTALL), _read_webp),
    (re.compile(rb"BM"), _read_bmp),
    (re.compile(rb"II\*\0|MM\0\*"), _read_tiff),
)
