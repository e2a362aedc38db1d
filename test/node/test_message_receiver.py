# SPDX-License-Identifier: Apache-2.0
"""Messages that a thread of their own takes from one topic."""

import threading
import time
from collections.abc import Iterator
from types import ModuleType
from typing import Any

import pytest
from rclpy.executors import SingleThreadedExecutor
from rclpy.qos import QoSProfile
from rclpy.serialization import deserialize_message
from std_msgs.msg import String
from support.waiting import DEADLINE_S, wait_until

from blazepose_ros.nodes.common import message_receiver
from blazepose_ros.nodes.common.message_receiver import MessageReceiver

LATER_S = 0.5
REST_S = 0.002
QOS = QoSProfile(depth=5)


@pytest.fixture
def node(ros: ModuleType) -> Iterator[Any]:
    node = ros.create_node("receiving")
    yield node
    node.destroy_node()


@pytest.fixture
def publisher(node: Any) -> Any:
    return node.create_publisher(String, "words", QOS)


def into(received: Any) -> Any:
    return lambda message, _info: received.append(deserialize_message(bytes(message), String).data)


def publish_to(publisher: Any, word: Any) -> None:
    wait_until(publisher.get_subscription_count)
    publisher.publish(String(data=word))


def test_every_message_is_handed_over_as_it_came_without_an_executor(node: Any, publisher: Any) -> None:
    received = []
    receiver = MessageReceiver(node, String, "words", QOS, into(received))
    for word in ("one", "two", "three"):
        publish_to(publisher, word)
    wait_until(lambda: len(received) == 3)
    receiver.close()
    assert received == ["one", "two", "three"]


def test_a_message_that_is_said_to_be_there_and_is_not_is_asked_for_now_and_then(
    node: Any, publisher: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    received, asked_s = [], []

    def nothing(_subscription: Any) -> None:
        asked_s.append(time.monotonic())

    with monkeypatch.context() as patch:
        patch.setattr(message_receiver, "take_serialized", nothing)
        receiver = MessageReceiver(node, String, "words", QOS, into(received))
        publish_to(publisher, "late")
        wait_until(lambda: len(asked_s) > 20)
        # What waits in the middleware is asked for after a rest, however fast the machine is.
        assert asked_s[20] - asked_s[0] > 10 * REST_S
    wait_until(lambda: received)
    receiver.close()
    assert received == ["late"]


def test_a_busy_executor_holds_up_no_message(node: Any, publisher: Any) -> None:
    came, executor = threading.Event(), SingleThreadedExecutor()
    receiver = MessageReceiver(node, String, "words", QOS, lambda *_: came.set())
    seen = []

    def busy() -> None:
        publish_to(publisher, "now")
        seen.append(came.wait(DEADLINE_S))

    timer = node.create_timer(0.0, busy)
    executor.add_node(node)
    executor.spin_once(timeout_sec=DEADLINE_S)
    executor.remove_node(node)
    node.destroy_timer(timer)
    receiver.close()
    assert seen == [True]


def test_an_executor_is_not_woken_by_messages(node: Any, publisher: Any) -> None:
    received, executor = [], SingleThreadedExecutor()
    receiver = MessageReceiver(node, String, "words", QOS, into(received))
    executor.add_node(node)
    publish_to(publisher, "now")
    wait_until(lambda: received)
    executor.spin_once(timeout_sec=0)
    executor.remove_node(node)
    receiver.close()
    assert len(received) == 1


def test_after_closing_nothing_is_received_and_nobody_subscribes(node: Any, publisher: Any) -> None:
    received = []
    receiver = MessageReceiver(node, String, "words", QOS, into(received))
    publish_to(publisher, "now")
    wait_until(lambda: received)
    receiver.close()
    wait_until(lambda: not publisher.get_subscription_count())
    publisher.publish(String(data="late"))
    assert len(received) == 1


def test_a_topic_can_be_received_again(node: Any, publisher: Any) -> None:
    for word in ("first", "second"):
        received = []
        receiver = MessageReceiver(node, String, "words", QOS, into(received))
        publish_to(publisher, word)
        wait_until(lambda received=received: received)
        receiver.close()
        assert received == [word]


def test_a_message_that_is_not_urgent_makes_way_for_a_newer_one(node: Any, publisher: Any) -> None:
    received, asked, superseded = [], threading.Event(), threading.Event()

    def spare_s() -> Any:
        asked.set()
        assert superseded.wait(DEADLINE_S)
        return 0.0 if received else LATER_S

    receiver = MessageReceiver(node, String, "words", QoSProfile(depth=1), into(received), spare_s)
    publish_to(publisher, "old")
    assert asked.wait(DEADLINE_S)
    publisher.publish(String(data="new"))
    superseded.set()
    wait_until(lambda: received)
    publisher.publish(String(data="urgent"))
    wait_until(lambda: len(received) == 2)
    receiver.close()
    assert received == ["new", "urgent"]


def test_closing_does_not_wait_for_a_message_that_is_not_urgent(node: Any, publisher: Any) -> None:
    received, asked = [], threading.Event()

    def spare_s() -> Any:
        asked.set()
        return 10 * DEADLINE_S

    receiver = MessageReceiver(node, String, "words", QOS, into(received), spare_s)
    publish_to(publisher, "now")
    assert asked.wait(DEADLINE_S)
    before_s = time.monotonic()
    receiver.close()
    assert time.monotonic() - before_s < DEADLINE_S


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_an_error_ends_the_thread_and_is_told_of(node: Any, publisher: Any) -> None:
    def fail(*_: object) -> None:
        raise ValueError("not this one")

    receiver = MessageReceiver(node, String, "words", QOS, fail)
    receiver.check()
    publish_to(publisher, "now")

    def failed() -> Any:
        try:
            receiver.check()
        except RuntimeError as err:
            return "nothing receives /words" in str(err)

    wait_until(failed)
    receiver.close()


def test_a_message_waits_no_longer_once_there_is_nothing_to_wait_for(node: Any, publisher: Any) -> None:
    """A first inference of half a minute makes nothing wait for as long when the second one ends at once."""
    received: list[str] = []
    asked = iter([60.0, 60.0])
    receiver = MessageReceiver(node, String, "words", QOS, into(received), lambda: next(asked, 0.0))
    publish_to(publisher, "now")
    wait_until(lambda: received == ["now"])
    receiver.close()
