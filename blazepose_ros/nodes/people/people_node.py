# SPDX-License-Identifier: Apache-2.0
"""A lifecycle node that listens to the people of another one, and knows what points upwards."""

from __future__ import annotations

import time
from collections.abc import Sequence
from contextlib import ExitStack
from typing import Any, Generic, TypeVar

import numpy as np
from numpy.typing import NDArray
from rclpy.clock import Clock, ClockType
from rclpy.publisher import Publisher
from rclpy.qos import QoSProfile
from rclpy.serialization import deserialize_message
from std_msgs.msg import Header

from blazepose_ros.conversions.cdr import stamp_ns
from blazepose_ros.conversions.ground_input import UpwardsInput
from blazepose_ros.conversions.pose33 import from_pose33
from blazepose_ros.conversions.tf_buffer import TfBuffer
from blazepose_ros.core.timestamps import StampSubstitute
from blazepose_ros.core.types import Pose
from blazepose_ros.msg import Pose33Array
from blazepose_ros.nodes.common.followed_subscription import FollowedSubscription, TransformSubscriptions
from blazepose_ros.nodes.common.lifecycle import AsyncLifecycleNode
from blazepose_ros.nodes.common.log_throttle import LogThrottle
from blazepose_ros.nodes.common.parameters import DynamicParameters
from blazepose_ros.nodes.people.settings import PeopleSettings

TOPIC = "blazepose/poses"
DEPTH = 10
FOLLOW_PERIOD_S = 0.5
# No node publishes more of one image; a stranger's message takes no longer than that.
MAX_PEOPLE = 100
QOS = QoSProfile(depth=DEPTH)


Own = TypeVar("Own", bound=PeopleSettings)


class PeopleNode(AsyncLifecycleNode, Generic[Own]):
    """Hands over the people of each message, with what points upwards among them.

    Inactive it has its publishers, active also the subscriptions.

    Args:
        name: the node's.
        settings_type: declares its parameters.

    Raises:
        ParameterError: a parameter has a value that it does not take.
    """

    def __init__(self, name: str, settings_type: type[Own]) -> None:
        super().__init__(name, automatically_declare_parameters_from_overrides=True)
        self.throttled_log = LogThrottle(self.get_logger())
        self.transforms = TfBuffer()
        self._upwards = UpwardsInput(self.transforms, self.throttled_log)
        self._stamps = StampSubstitute(self.throttled_log)
        self._deactivation = ExitStack()
        self._publishers_made: list[Publisher] = []
        self._inputs: tuple[FollowedSubscription | TransformSubscriptions, ...] = ()
        self._dynamic_parameters = DynamicParameters(self, settings_type, self.prepare_change, self.change)
        self.begin()
        if self.settings.autostart:
            self.start()

    @property
    def settings(self) -> Own:
        """The parameters as they are now."""
        return self._dynamic_parameters.settings

    def begin(self) -> None:
        """Start without a memory of people, when the node is made and whenever it is activated."""

    def prepare_change(self, settings: Own) -> Any:
        """Return what new settings need; raise `ParameterError` to refuse them."""

    def change(self, settings: Own, prepared: Any) -> None:
        """Work with new settings from now on."""

    def take(self, people: Sequence[Pose], up: NDArray[np.float64], header: Header, now_ns: int) -> None:
        """Work on the people of one image.

        Args:
            people: the people.
            up: (3,), what points upwards in the header's frame.
            header: the message's.
            now_ns: when the image was taken, as far as one can know.
        """
        raise NotImplementedError

    def follow(self) -> None:
        """Look at who listens, twice a second while the node is active."""

    def create_output(self, message_type: type, topic: str) -> Publisher:
        """Return a publisher that is closed when the node is cleaned up."""
        self._publishers_made.append(self.create_publisher(message_type, topic, QOS))
        return self._publishers_made[-1]

    def destroy_node(self) -> None:
        """Stop working and close the node."""
        self.clean_up()
        super().destroy_node()

    def activate(self) -> None:
        """Subscribe to people and transforms."""
        self.begin()
        poses = FollowedSubscription(self, Pose33Array, TOPIC, self._receive, DEPTH)
        transforms = TransformSubscriptions(self, self.transforms, self.throttled_log)
        transforms.want(moving=True, static=True)
        self._inputs = (poses, transforms)
        # Not by the node's clock: with use_sim_time it may stand still.
        steady = Clock(clock_type=ClockType.STEADY_TIME)
        timer = self.create_timer(FOLLOW_PERIOD_S, self._watch, clock=steady)
        self._deactivation.callback(self.destroy_timer, timer)
        for followed in self._inputs:
            self._deactivation.callback(followed.close)
        self.get_logger().info(
            f"waiting for people on {self.resolve_topic_name(TOPIC)}, {self._up_in_words()}"
        )

    def deactivate(self) -> None:
        """End the subscriptions."""
        self._deactivation.close()

    def clean_up(self) -> None:
        """Take the outputs away."""
        self.deactivate()
        while self._publishers_made:
            self.destroy_publisher(self._publishers_made.pop())

    def _up_in_words(self) -> str:
        settings = self.settings
        if settings.ground_frame:
            return f"upwards is z of {settings.ground_frame}"
        return (
            f"upwards is assumed: for a camera that looks down by {settings.camera_tilt_deg:g} degrees, z for"
            " fused people"
        )

    def _watch(self) -> None:
        for followed in self._inputs:
            followed.follow()
        self.follow()

    def _receive(self, serialized: bytes) -> None:
        msg = deserialize_message(serialized, Pose33Array)
        try:
            people = [from_pose33(pose) for pose in msg.poses[:MAX_PEOPLE]]
        except ValueError as err:  # a placement that there is not
            self.throttled_log.error(f"people are ignored: {err}")
            return
        stamp = stamp_ns(msg.header)
        settings = self.settings
        up = self._upwards.of_message(msg, stamp, settings.ground_frame, settings.camera_tilt_deg)
        self.take(people, up, msg.header, self._stamps.time_of(stamp, time.time_ns()))
