# SPDX-License-Identifier: Apache-2.0
"""When a subscription is made anew, with a node that keeps account of them."""

from types import SimpleNamespace
from typing import Any

import pytest

pytest.importorskip("rclpy", reason="rclpy is not installed")

from blazepose_ros.nodes.common.followed_subscription import ANY, LATCHED, FollowedSubscription, Request


class FakeNode:
    def __init__(self) -> None:
        self.publishers: list[Any] = []
        self.open: list[int] = []
        self.made = 0

    def resolve_topic_name(self, topic: str) -> str:
        return f"/{topic}"

    def get_publishers_info_by_topic(self, _topic: str) -> list[Any]:
        return self.publishers

    def create_subscription(self, *_arguments: object, **_options: object) -> int:
        self.made += 1
        self.open.append(self.made)
        return self.made

    def destroy_subscription(self, subscription: int) -> None:
        self.open.remove(subscription)

    def offer(self, *publishers: tuple[int, Request]) -> None:
        self.publishers = [
            SimpleNamespace(endpoint_gid=[gid], qos_profile=SimpleNamespace(**request._asdict()))
            for gid, request in publishers
        ]


@pytest.fixture
def node() -> FakeNode:
    return FakeNode()


def followed(node: FakeNode) -> FollowedSubscription:
    return FollowedSubscription(node, object, "depth", print, 1)


def test_a_publisher_that_stays_or_comes_leaves_the_subscription(node: FakeNode) -> None:
    node.offer((1, ANY))
    subscription = followed(node)
    subscription.follow()
    node.offer((1, ANY), (2, ANY))
    subscription.follow()
    assert node.open == [1]


@pytest.mark.parametrize("left", [(), ((2, ANY),)], ids=["nobody is left", "another one stays"])
def test_after_a_publisher_has_left_the_memory_for_its_messages_is_given_back(
    node: FakeNode, left: tuple[tuple[int, Request], ...]
) -> None:
    node.offer((1, ANY), *left)
    subscription = followed(node)
    node.offer(*left)
    subscription.follow()
    assert node.open == [2]
    subscription.follow()
    assert node.open == [2]
    subscription.close()
    assert node.open == []


def test_a_publisher_that_leaves_and_one_that_latches_are_both_followed(node: FakeNode) -> None:
    node.offer((1, ANY))
    subscription = followed(node)
    node.offer((2, LATCHED))
    subscription.follow()
    assert len(node.open) == 1
    assert list(subscription._subscriptions) == [LATCHED]
