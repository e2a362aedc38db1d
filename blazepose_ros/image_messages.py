"""Pixels as Image messages."""

from __future__ import annotations

import array

import numpy as np
from numpy.typing import NDArray
from sensor_msgs.msg import Image
from std_msgs.msg import Header

from blazepose_ros.nanoseconds import NS_PER_S


def to_image(pixels: NDArray[np.uint8], encoding: str, header: Header) -> Image:
    """Return (height, width) or (height, width, channels) uint8 pixels as an image message."""
    height, width = pixels.shape[:2]
    msg = Image(header=header, height=height, width=width, encoding=encoding)
    msg.step = pixels.nbytes // height
    msg.data = byte_array(pixels)
    return msg


def byte_array(data: NDArray[np.uint8]) -> array.array[int]:
    """Return the bytes of an array, a view included, in the type that rclpy takes as it is.

    Any other sequence it checks byte by byte, which takes seconds for a large image.
    """
    octets = array.array("B")
    octets.frombytes(np.ascontiguousarray(data).data.cast("B"))
    return octets


def stamp_ns(header: Header) -> int:
    """Return a header's stamp in nanoseconds; unlike rclpy's Time, it may be before the epoch."""
    return header.stamp.sec * NS_PER_S + header.stamp.nanosec
