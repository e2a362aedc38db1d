# SPDX-License-Identifier: Apache-2.0
"""The bytes of messages in recordings."""

import pytest
from rclpy.serialization import deserialize_message, serialize_message
from std_msgs.msg import Header
from support.transforms import transform
from tf2_msgs.msg import TFMessage

from blazepose_ros.cli.bag import message_types
from blazepose_ros.cli.bag.message_types import serialized

# Encapsulation, count and stamp, then "a" and "b" with lengths and ends, each up to a multiple of 4; the next
# number has 8 bytes.
PADDING = {*range(4 + 18, 4 + 20), *range(4 + 26, 4 + 32)}


def test_between_fields_are_zeros_whatever_was_in_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    message = TFMessage(transforms=[transform("a", "b", (1.0, 2.0, 3.0))])

    def with_leftovers(of: object) -> bytes:
        data = bytearray(serialize_message(of))
        for place in PADDING:
            data[place] = 0xAA
        return bytes(data)

    monkeypatch.setattr(message_types, "serialize_message", with_leftovers)
    data = serialized(message)
    assert {data[place] for place in PADDING} == {0}
    assert deserialize_message(data, TFMessage) == message


def test_what_is_serialized_stays_as_it_is() -> None:
    assert serialized(b"bytes") == b"bytes"
    assert deserialize_message(serialized(Header(frame_id="eye")), Header).frame_id == "eye"
