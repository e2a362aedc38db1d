# SPDX-License-Identifier: Apache-2.0
"""What OpenCV does not refuse by itself in a JPEG or PNG, checked before anything is decoded.

OpenCV limits the size that a header claims (OPENCV_IO_MAX_IMAGE_PIXELS) and refuses a damaged PNG. It
decodes any JPEG: one that is cut short is gray from there on, a kilobyte can claim an image of 400 MB,
and a few more can take seconds. The format is ITU-T T.81, annex B.
"""

from __future__ import annotations

import re

from blazepose_ros.core.errors import BlazePoseError

# More than any camera has: 8K takes a quarter of it.
MAX_PIXELS = 1 << 27
# A JPEG spends at least one bit on each block of 8 x 8.
_PIXELS_PER_BYTE = 8 * 64
# Before its pixels a JPEG has about ten segments; a color profile adds at most 255.
_MAX_SEGMENTS = 512
# A progressive JPEG has about ten scans. Each costs time for all pixels: 14 kB can take 15 seconds.
_MAX_SCANS = 64

_PNG_START, _PNG_END = b"\x89PNG\r\n\x1a\n", b"IEND"
_JPEG_START, _JPEG_END, _SCAN_START = b"\xff\xd8", b"\xff\xd9", b"\xff\xda"
_SEGMENT = re.compile(rb"\xff+([\xc0-\xcf\xda-\xfe])(..)", re.DOTALL)  # marker, length
_FRAME_HEADERS = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}  # without DHT, JPG, DAC


class HeaderError(BlazePoseError, ValueError):
    """This is no image to decode; the message says why, beginning with a verb."""


def check_image_file(data: bytes) -> None:
    """Check that data are a PNG, or a JPEG that is complete, long enough for its size and fast to decode.

    Raises:
        HeaderError: they are not.
    """
    if data.startswith(_PNG_START):
        if data.rfind(_PNG_END) < 0:
            raise HeaderError("is cut short")
    elif data.startswith(_JPEG_START):
        _check_jpeg(data)
    else:
        raise HeaderError("is not a JPEG or PNG")


def _check_jpeg(data: bytes) -> None:
    width, height, scans_at = _jpeg_header(data)
    if data.rfind(_JPEG_END, scans_at) < 0:  # within a scan it can be nothing else
        raise HeaderError("is cut short")
    if (scans := data.count(_SCAN_START, scans_at)) > _MAX_SCANS:
        raise HeaderError(f"has {scans} scans, more than {_MAX_SCANS}")
    if width * height > len(data) * _PIXELS_PER_BYTE:
        raise HeaderError(f"is too short for the {width} x {height} pixels that it claims")


def _jpeg_header(data: bytes) -> tuple[int, int, int]:
    """Return a JPEG's width and height in pixels and where its first scan starts."""
    at, width, height = len(_JPEG_START), 0, 0
    for _ in range(_MAX_SEGMENTS):
        segment = _SEGMENT.search(data, at)
        if segment is None:
            raise HeaderError("is cut short")
        marker, length, at = segment[1], int.from_bytes(segment[2], "big"), segment.end()
        if marker == _SCAN_START[1:]:
            return width, height, segment.start()
        if length < len(segment[2]):  # it counts itself
            raise HeaderError(f"is damaged: a segment has the length {length}")
        if marker[0] in _FRAME_HEADERS:
            height, width = (int.from_bytes(data[start : start + 2], "big") for start in (at + 1, at + 3))
        at = segment.end(1) + length
    raise HeaderError(f"has more than {_MAX_SEGMENTS} segments before its pixels")
