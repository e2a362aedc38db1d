# SPDX-License-Identifier: Apache-2.0
"""Serialized messages of both byte orders, and stamps that are read and written in place."""

import struct
from typing import Any

import pytest
from builtin_interfaces.msg import Time
from rclpy.serialization import deserialize_message, serialize_message
from sensor_msgs.msg import CameraInfo, CompressedImage, Image, RegionOfInterest
from std_msgs.msg import Header

from blazepose_ros.conversions.cdr import (
    MAX_TEXT_BYTES,
    CdrError,
    CdrReader,
    header_message,
    read_camera_info,
    read_compressed_image,
    read_image,
    read_stamp_ns,
    stamp_ns,
    write_stamp_ns,
)

BYTE_ORDERS = {"<": b"\x00\x01\x00\x00", ">": b"\x00\x00\x00\x00"}


class Writer:
    """Writes CDR in either byte order, by the rules of the standard."""

    def __init__(self, order: Any) -> None:
        self.order, self.body = order, b""

    def put(self, kind: Any, *values: Any) -> Any:
        size = struct.calcsize(f"={kind}")
        for value in values:
            self.body += bytes(-len(self.body) % size) + struct.pack(self.order + kind, value)
        return self

    def text(self, text: Any) -> Any:
        return self.octets(text.encode() + b"\0")

    def octets(self, octets: Any) -> Any:
        self.put("I", len(octets))
        self.body += octets
        return self

    @property
    def message(self) -> Any:
        return BYTE_ORDERS[self.order] + self.body


def header(order: Any, frame_id: str = "camera") -> Any:
    return Writer(order).put("i", -7).put("I", 3_000_000_000).text(frame_id)


@pytest.mark.parametrize("order", BYTE_ORDERS)
@pytest.mark.parametrize("model", ["plumb_bob", "", "a"])  # all alignments of what follows
@pytest.mark.parametrize("d", [(), (-0.25, 0.5), (1.0, 2.0, 3.0, 4.0, 5.0)])
def test_a_calibration_of_either_byte_order_is_read(order: str, model: str, d: Any) -> None:
    k, r, p = (tuple(float(i + start) for i in range(count)) for start, count in ((10, 9), (20, 9), (30, 12)))
    writer = header(order).put("I", 480, 3_000_000_000).text(model).put("I", len(d)).put("d", *d, *k, *r, *p)
    writer.put("I", 2, 3, 40, 50, 60, 70).put("B", 1)
    msg = read_camera_info(writer.message)
    assert (msg.header.stamp.sec, msg.header.stamp.nanosec, msg.header.frame_id) == (
        -7,
        3_000_000_000,
        "camera",
    )
    assert (msg.height, msg.width, msg.distortion_model) == (480, 3_000_000_000, model)
    assert (tuple(msg.d), tuple(msg.k), tuple(msg.r), tuple(msg.p)) == (d, k, r, p)
    assert (msg.binning_x, msg.binning_y) == (2, 3)
    region = RegionOfInterest(x_offset=40, y_offset=50, height=60, width=70, do_rectify=True)
    assert msg.roi == region


@pytest.mark.parametrize("order", BYTE_ORDERS)
@pytest.mark.parametrize("encoding", ["rgb8", "mono8", "8UC3"])
def test_an_image_of_either_byte_order_is_read(order: str, encoding: str) -> None:
    writer = header(order, "c").put("I", 3, 2_147_483_650).text(encoding).put("B", 1)
    msg = read_image(writer.put("I", 3_000_000_001).octets(b"pixels").message)
    assert (msg.height, msg.width, msg.encoding, msg.is_bigendian) == (3, 2_147_483_650, encoding, 1)
    assert (msg.step, bytes(msg.data)) == (3_000_000_001, b"pixels")


@pytest.mark.parametrize("order", BYTE_ORDERS)
def test_a_compressed_image_of_either_byte_order_is_read(order: str) -> None:
    msg = read_compressed_image(header(order).text("jpeg").octets(b"\xff\xd8").message)
    assert (msg.header.frame_id, msg.format, bytes(msg.data)) == ("camera", "jpeg", b"\xff\xd8")


@pytest.mark.parametrize("message_type", [Image, CompressedImage, CameraInfo])
def test_what_rclpy_writes_is_read_to_the_last_byte(message_type: Any) -> None:
    read = {Image: read_image, CompressedImage: read_compressed_image, CameraInfo: read_camera_info}[
        message_type
    ]
    msg = message_type(header=Header(stamp=Time(sec=5, nanosec=6), frame_id="eye"))
    serialized = serialize_message(msg)
    assert read(serialized).header == msg.header
    with pytest.raises(CdrError, match=r"the message ends .* early"):
        read(serialized[:12])


@pytest.mark.parametrize(
    ("start", "name"), [(b"\x00\x02", "0002"), (b"\x01\x00", "0100"), (b"", "missing"), (b"\x00", "00")]
)
def test_other_encapsulations_are_named(start: bytes, name: str) -> None:
    with pytest.raises(CdrError, match=f"^the encapsulation is {name}, not plain CDR$"):
        CdrReader(start + b"\0\0" * bool(start[1:]))


@pytest.mark.parametrize(("text", "complaint"), [
    (b"\xff\xfe\0", "^a text is not UTF-8$"),
    (b"a\0b\0", "^a text has a zero within$"),
    (b"a" * 1024 + b"\0", f"^a text has 1025 bytes, more than {MAX_TEXT_BYTES}$"),
])  # fmt: skip
def test_a_text_that_is_none_says_why(text: Any, complaint: str) -> None:
    with pytest.raises(CdrError, match=complaint):
        CdrReader(Writer("<").octets(text).message).string()


def test_a_text_may_be_as_long_as_is_said_and_needs_no_zero_at_its_end() -> None:
    assert CdrReader(Writer("<").octets(b"a" * 1024).message).string() == "a" * 1024


@pytest.mark.parametrize("missing", [1, 2, 5])
def test_a_message_that_is_cut_says_by_how_much(missing: int) -> None:
    whole = Writer("<").octets(b"abcdefgh").message
    with pytest.raises(CdrError, match=f"^the message ends {missing} bytes too early$"):
        CdrReader(whole[:-missing]).octets()
    with pytest.raises(CdrError, match=r"^the message ends too early$"):
        CdrReader(whole[:7]).uint32()


@pytest.mark.parametrize("ns", [0, 1, 999_999_999, 1_000_000_000, 12_000_000_345, -1, 2**31 * 10**9 - 1])
def test_a_stamp_is_written_in_place_and_read_again(ns: Any) -> None:
    serialized = bytes(bytearray(serialize_message(Image(encoding="rgb8", header=Header(frame_id="eye")))))
    before = serialized[12:]
    write_stamp_ns(serialized, ns)
    assert read_stamp_ns(serialized) == ns
    msg = deserialize_message(serialized, Image)
    assert stamp_ns(msg.header) == ns
    assert serialized[12:] == before


@pytest.mark.parametrize("length", [0, 11, 12])
def test_bytes_without_room_for_a_stamp_are_no_message(length: int) -> None:
    serialized = bytes(bytearray(length))
    if length == 12:
        write_stamp_ns(serialized, 10**9)
        assert serialized == b"\0\0\0\0\1\0\0\0\0\0\0\0"
    else:
        with pytest.raises(ValueError, match=f"^{length} bytes are not a message with a header$"):
            write_stamp_ns(serialized, 10**9)


@pytest.mark.parametrize(("ns", "parts"), [(0, (0, 0)), (3_000_000_007, (3, 7)), (-1, (-1, 999_999_999))])
def test_a_header_has_seconds_and_nanoseconds(ns: int, parts: tuple[int, int]) -> None:
    made = header_message(ns, "eye")
    assert (made.stamp.sec, made.stamp.nanosec, made.frame_id) == (*parts, "eye")
    assert stamp_ns(made) == ns
