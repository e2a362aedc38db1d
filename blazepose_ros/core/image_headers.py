"""What a JPEG or PNG says of itself, read before anything is decoded or allocated.

The formats are ITU-T T.81 (annex B) and the PNG specification (section 11.2).
"""

from __future__ import annotations

import re
import struct

# More than any camera has: 8K takes a quarter of it.
MAX_PIXELS = 1 << 27

# A JPEG spends a bit at least on each block of 8 x 8. A PNG's deflate makes at most 1032 bytes
# of one (zlib's technical details), of one bit a pixel where there are few colours.
_JPEG_PIXELS_PER_BYTE = 8 * 64
_PNG_PIXELS_PER_BYTE = 8 * 1032

_JPEG_START = b"\xff\xd8"
_JPEG_END = b"\xff\xd9"
_SCAN_START = b"\xff\xda"
_MARKER = re.compile(rb"\xff+([^\x00\xff])")
_WITHOUT_LENGTH = frozenset({0x01, *range(0xD0, 0xD9)})  # TEM, RST0 to RST7, SOI
_FRAME_HEADERS = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}  # without DHT, JPG, DAC
_MIN_SEGMENT_BYTES = 2  # a segment's length counts itself

# Before its pixels a JPEG has about ten segments; a colour profile adds at most 255.
MAX_SEGMENTS = 512
# A progressive JPEG has about ten scans. Each costs time for all pixels, however short it is:
# a file of 14 kB can take 15 seconds.
MAX_SCANS = 64

_PNG_START = b"\x89PNG\r\n\x1a\n"
_PNG_FIRST_CHUNK = ">I4sII"  # length, kind, and of IHDR width and height
_PNG_END = b"IEND"


class HeaderError(ValueError):
    """This is no image to decode; the message says why, beginning with a verb."""


def read_size(data: bytes) -> tuple[int, int]:
    """Return the width and height in pixels of a JPEG or PNG that is there to its end.

    Raises:
        HeaderError: it is neither, is cut short, or is made to be slow.
    """
    for start, read, pixels_per_byte in _FORMATS:
        if data.startswith(start):
            width, height = read(data)
            if width * height > len(data) * pixels_per_byte:
                raise HeaderError(f"is too short for the {width} x {height} pixels that it claims")
            return width, height
    raise HeaderError("is not a JPEG or PNG")


def _jpeg_size(data: bytes) -> tuple[int, int]:
    at, size = len(_JPEG_START), None
    for _ in range(MAX_SEGMENTS):
        found = _MARKER.search(data, at)
        if found is None:
            raise HeaderError("is cut short")
        marker, at = found[1][0], found.end()
        if marker == _SCAN_START[1]:
            _check_scans(data, found.start())
            break
        if marker in _FRAME_HEADERS:
            height, width = _unpack(">HH", data, at + 3)
            size = width, height
        at += 0 if marker in _WITHOUT_LENGTH else _segment_bytes(data, at)
    if size is None:
        raise HeaderError("is a JPEG without a size")
    return size


def _segment_bytes(data: bytes, at: int) -> int:
    (length,) = _unpack(">H", data, at)
    if length < _MIN_SEGMENT_BYTES:
        raise HeaderError(f"is damaged: a segment has the length {length}")
    return length


def _check_scans(data: bytes, start: int) -> None:
    """Refuse what ends before its end marker, which within a scan can be nothing else."""
    if data.rfind(_JPEG_END, start) < 0:
        raise HeaderError("is cut short")
    if (scans := data.count(_SCAN_START, start)) > MAX_SCANS:
        raise HeaderError(f"has {scans} scans, more than {MAX_SCANS}")


def _png_size(data: bytes) -> tuple[int, int]:
    _, kind, width, height = _unpack(_PNG_FIRST_CHUNK, data, len(_PNG_START))
    if kind != b"IHDR":
        raise HeaderError("is damaged: a PNG begins with IHDR")
    if data.rfind(_PNG_END) < 0:
        raise HeaderError("is cut short")
    return width, height


def _unpack(form: str, data: bytes, at: int) -> tuple:
    try:
        return struct.unpack_from(form, data, at)
    except struct.error as err:
        raise HeaderError("is cut short") from err


_FORMATS = (
    (_JPEG_START, _jpeg_size, _JPEG_PIXELS_PER_BYTE),
    (_PNG_START, _png_size, _PNG_PIXELS_PER_BYTE),
)
