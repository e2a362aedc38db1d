# SPDX-License-Identifier: Apache-2.0
"""What is subscribed to beside the images is heard whatever its publishers offer."""

from collections.abc import Iterator
from types import ModuleType
from typing import Any, cast

import pytest
from rclpy.executors import SingleThreadedExecutor
from rclpy.impl.implementation_singleton import rclpy_implementation
from rclpy.qos import DurabilityPolicy, QoSProfile
from rclpy.serialization import deserialize_message
from std_msgs.msg import String
from support.waiting import wait_until

from blazepose_ros.conversions.cdr import SerializedMessage
from blazepose_ros.nodes.common import followed_subscription
from blazepose_ros.nodes.common.followed_subscription import (
    ANY,
    BEST_EFFORT,
    LATCHED,
    RELIABLE,
    TRANSIENT_LOCAL,
    VOLATILE,
    FollowedReceiver,
    FollowedSubscription,
    PolledSubscription,
    Request,
    requests_for,
)

RELIABLE_ONCE = Request(RELIABLE, VOLATILE)


@pytest.mark.parametrize(("offers", "requests"), [
    (set(), {ANY}), ({ANY}, {ANY}), ({RELIABLE_ONCE}, {RELIABLE_ONCE}), ({RELIABLE_ONCE, ANY}, {ANY}),
    ({LATCHED}, {LATCHED}), ({LATCHED, ANY}, {LATCHED, ANY}),
    ({LATCHED, RELIABLE_ONCE}, {LATCHED, RELIABLE_ONCE}),
    ({Request(BEST_EFFORT, TRANSIENT_LOCAL)}, {ANY}),
])  # fmt: skip
def test_every_publisher_is_heard_and_what_it_has_latched(offers: Any, requests: Any) -> None:
    assert requests_for(offers) == requests


class Listener:
    """A node with a subscription that follows, as often as it is looked at."""

    def __init__(self, ros: ModuleType, kind: type[FollowedSubscription]) -> None:
        self.kind = kind
        self.node = ros.create_node("following")
        self.executor = SingleThreadedExecutor()
        self.executor.add_node(self.node)
        self.heard: list[str] = []
        self.subscription: FollowedSubscription | None = None

    def publish(self, word: str, durability: DurabilityPolicy) -> None:
        qos = QoSProfile(depth=1, durability=durability)
        self.node.create_publisher(String, "words", qos).publish(String(data=word))

    def subscribe(self) -> None:
        self.subscription = self.kind(self.node, String, "words", self._hear, 5)

    def _hear(self, serialized: SerializedMessage) -> None:
        self.heard.append(deserialize_message(bytes(serialized), String).data)

    def has_heard(self, *words: str) -> bool:
        assert self.subscription is not None
        self.subscription.follow()
        self.executor.spin_once(timeout_sec=0.02)
        if isinstance(self.subscription, PolledSubscription):
            self.subscription.poll()
        return set(words) <= set(self.heard)

    def close(self) -> None:
        if self.subscription is not None:
            self.subscription.close()
        self.executor.shutdown()
        self.node.destroy_node()


@pytest.fixture(params=[FollowedSubscription, FollowedReceiver, PolledSubscription])
def listener(ros: ModuleType, request: pytest.FixtureRequest) -> Iterator[Listener]:
    listener = Listener(ros, request.param)
    yield listener
    listener.close()


def test_what_was_latched_before_is_heard(listener: Listener) -> None:
    listener.publish("once", TRANSIENT_LOCAL)
    listener.subscribe()
    wait_until(lambda: listener.has_heard("once"))


def test_what_is_latched_after_a_publisher_of_the_other_kind_is_heard_as_well(listener: Listener) -> None:
    listener.subscribe()
    other = listener.node.create_publisher(String, "words", QoSProfile(depth=1, reliability=BEST_EFFORT))
    wait_until(lambda: listener.has_heard() and other.get_subscription_count())
    listener.publish("latched", TRANSIENT_LOCAL)

    def heard_both() -> bool:
        other.publish(String(data="now and then"))
        return listener.has_heard("latched", "now and then")

    wait_until(heard_both)


def test_what_is_polled_waits_until_it_is_asked_for_and_not_for_an_executor(ros: ModuleType) -> None:
    listener = Listener(ros, PolledSubscription)
    listener.subscribe()
    polled = cast("PolledSubscription", listener.subscription)
    words = listener.node.create_publisher(String, "words", QoSProfile(depth=5))

    def reaches(word: str) -> bool:
        words.publish(String(data=word))
        listener.executor.spin_once(timeout_sec=0.02)
        assert not listener.heard
        polled.poll()
        return bool(listener.heard)

    wait_until(lambda: reaches("first"))
    listener.heard.clear()
    for word in ("second", "third"):
        words.publish(String(data=word))
    wait_until(lambda: polled.poll() or "third" in listener.heard)
    assert [word for word in listener.heard if word != "first"] == ["second", "third"]
    polled.close()
    polled.poll()  # nothing is left to ask
    listener.close()


def test_a_receiver_hears_in_its_own_thread(ros: ModuleType) -> None:
    listener = Listener(ros, FollowedReceiver)
    listener.subscribe()
    listener.publish("now", TRANSIENT_LOCAL)
    wait_until(lambda: listener.subscription.follow() or listener.heard)  # without the executor
    listener.close()
    assert set(listener.heard) == {"now"}


def test_a_receiver_hears_also_where_there_is_no_room_for_another_participant(
    ros: ModuleType, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    def fail(*_: object) -> None:
        raise rclpy_implementation.RCLError("error creating node: no room\n, at /src/node.cpp:1")

    monkeypatch.setattr(followed_subscription, "separate_node", fail)
    listener = Listener(ros, FollowedReceiver)
    listener.subscribe()
    listener.publish("now", TRANSIENT_LOCAL)
    wait_until(lambda: listener.has_heard("now"))
    listener.close()
    said = "/words has no receiving threads of its own: error creating node: no room"
    assert said in capfd.readouterr().err


def test_an_error_that_has_ended_the_thread_is_raised(
    ros: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("threading.excepthook", lambda _: None)
    listener = Listener(ros, FollowedReceiver)
    monkeypatch.setattr(listener, "heard", None)  # which nothing can be appended to
    listener.subscribe()
    listener.publish("now", TRANSIENT_LOCAL)
    with pytest.raises(RuntimeError, match="nothing receives /words any more"):
        wait_until(lambda: listener.subscription.follow())
    listener.close()
