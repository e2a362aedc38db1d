# SPDX-License-Identifier: Apache-2.0
"""The subscription to a camera's images, open only while they are wanted."""

from __future__ import annotations

import time
from collections.abc import Callable

from rclpy.clock import Clock, ClockType
from rclpy.node import Node
from rclpy.qos import QoSProfile, ReliabilityPolicy

from blazepose_ros.conversions.images import ImageTransport
from blazepose_ros.core.errors import Logger
from blazepose_ros.nodes.common.message_receiver import MessageInfo, MessageReceiver
from blazepose_ros.nodes.pose.image_pipeline import ImagePipeline
from blazepose_ros.nodes.pose.received_image import SerializedImage

# No camera that people are tracked with is faster.
MAX_RATE_HZ = 1000


class SupersededCounter:
    """Judges, from the publisher's numbers, what became of the images between two that are taken.

    A subscription of depth 1 keeps the newest image. While its owner is not waiting for one, images
    supersede each other; while it is waiting, those that are missing did not arrive. An even
    share of them is counted for either time.

    Args:
        clock: monotonic seconds.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._sequence = 0
        self._taken_s = self._waits_since_s = clock()
        self._waited_s = 0.0

    def there(self) -> None:
        """Say that an image is there: its owner waits no longer."""
        self._waited_s = self._clock() - self._waits_since_s

    def taken(self, sequence: int) -> int:
        """Return how many images the one that is taken has superseded.

        Args:
            sequence: its publisher's number of it; 0 where the middleware does not know.
        """
        now_s = self._clock()
        between_s, self._taken_s = now_s - self._taken_s, now_s
        missing, self._sequence = sequence - self._sequence - 1, sequence
        # Numbers of another publisher, or of one that has started anew, say nothing.
        if not 0 < missing <= between_s * MAX_RATE_HZ:
            return 0
        away = 1 - min(1.0, self._waited_s / between_s)
        return min(missing, round((missing + 1) * away))

    def wait(self) -> None:
        """Say that the next image is waited for from now on."""
        self._waits_since_s = self._clock()


BEST_EFFORT, RELIABLE = ReliabilityPolicy.BEST_EFFORT, ReliabilityPolicy.RELIABLE
AUTO = "auto"
RELIABILITIES = {"best_effort": BEST_EFFORT, "reliable": RELIABLE}

# How often it is checked what the publishers offer.
CHECK_PERIOD_S = 1.0


class ImageReceiver:
    """Subscribes to images as they come over the wire, with the reliability that is offered.

    Args:
        node: the node that subscribes.
        transport: what is subscribed to.
        reliability: best_effort, reliable, or auto for what all publishers offer.
        pipeline: is given each image, in a thread of its own.
        logger: told of incompatible publishers.

    Attributes:
        publishers: how many there were at the last check.
        mismatch: why images of one of them cannot arrive, and what to change; or nothing.
    """

    def __init__(
        self,
        node: Node,
        transport: ImageTransport,
        reliability: str,
        pipeline: ImagePipeline,
        logger: Logger,
    ) -> None:
        self._node = node
        self._transport = transport
        self._topic = node.resolve_topic_name(transport.topic)
        self._wanted = reliability
        self._pipeline = pipeline
        self._superseded = SupersededCounter()
        self._logger = logger
        self._receiver: MessageReceiver | None = None
        self.mismatch = ""
        self.publishers = 0
        self._reliability = RELIABILITIES.get(reliability, BEST_EFFORT)
        # Not the node's clock: it stands still where use_sim_time waits for a simulation.
        self._timer = node.create_timer(
            CHECK_PERIOD_S, self._check_publishers, clock=Clock(clock_type=ClockType.STEADY_TIME)
        )

    @property
    def is_open(self) -> bool:
        """Whether images are subscribed to."""
        return self._receiver is not None

    def open(self) -> None:
        """Subscribe, if that is not done."""
        if self._receiver is None:
            self._reliability = self._choose(self._offers())
            self._subscribe()

    def close(self) -> None:
        """End the subscription, if there is one."""
        if self._receiver is not None:
            self._receiver.close()
            self._receiver = None

    def end(self) -> None:
        """Free everything; nothing can be opened any more."""
        self.close()
        self._node.destroy_timer(self._timer)

    def _subscribe(self) -> None:
        self._receiver = MessageReceiver(
            self._node,
            self._transport.message_type,
            self._topic,
            QoSProfile(depth=1, reliability=self._reliability),
            self._on_message,
            self._spare_s,
        )

    def _spare_s(self) -> float:
        self._superseded.there()
        return self._pipeline.spare_s()

    def _on_message(self, serialized: bytes, info: MessageInfo) -> None:
        """Hand an image on with what the middleware says of it; other than Fast DDS may say nothing."""
        superseded = self._superseded.taken(info.get("publication_sequence_number") or 0)
        now_ns = time.time_ns()
        waited_ns = max(0, now_ns - (info.get("received_timestamp") or now_ns))
        taken_ns = self._node.get_clock().now().nanoseconds
        self._pipeline.on_image(SerializedImage(serialized, self._transport, taken_ns, waited_ns, superseded))
        self._superseded.wait()

    def _check_publishers(self) -> None:
        """Subscribe anew when the publishers offer something else, and log those that do not fit."""
        self.mismatch = ""
        if self._receiver is None:
            return
        self._subscribe_again_if_ended(self._receiver)
        offers = self._offers()
        chosen = self._choose(offers)
        if chosen != self._reliability:
            self._node.get_logger().info(f"{self._topic} is {chosen.name.lower()}: subscribing so")
            self._reliability = chosen
            self.close()
            self._subscribe()
        if chosen == RELIABLE and BEST_EFFORT in offers:
            self.mismatch = (
                f"a publisher of {self._topic} offers less than image_reliability: {self._wanted} asks for:"
                " its images do not arrive. Set image_reliability to auto or best_effort"
            )
            self._logger.error(self.mismatch)

    def _subscribe_again_if_ended(self, receiver: MessageReceiver) -> None:
        try:
            receiver.check()
        except RuntimeError as err:
            self._logger.error(f"{err}: subscribing again")
            self.close()
            self._subscribe()

    def _offers(self) -> set[ReliabilityPolicy]:
        publishers = self._node.get_publishers_info_by_topic(self._topic)
        self.publishers = len(publishers)
        return {publisher.qos_profile.reliability for publisher in publishers}

    def _choose(self, offers: set[ReliabilityPolicy]) -> ReliabilityPolicy:
        """Return the reliability to ask for; without publishers, the one in use."""
        if self._wanted != AUTO:
            return RELIABILITIES[self._wanted]
        if not offers:
            return self._reliability
        return RELIABLE if offers == {RELIABLE} else BEST_EFFORT
