# SPDX-License-Identifier: Apache-2.0
"""What the subscription to the images says of each of them."""

import threading
import time
from collections.abc import Iterator
from types import ModuleType
from typing import Any

import pytest
from rclpy.qos import qos_profile_sensor_data
from rclpy.serialization import serialize_message
from sensor_msgs.msg import Image
from support.waiting import DEADLINE_S, wait_until

from blazepose_ros.core.timestamps import NS_PER_S
from blazepose_ros.nodes.pose.image_subscription import BEST_EFFORT, ImageSubscription, Way

LATER_S = 0.5
IMAGE = serialize_message(Image())


@pytest.fixture
def node(ros: ModuleType) -> Iterator[Any]:
    node = ros.create_node("subscribing")
    yield node
    node.destroy_node()


class Images:
    """A subscription that keeps what it is given."""

    def __init__(self, node: Any) -> None:
        self.rest_s = 0.0
        self.asked, self.superseded = threading.Event(), threading.Event()
        self.received: list[Any] = []
        way = Way("raw", BEST_EFFORT)
        self.subscription = ImageSubscription(node, way, "image", self.receive, self.spare_s)

    def receive(self, _subscription: Any, image: Any) -> None:
        self.received.append(image)

    def spare_s(self, _subscription: Any) -> Any:
        self.asked.set()
        assert self.superseded.wait(DEADLINE_S)
        return self.rest_s

    def waited_ns(self, came_ns: Any) -> Any:
        """Return how long an image is said to have waited that came then."""
        self.subscription._on_message(IMAGE, {"received_timestamp": came_ns})
        return self.received[-1].waited_ns


@pytest.fixture
def images(node: Any) -> Iterator[Images]:
    images = Images(node)
    yield images
    images.superseded.set()
    images.subscription.close()


def test_images_that_make_way_for_a_newer_one_are_counted(node: Any, images: Images) -> None:
    publisher = node.create_publisher(Image, "image", qos_profile_sensor_data)
    images.rest_s = LATER_S
    wait_until(publisher.get_subscription_count)
    publisher.publish(Image())
    assert images.asked.wait(DEADLINE_S)
    for _ in range(3):
        publisher.publish(Image())
    images.superseded.set()
    wait_until(lambda: images.received)
    image = images.received[0]
    assert image.superseded == 3
    assert 0 < image.waited_ns < DEADLINE_S * NS_PER_S
    assert images.subscription.quality().lost == 0  # they did arrive


def test_a_middleware_that_does_not_say_when_an_image_came_says_nothing(images: Images) -> None:
    assert images.waited_ns(None) == images.waited_ns(0) == 0


def test_a_clock_that_was_set_back_gives_no_time_below_zero(images: Images) -> None:
    assert images.waited_ns(time.time_ns() + NS_PER_S) == 0
