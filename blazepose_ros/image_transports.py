"""How images come in: the topics and message types of each transport, and how to read them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from sensor_msgs.msg import CompressedImage, Image

from blazepose_ros import cdr, images
from blazepose_ros.cdr import RawCompressedImage, RawImage


@dataclass(frozen=True)
class ImageTransport:
    """One way for images to come in.

    Attributes:
        topic: relative to the node.
        message_type: what is published there.
        read: turns a serialised message into its fields; raises ``cdr.CdrError``.
        to_rgb: turns the fields into (height, width, 3) uint8; raises ``images.ImageError``.
    """

    topic: str
    message_type: type
    read: Callable[[bytes], RawImage | RawCompressedImage]
    to_rgb: Callable[..., NDArray[np.uint8]]


TRANSPORTS = {
    "raw": ImageTransport("image", Image, cdr.read_image, images.to_rgb),
    "compressed": ImageTransport(
        "image/compressed", CompressedImage, cdr.read_compressed_image, images.decode
    ),
}
