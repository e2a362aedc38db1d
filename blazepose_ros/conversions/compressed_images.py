# SPDX-License-Identifier: Apache-2.0
"""Compressed image messages as RGB arrays, compressed depth as it is, every header checked first.

Depth comes by image_transport's transport ``compressedDepth``: twelve bytes of
compressed_depth_image_transport's ``ConfigHeader``, an enum and the two parameters of the quantization,
and a PNG of 16 bits. Depths in meters are quantized by their inverse.
"""

from __future__ import annotations

import struct

import cv2
import numpy as np
from numpy.typing import NDArray
from sensor_msgs.msg import CompressedImage

from blazepose_ros.conversions.cdr import RawImage, SerializedMessage, read_compressed_image
from blazepose_ros.conversions.encodings import BAYER_LAYOUTS
from blazepose_ros.conversions.image_stream import ImageError, ImageStream, SampleRange, errors_named
from blazepose_ros.core.image_headers import JPEG_END, HeaderError, check_image_file
from blazepose_ros.core.image_transport import COMPRESSED_DEPTH
from blazepose_ros.core.text import quoted

# From 4.11 on OpenCV puts red first by itself, which saves a pass over the pixels.
_RED_FIRST = getattr(cv2, "IMREAD_COLOR_RGB", 0)
# A calibration is of the sensor's rows and columns, whichever way EXIF turns the image.
_REDUCED = {
    1: (_RED_FIRST or cv2.IMREAD_COLOR) | cv2.IMREAD_IGNORE_ORIENTATION,
    2: cv2.IMREAD_REDUCED_COLOR_2 | cv2.IMREAD_IGNORE_ORIENTATION,
    4: cv2.IMREAD_REDUCED_COLOR_4 | cv2.IMREAD_IGNORE_ORIENTATION,
    8: cv2.IMREAD_REDUCED_COLOR_8 | cv2.IMREAD_IGNORE_ORIENTATION,
}
# Gray stays gray, and sixteen bits stay sixteen.
_AS_IT_IS = cv2.IMREAD_ANYCOLOR | cv2.IMREAD_ANYDEPTH | cv2.IMREAD_IGNORE_ORIENTATION


def decode(msg: CompressedImage, stream: ImageStream | None = None) -> NDArray[np.uint8]:
    """Return a compressed image's pixels as (height, width, 3) uint8, red first.

    A JPEG of more pixels than the stream takes is decoded at a half, quarter or eighth of its size.

    Args:
        msg: the message.
        stream: what holds from one image to the next; None for a single image.

    Raises:
        ImageError: the data are not an image, are cut short or damaged, or claim a size that
            no camera has. Damage inside a JPEG is not detected: it has no checksum.
    """
    stream = stream or ImageStream()
    data = bytes(msg.data)
    what = f"the compressed image ({quoted(msg.format)}, {len(data)} bytes)"
    try:
        file = check_image_file(data, stream.max_pixels)
    except HeaderError as err:
        raise ImageError(f"{what} {err}") from err
    mosaic = _mosaic_conversion(msg.format)
    with errors_named(what, "is damaged"):
        if file.reduction > 1:
            stream.note_reduction(file)
            mosaic = None  # its colors are gone
        as_it_is = file.maybe_deep or mosaic is not None
        flags = _AS_IT_IS if as_it_is else _REDUCED[file.reduction]
        if not file.has_end:
            data = _with_end(data)
        pixels = _read_file(data, flags)
        if pixels is None:
            raise ImageError(f"{what} is damaged")
        if not file.has_end and not _is_whole(data, pixels):
            raise ImageError(f"{what} is cut short")
        if not as_it_is:
            return pixels if flags & _RED_FIRST else cv2.cvtColor(pixels, cv2.COLOR_BGR2RGB)
        eight_bits = _eight_bits(pixels, stream.range_of(msg.header.frame_id, msg.format), what)
        if pixels.ndim == 2:
            return cv2.cvtColor(eight_bits, cv2.COLOR_GRAY2RGB if mosaic is None else mosaic)
        return cv2.cvtColor(eight_bits, cv2.COLOR_BGR2RGB)


def _read_file(data: bytes, flags: int) -> NDArray | None:
    return cv2.imdecode(np.frombuffer(data, np.uint8), flags)


def _eight_bits(pixels: NDArray, samples: SampleRange, what: str) -> NDArray[np.uint8]:
    if pixels.dtype == np.uint8:
        return pixels
    if pixels.dtype != np.uint16:
        raise ImageError(f"{what} holds {pixels.dtype} samples, not those of a color image")
    return samples.eight_bits(pixels, gray=pixels.ndim == 2)


_COMPRESSED = "compressed"


def _mosaic_conversion(image_format: str) -> int | None:
    """Return OpenCV's conversion of a Bayer pattern in a gray file, None where the format names none.

    compressed_image_transport writes "bayer_rggb8; png compressed", and after that the encoding of what
    is in the file, where it was converted.
    """
    encoding, _, rest = image_format.partition(";")
    inside = rest.partition(_COMPRESSED)[2].strip() or encoding.strip()
    return BAYER_LAYOUTS[inside].conversion if inside in BAYER_LAYOUTS else None


# A JPEG that ends too early is decoded with one color from there on: its last block is flat. As that of a
# dark floor may be, too, such a one is tried with other data after it, which a whole image does not look at.
_BLOCK_PX = 8
_OTHER_DATA = b"\x55\xaa" * 64


def _with_end(data: bytes) -> bytes:
    return data.rstrip(b"\xff") + JPEG_END


def _is_whole(data: bytes, pixels: NDArray[np.uint8]) -> bool:
    """Return whether a JPEG that came without its end has all of its pixels."""
    last = pixels[-_BLOCK_PX:, -_BLOCK_PX:]
    if (last != last[-1, -1]).any():
        return True
    longer = data.removesuffix(JPEG_END) + _OTHER_DATA + JPEG_END
    small, other = (_read_file(each, cv2.IMREAD_REDUCED_GRAYSCALE_8) for each in (data, longer))
    return small is not None and other is not None and np.array_equal(small, other)


# An enum of C, and the parameters A and B: depth = A / (value - B).
_DEPTH_CONFIGURATION = struct.Struct("<iff")
_DEPTH_IN_MM, _DEPTH_IN_M = "16UC1", "32FC1"
_PNG = b"\x89PNG\r\n\x1a\n"


def read_compressed_depth(serialized: SerializedMessage) -> RawImage:
    """Return a serialized sensor_msgs/CompressedImage of depths as the image that it was.

    Raises:
        CdrError: the message is damaged.
        ImageError: the data are no such image, damaged, or compressed as RVL.
    """
    msg = read_compressed_image(serialized)
    encoding, _, transport = msg.format.partition(";")
    if COMPRESSED_DEPTH not in transport or encoding not in (_DEPTH_IN_MM, _DEPTH_IN_M):
        raise ImageError(
            f"the format {quoted(msg.format)} is not one of compressed depth, such as"
            f' "{_DEPTH_IN_MM}; {COMPRESSED_DEPTH} png"'
        )
    data = bytes(msg.data)
    if len(data) < _DEPTH_CONFIGURATION.size:
        raise ImageError("the compressed depth is cut short")
    _, factor, offset = _DEPTH_CONFIGURATION.unpack_from(data)
    values = _decoded(data[_DEPTH_CONFIGURATION.size :])
    height, width = values.shape
    pixels = values if encoding == _DEPTH_IN_MM else _meters(values, factor, offset)
    step = width * pixels.itemsize
    return RawImage(msg.header, height, width, encoding, 0, step, memoryview(pixels.tobytes()))


def _decoded(png: bytes) -> NDArray[np.uint16]:
    """Return the values, (height, width), little-endian."""
    if not png.startswith(_PNG):
        raise ImageError("the compressed depth is not a PNG: of the driver's formats choose png, not rvl")
    with errors_named("the compressed depth", "is damaged"):
        try:
            check_image_file(png)
        except HeaderError as err:
            raise ImageError(f"the compressed depth {err}") from err
        values = cv2.imdecode(np.frombuffer(png, np.uint8), cv2.IMREAD_UNCHANGED)
    if values is None or values.dtype != np.uint16 or values.ndim != 2:
        raise ImageError("the compressed depth is damaged, or not a PNG of 16 bits and one channel")
    return values.astype("<u2", copy=False)


def _meters(values: NDArray[np.uint16], factor: float, offset: float) -> NDArray[np.float32]:
    """Return depths of their quantized inverses, NaN where nothing was measured."""
    depths = np.full(values.shape, np.nan, "<f4")
    is_measured = (values > 0) & (values != offset)
    depths[is_measured] = factor / (values[is_measured] - np.float32(offset))
    return depths
