# SPDX-License-Identifier: Apache-2.0
"""Image messages read from the wire, against rclpy's own serialization."""

import re
from contextlib import suppress
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

pytest.importorskip("rclpy", reason="rclpy is not installed")

from rclpy.serialization import serialize_message
from sensor_msgs.msg import CameraInfo, CompressedImage, Image, RegionOfInterest

from blazepose_ros.conversions.cdr import CdrError, read_camera_info, read_compressed_image, read_image


def image(frame_id: str = "camera", encoding: str = "rgb8", data: Any = b"\1\2\3") -> Image:
    msg = Image(height=1, width=2, encoding=encoding, is_bigendian=1, step=6)
    msg.header.frame_id = frame_id
    msg.header.stamp.sec, msg.header.stamp.nanosec = -5, 999_999_999
    msg.data.frombytes(data)
    return msg


@given(
    frame_id=st.text("abc/é", max_size=9), encoding=st.text("rgb8", max_size=9), data=st.binary(max_size=9)
)
def test_every_field_of_an_image_is_read_at_any_alignment(frame_id: str, encoding: str, data: bytes) -> None:
    msg = image(frame_id, encoding, data)
    read = read_image(bytes(serialize_message(msg)))
    assert read.header == msg.header
    assert (read.height, read.width, read.encoding, read.is_bigendian, read.step) == (1, 2, encoding, 1, 6)
    assert bytes(read.data) == data


@given(
    frame_id=st.text("abc", max_size=9),
    model=st.text("plumb_bob", max_size=9),
    d=st.lists(st.floats(allow_nan=False), max_size=9),
)
def test_every_field_of_a_calibration_is_read_at_any_alignment(frame_id: str, model: str, d: Any) -> None:
    msg = CameraInfo(height=3, width=4, distortion_model=model, d=d, binning_x=5, binning_y=6)
    msg.header.frame_id = frame_id
    msg.k, msg.r, msg.p = np.arange(9.0), np.arange(10.0, 19), np.arange(20.0, 32)
    msg.roi = RegionOfInterest(x_offset=7, y_offset=8, height=9, width=10, do_rectify=True)
    assert read_camera_info(bytes(serialize_message(msg))) == msg


@given(format_=st.text("jpeg; png", max_size=9), data=st.binary(max_size=9))
def test_every_field_of_a_compressed_image_is_read(format_: str, data: bytes) -> None:
    msg = CompressedImage(format=format_)
    msg.header.frame_id = "camera"
    msg.data.frombytes(data)
    read = read_compressed_image(bytes(serialize_message(msg)))
    assert (read.header, read.format, bytes(read.data)) == (msg.header, format_, data)


def test_the_pixels_are_a_view_of_what_was_received() -> None:
    serialized = bytes(serialize_message(image()))
    assert read_image(serialized).data.obj is serialized


def test_big_endian_messages_are_read() -> None:
    serialized = (
        bytes.fromhex("00000000 00000007 00000009 00000004") + b"cam\0"
        + bytes.fromhex("00000002 00000003 00000006") + b"mono8\0" + b"\1\0"
        + bytes.fromhex("00000003 00000002 aabb")
    )  # fmt: skip
    read = read_image(serialized)
    assert (read.header.stamp.sec, read.header.stamp.nanosec, read.header.frame_id) == (7, 9, "cam")
    assert (read.height, read.width, read.encoding, read.is_bigendian, read.step) == (2, 3, "mono8", 1, 3)
    assert bytes(read.data) == b"\xaa\xbb"


READERS = {
    read_image: image(),
    read_compressed_image: CompressedImage(format="jpeg", data=[1, 2, 3]),
    read_camera_info: CameraInfo(distortion_model="plumb_bob", d=[0.0] * 5),
}


@pytest.mark.parametrize("read", READERS)
def test_a_message_that_ends_anywhere_too_early_is_refused(read: Any) -> None:
    msg = READERS[read]
    serialized = bytes(serialize_message(msg))
    whole = len(serialized) - (len(serialized) - 4) % 4  # the middleware may pad the end
    read(serialized[:whole] if whole == len(serialized) else serialized)
    for length in range(whole - 4):
        with pytest.raises(CdrError, match=r"too early|encapsulation"):
            read(serialized[:length])


ENCAPSULATIONS = st.sampled_from([b"\0\0\0\0", b"\0\1\0\0"])


@given(ENCAPSULATIONS, st.binary(max_size=80))
def test_arbitrary_bytes_are_a_message_or_an_error(encapsulation: Any, body: bytes) -> None:
    for read in READERS:
        with suppress(CdrError):
            read(encapsulation + body)


@given(st.data())
def test_a_damaged_message_is_a_message_of_its_type_or_an_error(data: Any) -> None:
    """A flag, a number or a text is another one, or a length does not fit: the reader never reads beyond."""
    read = data.draw(st.sampled_from(list(READERS)))
    damaged = bytearray(serialize_message(READERS[read]))
    message_type = type(read(bytes(damaged)))
    at = data.draw(st.integers(4, len(damaged) - 1))
    damaged[at] = data.draw(st.integers(0, 255).filter(lambda value: value != damaged[at]))
    try:
        outcome = read(bytes(damaged))
    except CdrError as err:
        outcome = str(err)
    if isinstance(outcome, str):
        assert re.search("too early|a text has|not UTF-8", outcome)
    else:
        assert isinstance(outcome, message_type)


def test_another_encapsulation_is_named() -> None:
    with pytest.raises(CdrError, match="encapsulation is 0007"):
        read_image(b"\x00\x07" + bytes(serialize_message(image()))[2:])


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("x" * 1024, "a text has 1025 bytes, more than 1024"),
        ("camera\0shadow", "a text has a zero within"),
    ],
)
def test_a_text_that_names_nothing_is_refused(text: Any, complaint: str) -> None:
    body = bytes(8) + len(text.encode() + b"\0").to_bytes(4, "little") + text.encode() + b"\0"
    with pytest.raises(CdrError, match=complaint):
        read_image(b"\x00\x01\x00\x00" + body)
