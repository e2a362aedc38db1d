"""Messages that a thread of their own takes from one topic."""

import threading
import time

import pytest
from rclpy.executors import SingleThreadedExecutor
from rclpy.qos import QoSProfile
from rclpy.serialization import deserialize_message
from std_msgs.msg import String

from blazepose_ros.receiver import Receiver

DEADLINE_S = 15.0
QOS = QoSProfile(depth=5)


def wait_until(condition):
    deadline_s = time.monotonic() + DEADLINE_S
    while not condition():
        assert time.monotonic() < deadline_s
        time.sleep(0.01)


@pytest.fixture
def node(ros):
    node = ros.create_node("receiving")
    yield node
    node.destroy_node()


@pytest.fixture
def publisher(node):
    return node.create_publisher(String, "words", QOS)


def publish_to(publisher, word):
    wait_until(publisher.get_subscription_count)
    publisher.publish(String(data=word))


def test_every_message_is_handed_over_as_it_came_without_an_executor(node, publisher):
    received = []
    receiver = Receiver(node, String, "words", QOS, received.append)
    for word in ("one", "two", "three"):
        publish_to(publisher, word)
    wait_until(lambda: len(received) == 3)
    receiver.close()
    assert [deserialize_message(message, String).data for message in received] == ["one", "two", "three"]


def test_a_busy_executor_holds_up_no_message(node, publisher):
    came, executor = threading.Event(), SingleThreadedExecutor()
    receiver = Receiver(node, String, "words", QOS, lambda _message: came.set())
    seen = []

    def busy():
        publish_to(publisher, "now")
        seen.append(came.wait(DEADLINE_S))

    timer = node.create_timer(0.0, busy)
    executor.add_node(node)
    executor.spin_once(timeout_sec=DEADLINE_S)
    executor.remove_node(node)
    node.destroy_timer(timer)
    receiver.close()
    assert seen == [True]


def test_an_executor_is_not_woken_by_messages(node, publisher):
    received, executor = [], SingleThreadedExecutor()
    receiver = Receiver(node, String, "words", QOS, received.append)
    executor.add_node(node)
    publish_to(publisher, "now")
    wait_until(lambda: received)
    executor.spin_once(timeout_sec=0)
    executor.remove_node(node)
    receiver.close()
    assert len(received) == 1


def test_after_closing_nothing_is_received_and_nobody_subscribes(node, publisher):
    received = []
    receiver = Receiver(node, String, "words", QOS, received.append)
    publish_to(publisher, "now")
    wait_until(lambda: received)
    receiver.close()
    wait_until(lambda: not publisher.get_subscription_count())
    publisher.publish(String(data="late"))
    assert len(received) == 1


def test_a_topic_can_be_received_again(node, publisher):
    for word in ("first", "second"):
        received = []
        receiver = Receiver(node, String, "words", QOS, received.append)
        publish_to(publisher, word)
        wait_until(lambda received=received: received)
        receiver.close()
        assert deserialize_message(received[0], String).data == word


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_an_error_ends_the_thread_and_is_told_of(node, publisher):
    def fail(_message):
        raise ValueError("not this one")

    receiver = Receiver(node, String, "words", QOS, fail)
    receiver.check()
    publish_to(publisher, "now")

    def failed():
        try:
            receiver.check()
        except RuntimeError as err:
            return "nothing receives /words" in str(err)

    wait_until(failed)
    receiver.close()
