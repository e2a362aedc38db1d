# SPDX-License-Identifier: Apache-2.0
"""What nodes that count exercises say about a camera's people."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from rclpy.node import Node
from rclpy.qos import QoSProfile

from blazepose_ros.core.repetitions.counter import in_words
from blazepose_ros.core.text import printable
from blazepose_ros.msg import Repetitions
from blazepose_ros.nodes.common.image_topics import endpoint_name

TYPE = "blazepose_ros/msg/Repetitions"
# More than the table of exercises has.
MAX_LINES = 10
MAX_COUNTS = 300
MAX_NAME_CHARACTERS = 40

Lines = Mapping[int, Sequence[str]]


def topics_about(node: Node, poses_topic: str) -> set[str]:
    """Return the topics of exercises of a camera's people: those of nodes that listen to its poses."""
    topics = [topic for topic, types in node.get_topic_names_and_types() if TYPE in types]
    if not topics:
        return set()
    listeners = {endpoint_name(info) for info in node.get_subscriptions_info_by_topic(poses_topic)}
    return {
        topic
        for topic in topics
        if any(endpoint_name(info) in listeners for info in node.get_publishers_info_by_topic(topic))
    }


class ExerciseCounts:
    """Listens to all topics about a camera's people; what a topic said last holds as long as there is it.

    Args:
        node: the node that subscribes.
        poses_topic: the camera's.
        qos: of the subscriptions.
        tell: called with what is said about each person, by their ids, whenever that may have changed.
    """

    def __init__(
        self, node: Node, poses_topic: str, qos: QoSProfile, tell: Callable[[Lines], object]
    ) -> None:
        self._node = node
        self._poses_topic = poses_topic
        self._qos = qos
        self._tell = tell
        self._subscriptions: dict[str, Any] = {}
        self._said: dict[str, Lines] = {}

    def follow(self) -> None:
        """Listen to the topics that there are now."""
        topics = topics_about(self._node, self._poses_topic)
        for topic in self._subscriptions.keys() - topics:
            self._end(topic)
        for topic in topics - self._subscriptions.keys():
            self._subscriptions[topic] = self._node.create_subscription(
                Repetitions, topic, lambda msg, topic=topic: self._take(topic, msg), self._qos
            )

    def close(self) -> None:
        """Listen no more."""
        for topic in list(self._subscriptions):
            self._end(topic)

    def _end(self, topic: str) -> None:
        self._node.destroy_subscription(self._subscriptions.pop(topic))
        self._said.pop(topic, None)
        self._tell(merged(self._said.values()))

    def _take(self, topic: str, msg: Repetitions) -> None:
        self._said[topic] = lines_of(msg)
        self._tell(merged(self._said.values()))


def lines_of(msg: Repetitions) -> Lines:
    """Return what a message says about each person, by their ids."""
    lines: dict[int, list[str]] = {}
    for each in msg.counts[:MAX_COUNTS]:
        about = lines.setdefault(each.person_id, [])
        if len(about) < MAX_LINES:
            about.append(in_words(printable(each.exercise, MAX_NAME_CHARACTERS), each.count))
    return lines


def merged(said: Iterable[Lines]) -> Lines:
    """Return what several topics say about each person, by their ids."""
    together: dict[int, list[str]] = {}
    for lines in said:
        for person_id, about in lines.items():
            together.setdefault(person_id, []).extend(about)
    return together
