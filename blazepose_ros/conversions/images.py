# SPDX-License-Identifier: Apache-2.0
"""Image messages as RGB arrays and back: one conversion at most, every field checked first.

Encodings that the table of layouts lacks are left to cv_bridge, where that is installed.
"""

from __future__ import annotations

import array
from collections.abc import Callable
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray
from sensor_msgs.msg import CompressedImage, Image
from std_msgs.msg import Header

from blazepose_ros.conversions import cdr, cv_bridge_fallback
from blazepose_ros.conversions.cdr import RawCompressedImage, RawImage, SerializedMessage
from blazepose_ros.conversions.compressed_images import decode
from blazepose_ros.conversions.encodings import LAYOUTS, PLANAR_LAYOUTS, Layout, PlanarLayout
from blazepose_ros.conversions.image_stream import ImageError, ImageStream, check_size, errors_named
from blazepose_ros.core.frame_sources.frame_source import FrameError
from blazepose_ros.core.text import quoted


def to_rgb(msg: Image, stream: ImageStream | None = None) -> NDArray[np.uint8]:
    """Return an image message's pixels as (height, width, 3) uint8, red first, C-contiguous.

    An rgb8 image without padding is a view of the message's data, anything else a copy. Samples of
    16 bits are taken for as many bits as the images of a stream use.

    Args:
        msg: the message.
        stream: what holds from one image to the next; None for a single image.

    Raises:
        ImageError: an image that is empty or too large, an unsupported encoding, a step or data
            too short for it.
    """
    stream = stream or ImageStream()
    layout = LAYOUTS.get(msg.encoding)
    if layout is None:
        return _other_encoding_to_rgb(msg, stream)
    if msg.width * msg.height > stream.max_pixels:
        check_size(msg.width, msg.height, stream.max_pixels)
    pixels = _pixels(msg, layout, stream)
    with errors_named(msg.encoding, f"cannot be {msg.width} x {msg.height}"):
        if layout.conversion is None:
            return np.ascontiguousarray(pixels)
        return cv2.cvtColor(pixels, layout.conversion)


def _other_encoding_to_rgb(msg: Image, stream: ImageStream) -> NDArray[np.uint8]:
    check_size(msg.width, msg.height, stream.max_pixels)
    if msg.encoding in PLANAR_LAYOUTS:
        with errors_named(msg.encoding, f"cannot be {msg.width} x {msg.height}"):
            return _planes_to_rgb(msg, PLANAR_LAYOUTS[msg.encoding])
    try:
        return cv_bridge_fallback.to_rgb(msg)
    except cv_bridge_fallback.CvBridgeFallbackError as err:
        names = ", ".join((*LAYOUTS, *PLANAR_LAYOUTS))
        raise ImageError(
            f"the encoding {quoted(msg.encoding)} is not supported; these are: {names}; {err}"
        ) from err


def _planes_to_rgb(msg: Image, layout: PlanarLayout) -> NDArray[np.uint8]:
    """Return the pixels of an image whose luma and color lie one after the other."""
    width, height, step = msg.width, msg.height, msg.step
    if width % 2 or height % 2:
        raise ImageError(f"{msg.encoding} cannot be {width} x {height}: two by two pixels share a color")
    tight = width * height + sum(rows * row for rows, row, _ in layout.color_planes(width, height, width))
    if len(msg.data) == tight:  # then drivers give various steps, all planes' bytes per row for example
        step = width
    luma = pixel_rows(msg, 1, step)
    planes, at = [luma], height * step
    for rows, row, plane_step in layout.color_planes(width, height, step):
        end = at + (rows - 1) * plane_step + row
        if len(msg.data) < end:
            raise ImageError(
                f"data has {len(msg.data)} bytes, but {msg.encoding} with a step of {step} takes {end}"
            )
        planes.append(np.ndarray((rows, row), np.uint8, msg.data, at, (plane_step, 1)))
        at += rows * plane_step
    if layout.full:  # OpenCV has no conversion of it
        planes[1] = planes[1].reshape(height, width // 2, 4)[::2, :, :2]
    samples = np.concatenate([plane.ravel() for plane in planes])
    return cv2.cvtColor(samples.reshape(height * 3 // 2, width), layout.conversion)


def _pixels(msg: Image, layout: Layout, stream: ImageStream) -> NDArray[np.uint8]:
    """Return the pixels without their rows' padding, (height, width, channels) uint8."""
    if layout.channels == 2 and msg.width % 2:  # OpenCV 4.6 would write beyond the last row
        raise ImageError(f"{msg.encoding} cannot be {msg.width} x {msg.height}: two pixels share a color")
    rows = pixel_rows(msg, layout.bytes_per_pixel)
    if layout.bits == 8:
        return rows.reshape(msg.height, msg.width, layout.channels)
    words = rows.view(">u2" if msg.is_bigendian else "<u2").reshape(msg.height, msg.width, layout.channels)
    samples = stream.range_of(msg.header.frame_id, msg.encoding)
    return samples.eight_bits(words, gray=layout.conversion == cv2.COLOR_GRAY2RGB)


def pixel_rows(msg: Image, bytes_per_pixel: int, step: int | None = None) -> NDArray[np.uint8]:
    """Return the bytes of an image message without its rows' padding: (height, row) uint8, a view.

    Args:
        msg: the message.
        bytes_per_pixel: bytes that one pixel takes in a row.
        step: bytes from one row to the next, where the message's is not to be believed.

    Raises:
        ImageError: an empty image, a step or data too short for it.
    """
    check_size(msg.width, msg.height)
    row, step = msg.width * bytes_per_pixel, msg.step if step is None else step
    if step < row:
        raise ImageError(f"step is {step} bytes, but {msg.width} pixels of {msg.encoding} take {row}")
    needed = (msg.height - 1) * step + row  # the last row may come without its padding
    if len(msg.data) < needed:
        raise ImageError(
            f"data has {len(msg.data)} bytes, but {msg.height} rows with a step of {step} take {needed}"
        )
    return np.ndarray((msg.height, row), np.uint8, msg.data, strides=(step, 1))


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
        to_rgb: turns the fields, and the stream, into (height, width, 3) uint8; raises
            ``images.ImageError``.
    """

    topic: str
    message_type: type
    read: Callable[[SerializedMessage], RawImage | RawCompressedImage]
    to_rgb: Callable[..., NDArray[np.uint8]]


TRANSPORTS = {
    "raw": ImageTransport("image", Image, cdr.read_image, to_rgb),
    "compressed": ImageTransport("image/compressed", CompressedImage, cdr.read_compressed_image, decode),
}
