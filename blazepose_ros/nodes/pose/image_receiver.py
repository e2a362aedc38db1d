"""The subscription to a camera's images, open only while they are wanted."""

from __future__ import annotations

import time
from collections.abc import Callable

from rclpy.clock import Clock, ClockType
from rclpy.node import Node
from rclpy.qos import QoSProfile, ReliabilityPolicy

from blazepose_ros.core.logger import Logger
from blazepose_ros.nodes.common.message_receiver import MessageInfo, MessageReceiver

# No camera that somebody follows people with is faster.
MAX_RATE_HZ = 1000


class SupersededCounter:
    """Judges, from the publisher's numbers, what became of the images between two that are taken.

    A subscription of depth 1 keeps the newest image. While its owner is not waiting for one, images
    take each other's place; while it is waiting, those that are missing did not arrive. An even
    share of them is counted for either time.

    Args:
        clock: seconds that rise.
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
        """Return how many images made way for the one that is taken.

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

# How often what the publishers offer is looked at.
FOLLOW_PERIOD_S = 1.0


class ImageReceiver:
    """Subscribes to images as they come over the wire, with the reliability that is offered.

    Args:
        node: the node that subscribes.
        message_type: sensor_msgs/Image or CompressedImage.
        topic: their topic.
        reliability: best_effort, reliable, or auto for what all publishers offer.
        receive: called in a thread of its own with each serialised message, how many nanoseconds ago
            it came, and how many before it made way for it.
        spare_s: how long an image can wait for a newer one to come in its place.
        logger: told of incompatible publishers.

    Attributes:
        publishers: how many there were when it was looked last.
        mismatch: why images of one of them cannot arrive, and what to change; or nothing.
    """

    def __init__(
        self,
        node: Node,
        message_type: type,
        topic: str,
        reliability: str,
        receive: Callable[[bytes, int, int], object],
        spare_s: Callable[[], float],
        logger: Logger,
    ) -> None:
        self._node = node
        self._message_type = message_type
        self._topic = node.resolve_topic_name(topic)
        self._wanted = reliability
        self._receive = receive
        self._spare_s = spare_s
        self._arrivals = SupersededCounter()
        self._logger = logger
        self._receiver: MessageReceiver | None = None
        self.mismatch = ""
        self.publishers = 0
        self._reliability = RELIABILITIES.get(reliability, BEST_EFFORT)
        # Not the node's clock: it stands still where use_sim_time waits for a simulation.
        self._timer = node.create_timer(
            FOLLOW_PERIOD_S, self._follow, clock=Clock(clock_type=ClockType.STEADY_TIME)
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
            self._message_type,
            self._topic,
            QoSProfile(depth=1, reliability=self._reliability),
            self._take,
            self._rest_s,
        )

    def _rest_s(self) -> float:
        self._arrivals.there()
        return self._spare_s()

    def _take(self, serialized: bytes, info: MessageInfo) -> None:
        """Hand an image on with what the middleware says of it; other than Fast DDS may say nothing."""
        superseded = self._arrivals.taken(info.get("publication_sequence_number") or 0)
        now_ns = time.time_ns()
        came_ns = info.get("received_timestamp") or now_ns
        self._receive(serialized, max(0, now_ns - came_ns), superseded)
        self._arrivals.wait()

    def _follow(self) -> None:
        """Change over when the publishers offer something else, and tell of those that do not fit."""
        self.mismatch = ""
        if self._receiver is None:
            return
        self._subscribe_again_where_it_ended(self._receiver)
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

    def _subscribe_again_where_it_ended(self, receiver: MessageReceiver) -> None:
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
