# SPDX-License-Identifier: Apache-2.0
"""Which cameras there are: those that were named, or all whose poses are published."""

from __future__ import annotations

from collections.abc import Iterator

from rclpy.clock import Clock, ClockType
from rclpy.node import Node

from blazepose_ros.conversions.pose33 import POSES_TYPE
from blazepose_ros.conversions.tf_buffer import TfBuffer
from blazepose_ros.core.errors import Logger
from blazepose_ros.core.fusion.settings import FusionSettings
from blazepose_ros.nodes.common.followed_subscription import TransformSubscriptions
from blazepose_ros.nodes.common.image_topics import endpoint_name
from blazepose_ros.nodes.fusion.camera_input import CameraInput
from blazepose_ros.nodes.fusion.fusing import Fusing

POSES = "/poses"
# What a camera's node publishes besides, in another frame.
TARGET_POSES = "/target/poses"
NODE = "blazepose"
FUSION_NODE = "blazepose_fusion"

# How often it is looked for cameras, and at what publishers offer.
FOLLOW_PERIOD_S = 0.5


class Cameras:
    """Subscribes to the cameras while they are wanted.

    Args:
        node: the node that subscribes.
        settings: as they are now.
        transforms: remembers where the cameras are.
        fusing: is given their people.
        logger: told of what cannot be used.
    """

    def __init__(
        self, node: Node, settings: FusionSettings, transforms: TfBuffer, fusing: Fusing, logger: Logger
    ) -> None:
        self._node = node
        self._settings = settings
        self._buffer = transforms
        self._fusing = fusing
        self._logger = logger
        self._wanted = False
        self._inputs: dict[str, CameraInput] = {}
        self._transforms = TransformSubscriptions(node, transforms, logger)
        self._transforms.want(moving=False, static=True)
        # Not the node's clock: it stands still where use_sim_time waits for a simulation.
        clock = Clock(clock_type=ClockType.STEADY_TIME)
        self._timer = node.create_timer(FOLLOW_PERIOD_S, self._follow, clock=clock)

    @property
    def inputs(self) -> tuple[CameraInput, ...]:
        """The cameras, by name."""
        return tuple(self._inputs[name] for name in sorted(self._inputs))

    @property
    def is_listening(self) -> bool:
        """Whether they are subscribed to."""
        return self._wanted

    def take(self, wanted: bool) -> None:
        """Subscribe to the cameras, or end that."""
        self._wanted = wanted
        self._follow()

    def change(self, settings: FusionSettings) -> None:
        """Subscribe as the new settings say."""
        self._settings = settings
        for camera in self._inputs.values():
            camera.settings = settings
        self._follow()

    def close(self) -> None:
        """End all subscriptions."""
        self._node.destroy_timer(self._timer)
        self._wanted = False
        self._follow()
        self._transforms.close()

    def _follow(self) -> None:
        topics = dict(self._topics()) if self._wanted else {}
        for name in self._inputs.keys() - topics.keys():
            self._inputs.pop(name).close()
        for name in topics.keys() - self._inputs.keys():
            self._node.get_logger().info(f"fusing the people of {name}, who are on {topics[name]}")
            self._inputs[name] = CameraInput(
                self._node, name, topics[name], self._settings, self._buffer, self._fusing.offer, self._logger
            )
        for camera in self._inputs.values():
            camera.follow()
        self._transforms.want(any(camera.needs_moving for camera in self._inputs.values()), static=True)
        self._transforms.follow()

    def _topics(self) -> Iterator[tuple[str, str]]:
        """Yield the cameras' names and the topics of their poses."""
        published = {topic for topic, types in self._node.get_topic_names_and_types() if POSES_TYPE in types}
        if names := self._settings.camera_names:
            for name in names:
                yield name.removesuffix(POSES), self._topic_of(name, published)
            return
        # A camera that was there stays: where it comes again, it goes on.
        for topic in published | {camera.topic for camera in self._inputs.values()}:
            if topic.endswith(POSES) and not topic.endswith(TARGET_POSES) and not self._is_fused(topic):
                yield camera_name(topic), topic

    def _topic_of(self, name: str, published: set[str]) -> str:
        """Return the topic that a name stands for: a topic, a namespace or a node."""
        if name.endswith(POSES):
            return self._node.resolve_topic_name(name)
        in_namespace, of_node = (
            self._node.resolve_topic_name(f"{name}{end}") for end in (f"/{NODE}{POSES}", POSES)
        )
        return of_node if of_node in published and in_namespace not in published else in_namespace

    def _is_fused(self, topic: str) -> bool:
        """Tell whether a topic is this node's or that of another fusion."""
        own = self._node.get_fully_qualified_name()
        names = [endpoint_name(info) for info in self._node.get_publishers_info_by_topic(topic)]
        return any(name == own or name.rpartition("/")[2].startswith(FUSION_NODE) for name in names)


def camera_name(topic: str) -> str:
    """Return what a camera is called whose poses are on a topic: its node's namespace, else the node."""
    node = topic.removesuffix(POSES).strip("/")
    namespace = node.removesuffix(f"/{NODE}")
    return namespace or node
