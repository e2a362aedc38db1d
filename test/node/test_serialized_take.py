# SPDX-License-Identifier: Apache-2.0
"""Messages that are taken past rclpy, in the memory where the middleware has put them."""

import ctypes
import gc
import weakref
from collections.abc import Iterator
from types import ModuleType, SimpleNamespace
from typing import Any

import numpy as np
import pytest
from rclpy.impl.implementation_singleton import rclpy_implementation
from rclpy.qos import QoSProfile
from rclpy.serialization import deserialize_message
from std_msgs.msg import String
from support.waiting import wait_until

from blazepose_ros.nodes.common import serialized_take
from blazepose_ros.nodes.common.serialized_take import take_serialized

QOS = QoSProfile(depth=5)


class Topic:
    """A publisher and its subscriptions, which no executor looks at."""

    def __init__(self, ros: ModuleType, name: str) -> None:
        self.node = ros.create_node(name)
        self.publisher = self.node.create_publisher(String, "words", QOS)

    def subscribe(self) -> Any:
        before = self.publisher.get_subscription_count()
        subscription = self.node.create_subscription(String, "words", lambda _: None, QOS, raw=True)
        wait_until(lambda: self.publisher.get_subscription_count() > before)
        return subscription

    def taken(self, subscription: Any, word: str) -> tuple[Any, Any]:
        """Return a message that is published now, as it was taken."""
        self.publisher.publish(String(data=word))
        came: list[Any] = []
        wait_until(lambda: came.append(take_serialized(subscription)) or came[-1])
        return came[-1]


@pytest.fixture
def topic(ros: ModuleType) -> Iterator[Topic]:
    topic = Topic(ros, "taking")
    yield topic
    topic.node.destroy_node()


def word_in(message: Any) -> str:
    return deserialize_message(bytes(message), String).data


def test_librcl_is_found_beside_the_rclpy_that_is_tested() -> None:
    assert serialized_take._LIBRCL is not None


def test_message_and_what_is_said_of_it_are_those_that_rclpy_takes(topic: Topic) -> None:
    ours, theirs = topic.subscribe(), topic.subscribe()
    message, info = topic.taken(ours, "word" * 1000)
    expected: list[Any] = []
    wait_until(lambda: expected.append(theirs.handle.take_message(String, True)) or expected[-1])
    serialized, said = expected[-1]
    assert bytes(message) == serialized
    said = {name: value for name, value in said.items() if name != "publisher_gid"}  # which Kilted's tells
    # Each subscription receives for itself.
    assert {**info, "received_timestamp": 0} == {**said, "received_timestamp": 0}
    assert abs(info["received_timestamp"] - said["received_timestamp"]) < 10**9


def test_the_messages_are_numbered(topic: Topic) -> None:
    subscription = topic.subscribe()
    numbers = [topic.taken(subscription, "word")[1]["publication_sequence_number"] for _ in range(3)]
    assert np.diff(numbers).tolist() == [1, 1]


def test_a_message_that_is_not_there_is_none(topic: Topic) -> None:
    assert take_serialized(topic.subscribe()) is None


def test_a_message_is_octets_that_nobody_can_change(topic: Topic) -> None:
    message, _ = topic.taken(topic.subscribe(), "word")
    assert (message.format, message.ndim, message.readonly) == ("B", 1, True)


def test_views_outlive_message_next_messages_and_subscription(topic: Topic) -> None:
    subscription = topic.subscribe()
    message, _ = topic.taken(subscription, "a" * 100_000)
    view, array = message[8:-1], np.frombuffer(message, np.uint8)[8:-1]
    del message
    for letter in "bcd":
        topic.taken(subscription, letter * 100_000)
    topic.node.destroy_subscription(subscription)
    del subscription
    gc.collect()
    assert bytes(view) == array.tobytes() == b"a" * 100_000


def test_the_memory_is_freed_with_the_last_view_and_once(
    topic: Topic, monkeypatch: pytest.MonkeyPatch
) -> None:
    owners: list[Any] = []
    freed = []

    class Watched(serialized_take._TakenMessage):
        def __init__(self, rcl: Any) -> None:
            super().__init__(rcl)
            owners.append(weakref.ref(self))
            free = self._free
            self._free = lambda address: freed.append(free(address))

    monkeypatch.setattr(serialized_take, "_TakenMessage", Watched)
    message, _ = topic.taken(topic.subscribe(), "word")
    of_none = len(owners) - 1  # looked for before the message was there
    view = np.frombuffer(message[4:], np.uint8)
    del message
    assert (owners[-1]() is not None, len(freed)) == (True, of_none)
    del view
    assert owners[-1]() is None
    assert freed == [0] * len(owners)  # RCUTILS_RET_OK


def test_where_librcl_is_not_found_rclpy_takes(topic: Topic, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(serialized_take, "_LIBRCL", None)
    subscription = topic.subscribe()
    assert take_serialized(subscription) is None
    message, info = topic.taken(subscription, "word")
    assert isinstance(message, bytes)
    assert (word_in(message), info["source_timestamp"] > 0) == ("word", True)


@pytest.mark.parametrize("error", [OSError, AttributeError])
def test_another_librcl_than_that_of_ros_is_not_used(error: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(*_: object, **__: object) -> None:
        raise error

    monkeypatch.setattr(ctypes, "CDLL", missing)
    assert serialized_take._loaded_librcl() is None


def test_an_rclpy_that_does_not_tell_where_a_subscription_is_takes_itself(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(rclpy_implementation, "Subscription", object)
    assert serialized_take._loaded_librcl() is None


def test_what_rcl_cannot_take_is_an_error_in_its_words_once(topic: Topic) -> None:
    with pytest.raises(rclpy_implementation.RCLError, match="subscription pointer is invalid"):
        take_serialized(SimpleNamespace(handle=SimpleNamespace(pointer=None)))
    assert take_serialized(topic.subscribe()) is None
    is_set = serialized_take._LIBRCL.rcutils_error_is_set
    is_set.restype = ctypes.c_bool
    assert not is_set()


def test_a_message_that_there_is_no_room_for_is_a_memory_error() -> None:
    with pytest.raises(MemoryError):
        serialized_take._raise(serialized_take._LIBRCL, serialized_take._BAD_ALLOC)
