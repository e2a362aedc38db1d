# SPDX-License-Identifier: Apache-2.0
"""Nodes beside a node, with threads of the middleware's own to receive in."""

import ctypes
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from types import ModuleType
from typing import Any

import psutil
import pytest
from rclpy.qos import QoSProfile
from std_msgs.msg import String
from support.processes import stopped_after
from support.waiting import DEADLINE_S, wait_until

from blazepose_ros.nodes.common.followed_subscription import FollowedReceiver
from blazepose_ros.nodes.common.message_receiver import MessageReceiver
from blazepose_ros.nodes.common.separate_node import close_separate, separate_node
from blazepose_ros.nodes.common.serialized_take import _LIBRCL

QOS = QoSProfile(depth=5)

# Another process: within one Fast DDS hands messages over in the publisher's thread.
TALKER = """
import rclpy
from rclpy.signals import SignalHandlerOptions
from std_msgs.msg import String

rclpy.init(signal_handler_options=SignalHandlerOptions.NO)
node = rclpy.create_node("talker")
publishers = [node.create_publisher(String, topic, 5) for topic in ("/robot/large", "/robot/small")]
node.create_timer(0.05, lambda: [publisher.publish(String(data="word")) for publisher in publishers])
try:
    rclpy.spin(node)
except KeyboardInterrupt:
    pass
"""


@pytest.fixture
def node(ros: ModuleType) -> Iterator[Any]:
    node = ros.create_node("beside", namespace="/robot")
    yield node
    node.destroy_node()


@pytest.fixture
def _talker() -> Iterator[None]:
    with stopped_after(subprocess.Popen([sys.executable, "-c", TALKER])):
        yield


@contextmanager
def kept_threads(subscription: Any) -> Iterator[None]:
    """Keep the thread in which the middleware receives for a subscription, from its next message on."""
    receiving, enough = threading.Event(), threading.Event()

    @ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_size_t)
    def keep(*_: object) -> None:
        receiving.set()
        enough.wait(2 * DEADLINE_S)

    assert _LIBRCL is not None
    listen = _LIBRCL.rcl_subscription_set_on_new_message_callback
    listen.argtypes = [ctypes.c_void_p] * 3
    listen(subscription.handle.pointer, keep, None)
    try:
        assert receiving.wait(DEADLINE_S)
        yield
    finally:
        enough.set()
        listen(subscription.handle.pointer, None, None)


@pytest.mark.usefixtures("_talker")
def test_other_messages_come_while_one_of_a_receiver_is_being_received(node: Any) -> None:
    small: list[Any] = []
    with ExitStack() as closing:
        receiver = MessageReceiver(node, String, "small", QOS, lambda *message: small.append(message))
        closing.callback(receiver.close)
        wait_until(lambda: small)
        large = FollowedReceiver(node, String, "large", lambda _: None, depth=5)
        closing.callback(large.close)
        wait_until(lambda: large.follow() or large._subscriptions)
        (receiving,) = large._subscriptions.values()
        with kept_threads(receiving._subscription):
            before = len(small)
            wait_until(lambda: len(small) > before + 3)


def test_a_receiver_subscribes_while_somebody_publishes_and_leaves_nothing(node: Any) -> None:
    def held() -> tuple[int, int]:
        process = psutil.Process()
        return process.num_threads(), process.num_fds()

    receiver = FollowedReceiver(node, String, "large", lambda _: None, depth=5)
    before = held()
    for _ in range(3):
        publisher = node.create_publisher(String, "large", QOS)
        wait_until(lambda: receiver.follow() or node.count_subscribers("large") == 1)
        assert held() > before
        node.destroy_publisher(publisher)
        wait_until(lambda: receiver.follow() or not node.count_subscribers("large"))
        wait_until(lambda: held() == before)
    receiver.close()


def test_a_separate_node_is_hidden_and_offers_nothing(node: Any) -> None:
    separate = separate_node(node, "receiving")
    name = "_beside_receiving"
    assert (separate.get_namespace(), separate.get_name()) == ("/robot", name)
    wait_until(lambda: (name, "/robot") in node.get_node_names_and_namespaces())
    assert node.get_service_names_and_types_by_node(name, "/robot") == []
    assert separate.context.get_domain_id() == node.context.get_domain_id()
    close_separate(separate)
    wait_until(lambda: (name, "/robot") not in node.get_node_names_and_namespaces())
