"""The subscription to a camera's images, open only while they are wanted."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from rclpy.clock import Clock, ClockType
from rclpy.event_handler import SubscriptionEventCallbacks
from rclpy.node import Node
from rclpy.qos import QoSProfile, ReliabilityPolicy

from blazepose_ros.complaints import Complaints

BEST_EFFORT, RELIABLE = ReliabilityPolicy.BEST_EFFORT, ReliabilityPolicy.RELIABLE
AUTO = "auto"
RELIABILITIES = {"best_effort": BEST_EFFORT, "reliable": RELIABLE}

# How often `auto` looks at what the publishers offer.
FOLLOW_PERIOD_S = 1.0


class ImageSubscription:
    """Subscribes to images as they come over the wire, with the reliability that is offered.

    Args:
        node: the node that subscribes.
        message_type: sensor_msgs/Image or CompressedImage.
        topic: their topic.
        reliability: best_effort, reliable, or auto for what all publishers offer.
        receive: called with each serialised message.
        complaints: where an incompatible publisher is told of.
    """

    def __init__(
        self,
        node: Node,
        message_type: type,
        topic: str,
        reliability: str,
        receive: Callable[[bytes], object],
        complaints: Complaints,
    ) -> None:
        self._node = node
        self._message_type = message_type
        self._topic = node.resolve_topic_name(topic)
        self._wanted = reliability
        self._receive = receive
        self._complaints = complaints
        self._subscription: Any = None
        self._reliability = RELIABILITIES.get(reliability, BEST_EFFORT)
        # Not the node's clock: it stands still where use_sim_time waits for a simulation.
        self._timer = node.create_timer(
            FOLLOW_PERIOD_S, self._follow, clock=Clock(clock_type=ClockType.STEADY_TIME)
        )

    def open(self) -> None:
        """Subscribe, if that is not done."""
        if self._subscription is None:
            self._reliability = self._choose()
            self._subscribe()

    def close(self) -> None:
        """End the subscription, if there is one."""
        if self._subscription is not None:
            self._node.destroy_subscription(self._subscription)
            self._subscription = None

    def end(self) -> None:
        """Free everything; nothing can be opened any more."""
        self.close()
        self._node.destroy_timer(self._timer)

    def _subscribe(self) -> None:
        self._subscription = self._node.create_subscription(
            self._message_type,
            self._topic,
            self._receive,
            QoSProfile(depth=1, reliability=self._reliability),
            event_callbacks=SubscriptionEventCallbacks(incompatible_qos=self._on_incompatible),
            raw=True,
        )

    def _follow(self) -> None:
        """Change over when the publishers offer something else."""
        offered = self._choose()
        if self._subscription is not None and offered != self._reliability:
            self._node.get_logger().info(f"{self._topic} is {offered.name.lower()}: subscribing so")
            self._reliability = offered
            self.close()
            self._subscribe()

    def _choose(self) -> ReliabilityPolicy:
        """Return the reliability to ask for; without publishers, the one in use."""
        if self._wanted != AUTO:
            return RELIABILITIES[self._wanted]
        offers = {
            info.qos_profile.reliability for info in self._node.get_publishers_info_by_topic(self._topic)
        }
        if not offers:
            return self._reliability
        return RELIABLE if offers == {RELIABLE} else BEST_EFFORT

    def _on_incompatible(self, _event: object) -> None:
        if self._wanted != AUTO:
            self._complaints.complain(
                f"a publisher of {self._topic} offers less than image_reliability: {self._wanted} asks for:"
                " its images do not arrive. Set image_reliability to auto or best_effort"
            )
