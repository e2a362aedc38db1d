# SPDX-License-Identifier: Apache-2.0
"""Image messages as RGB arrays and back: one conversion at most, every field checked first.

Encodings that the table of layouts lacks are left to cv_bridge, where that is installed.
"""

from __future__ import annotations

import array
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray
from sensor_msgs.msg import CompressedImage, Image
from std_msgs.msg import Header

from blazepose_ros.conversions import cdr, cv_bridge_fallback
from blazepose_ros.conversions.cdr import RawCompressedImage, RawImage
from blazepose_ros.core.errors import BlazePoseError
from blazepose_ros.core.frame_sources.frame_source import FrameError
from blazepose_ros.core.image_headers import MAX_PIXELS, HeaderError, check_image_file

# A calibration is of the sensor's rows and columns, whichever way EXIF turns the image.
_SENSOR_ORIENTATION = cv2.IMREAD_COLOR | cv2.IMREAD_IGNORE_ORIENTATION


class ImageError(BlazePoseError, ValueError):
    """An image message that cannot be read; the error says what is wrong with it."""


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
LAYOUTS = {
    **{f"{name}{bits}": Layout(*layout, bits) for bits in (8, 16) for name, layout in _PLAIN.items()},
    **{f"bayer_{name}{bits}": Layout(1, code, bits) for bits in (8, 16) for name, code in _BAYER.items()},
    **dict.fromkeys(("yuv422", "uyvy"), Layout(2, cv2.COLOR_YUV2RGB_UYVY)),
    **dict.fromkeys(("yuv422_yuy2", "yuyv"), Layout(2, cv2.COLOR_YUV2RGB_YUY2)),
    # OpenCV's own types: its color order is blue, green, red.
    "8UC1": Layout(1, cv2.COLOR_GRAY2RGB),
    "8UC3": Layout(3, cv2.COLOR_BGR2RGB),
    "8UC4": Layout(4, cv2.COLOR_BGRA2RGB),
}


def to_rgb(msg: Image) -> NDArray[np.uint8]:
    """Return an image message's pixels as (height, width, 3) uint8, red first, C-contiguous.

    An rgb8 image without padding is a view of the message's data, anything else a copy.

    Raises:
        ImageError: an image that is empty or too large, an unsupported encoding, a step or data
            too short for it.
    """
    layout = LAYOUTS.get(msg.encoding)
    if layout is None:
        return _other_encoding_to_rgb(msg)
    pixels = _pixels(msg, layout)
    with _errors_named(msg.encoding, f"cannot be {msg.width} x {msg.height}"):
        if layout.conversion is None:
            return np.ascontiguousarray(pixels)
        return cv2.cvtColor(pixels, layout.conversion)


def _other_encoding_to_rgb(msg: Image) -> NDArray[np.uint8]:
    _check_size(msg.width, msg.height)
    try:
        return cv_bridge_fallback.to_rgb(msg)
    except cv_bridge_fallback.CvBridgeFallbackError as err:
        names = ", ".join(LAYOUTS)
        raise ImageError(
            f"the encoding {msg.encoding!r} is not supported; these are: {names}; {err}"
        ) from err


def decode(msg: CompressedImage) -> NDArray[np.uint8]:
    """Return a compressed image's pixels as (height, width, 3) uint8, red first.

    Raises:
        ImageError: the data are not a JPEG or PNG, are cut short or damaged, or claim a size that
            no camera has. Damage inside a JPEG is not detected: it has no checksum.
    """
    data = bytes(msg.data)
    what = f"the compressed image ({msg.format!r}, {len(data)} bytes)"
    try:
        check_image_file(data)
    except HeaderError as err:
        raise ImageError(f"{what} {err}") from err
    with _errors_named(what, "is damaged"):
        bgr = cv2.imdecode(np.frombuffer(data, np.uint8), _SENSOR_ORIENTATION)
        if bgr is None:
            raise ImageError(f"{what} is damaged")
        return cv2.cvtColor(bgr, cv2.COLOR_BGR2RGB)


@contextmanager
def _errors_named(what: str, complaint: str) -> Iterator[None]:
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


def _check_size(width: int, height: int) -> None:
    if width == 0 or height == 0:
        raise ImageError(f"the image is empty: {width} x {height}")
    if width * height > MAX_PIXELS:
        raise ImageError(f"{width} x {height} are more pixels than any camera has, {MAX_PIXELS}")


def _pixels(msg: Image, layout: Layout) -> NDArray[np.uint8]:
    """Return the pixels without their rows' padding, (height, width, channels) uint8."""
    if layout.channels == 2 and msg.width % 2:  # OpenCV 4.6 would write beyond the last row
        raise ImageError(f"{msg.encoding} cannot be {msg.width} x {msg.height}: two pixels share a color")
    rows = pixel_rows(msg, layout.bytes_per_pixel)
    samples = rows if layout.bits == 8 else _upper_bytes(rows, big_endian=bool(msg.is_bigendian))
    return samples.reshape(msg.height, msg.width, layout.channels)


def pixel_rows(msg: Image, bytes_per_pixel: int) -> NDArray[np.uint8]:
    """Return the bytes of an image message without its rows' padding: (height, row) uint8, a view.

    Raises:
        ImageError: an empty image, a step or data too short for it.
    """
    _check_size(msg.width, msg.height)
    row = msg.width * bytes_per_pixel
    if msg.step < row:
        raise ImageError(f"step is {msg.step} bytes, but {msg.width} pixels of {msg.encoding} take {row}")
    needed = (msg.height - 1) * msg.step + row  # the last row may come without its padding
    if len(msg.data) < needed:
        raise ImageError(
            f"data has {len(msg.data)} bytes, but {msg.height} rows with a step of {msg.step} take {needed}"
        )
    return np.ndarray((msg.height, row), np.uint8, msg.data, strides=(msg.step, 1))


def _upper_bytes(rows: NDArray[np.uint8], *, big_endian: bool) -> NDArray[np.uint8]:
    """Return the more significant byte of each 16-bit sample."""
    return rows[:, 0 if big_endian else 1 :: 2]


def to_image(pixels: NDArray[np.uint8], encoding: str, header: Header) -> Image:
    """Return (height, width) or (height, width, channels) uint8 pixels as an image message."""
    height, width = pixels.shape[:2]
    msg = Image(header=header, height=height, width=width, encoding=encoding)
    msg.step = pixels.nbytes // height
    msg.data = byte_array(pixels)
    return msg


def byte_array(data: NDArray[np.uint8]) -> array.array[int]:
    """Return the bytes of an array or view in the type that rclpy takes without a check.

    Any other sequence is checked byte by byte, which takes seconds for a large image.
    """
    octets = array.array("B")
    octets.frombytes(np.ascontiguousarray(data).data.cast("B"))
    return octets


_JPEG_QUALITY = 95


def compressed_message(bgr: NDArray[np.uint8], header: Header) -> CompressedImage:
    """Return a (height, width, 3) uint8 image, blue first, as a JPEG.

    Raises:
        FrameError: the image is wider or higher than a JPEG can be, 65,535 pixels.
    """
    encoded, jpeg = cv2.imencode(".jpg", bgr, (cv2.IMWRITE_JPEG_QUALITY, _JPEG_QUALITY))
    if not encoded:
        raise FrameError(f"{bgr.shape[1]} x {bgr.shape[0]} pixels do not fit into a JPEG")
    message = CompressedImage(header=header, format="bgr8; jpeg compressed bgr8")
    message.data = byte_array(jpeg)
    return message


@dataclass(frozen=True)
class ImageTransport:
    """A topic that images come on.

    Attributes:
        topic: relative to the node.
        message_type: what is published there.
        read: turns a serialized message into its fields; raises ``cdr.CdrError``.
        to_rgb: turns the fields into (height, width, 3) uint8; raises ``images.ImageError``.
    """

    topic: str
    message_type: type
    read: Callable[[bytes], RawImage | RawCompressedImage]
    to_rgb: Callable[..., NDArray[np.uint8]]


TRANSPORTS = {
    "raw": ImageTransport("image", Image, cdr.read_image, to_rgb),
    "compressed": ImageTransport("image/compressed", CompressedImage, cdr.read_compressed_image, decode),
}
