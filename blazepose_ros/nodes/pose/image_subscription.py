# SPDX-License-Identifier: Apache-2.0
"""One subscription to images, and what becomes of those that are sent to it."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import NamedTuple

from rclpy.node import Node
from rclpy.qos import QoSProfile, ReliabilityPolicy

from blazepose_ros.conversions.cdr import SerializedMessage
from blazepose_ros.conversions.images import TRANSPORTS
from blazepose_ros.core.image_transport import WayMonitor, WayQuality
from blazepose_ros.core.timestamps import NS_PER_S
from blazepose_ros.nodes.common.message_receiver import MessageReceiver
from blazepose_ros.nodes.common.serialized_take import MessageInfo
from blazepose_ros.nodes.pose.received_image import SerializedImage

# No camera that people are tracked with is faster.
MAX_RATE_HZ = 1000


BEST_EFFORT, RELIABLE = ReliabilityPolicy.BEST_EFFORT, ReliabilityPolicy.RELIABLE


class Way(NamedTuple):
    """How images come: by which transport (``TRANSPORTS``), and whether lost ones are sent again."""

    transport: str
    reliability: ReliabilityPolicy


class Gap(NamedTuple):
    """The images between two that were taken.

    Attributes:
        missing: how many there were.
        superseded: how many of them arrived, and made way for the second of the two.
    """

    missing: int = 0
    superseded: int = 0


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
        self._there_s: float | None = None

    def there(self) -> None:
        """Say that an image is there: its owner waits no longer. Said again, it changes nothing."""
        if self._there_s is None:
            self._there_s = self._clock()

    def not_there(self) -> None:
        """Say that it is not: a part of one was taken for it."""
        self._there_s = None

    def taken(self, sequence: int) -> Gap:
        """Return what is missing before the image that is taken.

        Args:
            sequence: its publisher's number of it; 0 where the middleware does not know.
        """
        now_s = self._clock()
        between_s, self._taken_s = now_s - self._taken_s, now_s
        waited_s = (now_s if self._there_s is None else self._there_s) - self._waits_since_s
        before, self._sequence = self._sequence, sequence
        missing = sequence - before - 1
        # Numbers of another publisher, or of one that has started anew, say nothing.
        if not 0 < missing <= between_s * MAX_RATE_HZ:
            return Gap()
        away = 1 - min(1.0, waited_s / between_s)
        superseded = min(missing, round((missing + 1) * away))
        # Before the first image there may have been others, before the subscription was there.
        return Gap(missing if before else superseded, superseded)

    def wait(self) -> None:
        """Say that the next image is waited for from now on."""
        self._waits_since_s, self._there_s = self._clock(), None


# More than any usual camera's image has: 3840 x 2160 in rgb8 are 25 MB.
MUCH_BYTES = 1 << 25

Receive = Callable[["ImageSubscription", SerializedImage], object]


class ImageSubscription:
    """Subscribes to images as they come over the wire.

    Args:
        node: the node that subscribes.
        way: how they come.
        topic: where.
        receive: given this and each image, in a thread of its own.
        spare_s: how long the image that is there can wait for a newer one.

    Attributes:
        several: whether there are several publishers, whose numbers mix.
    """

    def __init__(
        self,
        node: Node,
        way: Way,
        topic: str,
        receive: Receive,
        spare_s: Callable[[ImageSubscription], float] = lambda _subscription: 0.0,
    ) -> None:
        self.way = way
        self.several = False
        self._latest_bytes = self._largest_bytes = 0
        self._transport = TRANSPORTS[way.transport]
        self._clock = node.get_clock()
        self._receive = receive
        self._spare_s = spare_s
        self._superseded = SupersededCounter()
        self._way = WayMonitor(way.reliability == RELIABLE)
        self._receiver = MessageReceiver(
            node,
            self._transport.message_type,
            topic,
            QoSProfile(depth=1, reliability=way.reliability),
            self._on_message,
            self._image_is_there,
            self._superseded.not_there,
        )

    @property
    def keeps_much(self) -> bool:
        """Whether Fast DDS keeps memory for larger messages than come now, which it does for good."""
        return self._largest_bytes > max(MUCH_BYTES, self._latest_bytes)

    def check(self) -> None:
        """Raise RuntimeError where an error has ended the thread."""
        self._receiver.check()

    def quality(self) -> WayQuality:
        """Return what becomes of the images on their way here."""
        self._way.lost(self._receiver.lost())
        return self._way.quality()

    def close(self) -> None:
        """End the subscription."""
        self._receiver.close()

    def _image_is_there(self) -> float:
        self._superseded.there()
        return self._spare_s(self)

    def _on_message(self, serialized: SerializedMessage, info: MessageInfo) -> None:
        """Hand an image on with what the middleware says of it; other than Fast DDS may say nothing."""
        self._latest_bytes = len(serialized)
        self._largest_bytes = max(self._largest_bytes, self._latest_bytes)
        now_ns = time.time_ns()
        received_ns = info.get("received_timestamp") or 0
        sent_ns = info.get("source_timestamp") or received_ns
        gap = self._superseded.taken(0 if self.several else info.get("publication_sequence_number") or 0)
        transit_s = (received_ns - sent_ns) / NS_PER_S
        self._way.arrived(gap.missing, gap.superseded, transit_s, len(serialized))
        waited_ns = max(0, now_ns - (received_ns or now_ns))
        taken_ns = self._clock.now().nanoseconds
        self._receive(self, SerializedImage(serialized, self._transport, taken_ns, waited_ns, gap.superseded))
        self._superseded.wait()
