# SPDX-License-Identifier: Apache-2.0
"""Messages as bytes: reads and writes CDR in place, without copying pixels; stamps and frames of headers.

The format is plain CDR as RTPS 2.5 (chapter 10) and OMG's DDS-XTypes 1.3 (7.4.1) define it:
four bytes of encapsulation, then the fields, each aligned to its own size.
"""

from __future__ import annotations

import array
import ctypes
import struct
import sys
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray
from sensor_msgs.msg import CameraInfo, RegionOfInterest
from std_msgs.msg import Header

from blazepose_ros.core.errors import BlazePoseError
from blazepose_ros.core.timestamps import NS_PER_S


def stamp_ns(header: Header) -> int:
    """Return a header's stamp in nanoseconds; unlike rclpy's Time, it may be before the epoch."""
    return header.stamp.sec * NS_PER_S + header.stamp.nanosec


def header_message(stamp_ns: int, frame_id: str) -> Header:
    """Return a header for a stamp in nanoseconds."""
    header = Header(frame_id=frame_id)
    header.stamp.sec, header.stamp.nanosec = divmod(stamp_ns, NS_PER_S)
    return header


# A message as it comes over the wire; a view is of memory that is the message's own.
SerializedMessage: TypeAlias = bytes | memoryview

ENCAPSULATION_BYTES = 4
_DOUBLE_BYTES = 8
LITTLE_ENDIAN, BIG_ENDIAN = "<", ">"
# No frame, encoding or format has a longer name; a longer one is not passed on to other nodes.
MAX_TEXT_BYTES = 1024
NATIVE = LITTLE_ENDIAN if sys.byteorder == "little" else BIG_ENDIAN
BYTE_ORDERS = {b"\x00\x00": BIG_ENDIAN, b"\x00\x01": LITTLE_ENDIAN}


class CdrError(BlazePoseError, ValueError):
    """Bytes that are not a message of this type."""


@dataclass(frozen=True)
class RawImage:
    """The fields of sensor_msgs/Image; data is a view of the received bytes."""

    header: Header
    height: int
    width: int
    encoding: str
    is_bigendian: int
    step: int
    data: memoryview


@dataclass(frozen=True)
class RawCompressedImage:
    """The fields of sensor_msgs/CompressedImage; data is a view of the received bytes."""

    header: Header
    format: str
    data: memoryview


def read_image(serialized: SerializedMessage) -> RawImage:
    """Return a serialized sensor_msgs/Image.

    Raises:
        CdrError: it ends too early, or is not plain CDR.
    """
    reader = CdrReader(serialized)
    header, (height, width) = reader.header(), reader.uint32s(2)
    return RawImage(
        header=header,
        height=height,
        width=width,
        encoding=reader.string(),
        is_bigendian=reader.uint8(),
        step=reader.uint32(),
        data=reader.octets(),
    )


def read_compressed_image(serialized: SerializedMessage) -> RawCompressedImage:
    """Return a serialized sensor_msgs/CompressedImage.

    Raises:
        CdrError: it ends too early, or is not plain CDR.
    """
    reader = CdrReader(serialized)
    return RawCompressedImage(header=reader.header(), format=reader.string(), data=reader.octets())


def read_camera_info(serialized: SerializedMessage) -> CameraInfo:
    """Return a serialized sensor_msgs/CameraInfo.

    The middleware would drop a damaged one without a word.

    Raises:
        CdrError: it ends too early, or is not plain CDR.
    """
    reader = CdrReader(serialized)
    msg = CameraInfo(header=reader.header())
    msg.height, msg.width = reader.uint32s(2)
    msg.distortion_model = reader.string()
    msg.d = reader.doubles(reader.uint32())
    msg.k, msg.r, msg.p = (reader.doubles(len(matrix)) for matrix in (msg.k, msg.r, msg.p))
    msg.binning_x, msg.binning_y = reader.uint32s(2)
    x, y, height, width = reader.uint32s(4)
    rectify = bool(reader.uint8())
    msg.roi = RegionOfInterest(x_offset=x, y_offset=y, height=height, width=width, do_rectify=rectify)
    return msg


def read_origin(serialized: SerializedMessage) -> tuple[int, str]:
    """Return the stamp in nanoseconds and the frame of a message that starts with a header.

    Raises:
        CdrError: it ends too early, or is not plain CDR.
    """
    reader = CdrReader(serialized)
    return reader.stamp_ns(), reader.string()


class CdrReader:
    """Takes one field after the other from a serialized message."""

    def __init__(self, serialized: SerializedMessage) -> None:
        self._body = memoryview(serialized)[ENCAPSULATION_BYTES:]
        encapsulation = bytes(serialized[:2])
        self._order = BYTE_ORDERS.get(encapsulation, "")
        if not self._order:
            raise CdrError(f"the encapsulation is {encapsulation.hex() or 'missing'}, not plain CDR")
        self._at = 0

    def header(self) -> Header:
        """Take a std_msgs/Header."""
        header = Header()
        header.stamp.sec, header.stamp.nanosec = self._numbers("iI")
        header.frame_id = self.string()
        return header

    def stamp_ns(self) -> int:
        """Take a builtin_interfaces/Time, in nanoseconds."""
        seconds, nanoseconds = self._numbers("iI")
        return seconds * NS_PER_S + nanoseconds

    def uint8(self) -> int:
        """Take a uint8."""
        return self._numbers("B")[0]

    def uint32(self) -> int:
        """Take a uint32."""
        return self._numbers("I")[0]

    def uint32s(self, count: int) -> tuple[int, ...]:
        """Take a number of uint32."""
        return self._numbers("I" * count)

    def string(self) -> str:
        """Take a string, whose length counts the zero at its end."""
        octets = self.octets()
        if len(octets) > MAX_TEXT_BYTES:
            raise CdrError(f"a text has {len(octets)} bytes, more than {MAX_TEXT_BYTES}")
        try:
            text = bytes(octets).removesuffix(b"\0").decode()
        except UnicodeDecodeError as err:
            raise CdrError("a text is not UTF-8") from err
        if "\0" in text:
            raise CdrError("a text has a zero within")
        return text

    def octets(self) -> memoryview:
        """Take a sequence of bytes as a view."""
        return self._take(self.uint32())

    def doubles(self, count: int) -> array.array[float]:
        """Take a number of float64."""
        if count:
            self._align(_DOUBLE_BYTES)
        values = array.array("d", bytes(self._take(count * _DOUBLE_BYTES)))
        if self._order != NATIVE:
            values.byteswap()
        return values

    def array(self, count: int, dtype: type[np.floating]) -> NDArray:
        """Take a number of floating-point numbers."""
        kind = np.dtype(dtype)
        self._align(kind.itemsize)
        taken = np.frombuffer(self._take(count * kind.itemsize), kind)
        return taken if self._order == NATIVE else taken.byteswap()

    def _take(self, length: int) -> memoryview:
        start, self._at = self._at, self._at + length
        if self._at > len(self._body):
            raise CdrError(f"the message ends {self._at - len(self._body)} bytes too early")
        return self._body[start : self._at]

    def _align(self, size: int) -> None:
        self._at += -self._at % size

    def _numbers(self, kinds: str) -> tuple[int, ...]:
        """Take numbers of one size; the kinds are those of `struct`."""
        self._align(struct.calcsize(kinds[0]))
        try:
            values = struct.unpack_from(self._order + kinds, self._body, self._at)
        except struct.error as err:
            raise CdrError("the message ends too early") from err
        self._at += struct.calcsize(kinds)
        return values


ENCAPSULATION = next(code for code, order in BYTE_ORDERS.items() if order == NATIVE) + bytes(2)


class CdrWriter:
    """Appends one field after the other to a message, each aligned to its own size."""

    def __init__(self) -> None:
        self.message = bytearray(ENCAPSULATION)

    def header(self, header: Header) -> None:
        """Append a std_msgs/Header."""
        self.numbers("iI", header.stamp.sec, header.stamp.nanosec)
        self.string(header.frame_id)

    def string(self, text: str) -> None:
        """Append a string."""
        octets = text.encode() + b"\0"
        self.numbers("I", len(octets))
        self.message += octets

    def numbers(self, kinds: str, *values: float) -> None:
        """Append numbers; the kinds are those of `struct`.

        The last one must be the largest; padding between them is given as ``x``.
        """
        self.align(struct.calcsize(kinds[-1]))
        self.message += struct.pack(f"={kinds}", *values)

    def array(self, values: NDArray, dtype: type[np.floating]) -> None:
        """Append all numbers of an array as numbers of one type."""
        self.align(np.dtype(dtype).itemsize)
        self.message += values.astype(dtype, copy=False).tobytes()

    def align(self, size: int) -> int:
        """Fill up to a multiple of a size; return how many bytes there are, without the encapsulation."""
        self.message += bytes(-(len(self.message) - ENCAPSULATION_BYTES) % size)
        return len(self.message) - ENCAPSULATION_BYTES


# The stamp of a message that starts with a header follows the encapsulation. Machines that ROS 2
# runs on are little-endian.
_STAMP = struct.Struct("<iI")
STAMP_END = ENCAPSULATION_BYTES + _STAMP.size


def read_stamp_ns(serialized: SerializedMessage) -> int:
    """Return the stamp of a message that starts with a header, in nanoseconds."""
    seconds, nanoseconds = _STAMP.unpack_from(serialized, ENCAPSULATION_BYTES)
    return int(seconds * NS_PER_S + nanoseconds)


def write_stamp_ns(serialized: bytes, stamp_ns: int) -> None:
    """Put a stamp into a message that starts with a header.

    rclpy publishes serialized messages from ``bytes`` alone. New ones would copy the image after
    it was stamped, so these are changed in place: the caller must hold the only reference.
    """
    stamp = _STAMP.pack(*divmod(stamp_ns, NS_PER_S))
    if len(serialized) < STAMP_END:
        raise ValueError(f"{len(serialized)} bytes are not a message with a header")
    address = ctypes.cast(ctypes.c_char_p(serialized), ctypes.c_void_p).value or 0
    ctypes.memmove(address + ENCAPSULATION_BYTES, stamp, len(stamp))
