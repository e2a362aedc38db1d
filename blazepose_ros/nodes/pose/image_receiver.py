# SPDX-License-Identifier: Apache-2.0
"""The subscription to a camera's images, open only while they are wanted."""

from __future__ import annotations

import struct
import threading
import time
from collections.abc import Mapping, Sequence
from math import inf
from typing import Any

from rclpy.node import Node
from rclpy.qos import ReliabilityPolicy

from blazepose_ros.conversions.cdr import SerializedMessage, read_stamp_ns
from blazepose_ros.core.errors import Logger
from blazepose_ros.core.image_transport import AUTO, COMPRESSED, RAW, Offer, TransportChoice, WayQuality
from blazepose_ros.core.timestamps import NS_PER_S
from blazepose_ros.nodes.common.dds import transport_cure
from blazepose_ros.nodes.common.image_topics import endpoint_name, published_images, remapping, topics_of
from blazepose_ros.nodes.pose.image_pipeline import ImagePipeline
from blazepose_ros.nodes.pose.image_subscription import BEST_EFFORT, RELIABLE, ImageSubscription, Way
from blazepose_ros.nodes.pose.received_image import SerializedImage

RELIABILITIES = {"best_effort": BEST_EFFORT, "reliable": RELIABLE}

# So many images show that another transport flows before the one in use is given up for it.
PROOFS = 3
# Where nothing has come for so long, nothing is lost by a change.
IDLE_S = 1.0
# A subscription misses images for up to half a second after it was made.
OVERLAP_S = 1.0
# Until then a camera that has just been started may not be known yet.
DISCOVERY_S = 2.0


class ImageReceiver:
    """Subscribes to images as they come over the wire: in the way in which they arrive.

    Where another transport or reliability is better, a second subscription is opened beside the first and
    takes over with an image of its own. With the same transport images are taken from both for a moment:
    a new one misses some until the publisher knows it well.

    Args:
        node: the node that subscribes.
        transport: raw, compressed, or auto for raw while that arrives.
        reliability: best_effort, reliable, or auto for what all publishers offer.
        pipeline: is given each image, in a thread of its own.
        logger: told of incompatible publishers.

    Attributes:
        publishers: how many there were at the last check.
        mismatch: why images of one of them cannot arrive, and what to change; or nothing.
        impairment: why images are lost or late on their way, and what to change; or nothing.
        elsewhere: where images are published if they are not here, and what to change; or nothing.
    """

    def __init__(
        self, node: Node, transport: str, reliability: str, pipeline: ImagePipeline, logger: Logger
    ) -> None:
        self._node = node
        self._topics = topics_of(node)
        self._fixed = None if transport == AUTO else transport
        self._wanted = reliability
        self._pipeline = pipeline
        self._logger = logger
        self._lock = threading.Lock()  # two threads receive for a moment
        self._current: ImageSubscription | None = None
        self._next: ImageSubscription | None = None
        self._replaced: list[tuple[ImageSubscription, float]] = []  # since when
        self._needed: float = PROOFS
        self._proves_silence = self._one_has_left = False
        self.publishers = self._last_ns = self._repeats = 0
        self._way = Way(self._fixed or RAW, RELIABILITIES.get(reliability, BEST_EFFORT))
        self._choice = TransportChoice()
        self._published_s = time.monotonic()
        self.mismatch = self.impairment = self.elsewhere = ""
        self._identities: set[bytes] = set()

    @property
    def is_open(self) -> bool:
        """Whether images are subscribed to."""
        return self._current is not None

    @property
    def topic(self) -> str:
        """Where images are taken from."""
        return self._topics[self._way.transport]

    def open(self) -> None:
        """Subscribe, if that is not done."""
        if self._current is None:
            self._way = self._way._replace(reliability=self._reliability(self._infos()[self._way.transport]))
            self._published_s = time.monotonic()
            self._current = self._subscription(self._way)

    def close(self) -> None:
        """End the subscription, if there is one."""
        with self._lock:
            replaced = [subscription for subscription, _ in self._replaced]
            ended = [*replaced, *filter(None, (self._current, self._next))]
            self._current, self._next, self._replaced = None, None, []
        for subscription in ended:
            subscription.close()
        self.mismatch = self.impairment = self.elsewhere = ""

    def _subscription(self, way: Way) -> ImageSubscription:
        topic = self._topics[way.transport]
        return ImageSubscription(self._node, way, topic, self._receive, self._spare_s)

    def _spare_s(self, subscription: ImageSubscription) -> float:
        return self._pipeline.spare_s() if subscription is self._current else 0.0

    def _receive(self, subscription: ImageSubscription, image: SerializedImage) -> None:
        with self._lock:
            if subscription is self._next:
                self._needed -= 1
                if self._needed <= 0:
                    self._take_over()
            elif self._proves_silence:
                self._needed = PROOFS
            if self._is_taken_from(subscription) and not self._is_repeated(image.serialized):
                self._pipeline.on_image(image)

    def _is_taken_from(self, subscription: ImageSubscription) -> bool:
        """Whether a subscription is in use, or was so until just now."""
        overlapping = [each for each, since_s in self._replaced if since_s > -inf]
        return subscription is self._current or subscription in overlapping

    def _take_over(self) -> None:
        """Have the second subscription be the first one; the lock is held."""
        assert self._current is not None
        assert self._next is not None
        is_alike = self._current.way.transport == self._next.way.transport
        self._replaced.append((self._current, time.monotonic() if is_alike else -inf))
        self._current, self._next = self._next, None
        self._proves_silence = False

    def _is_repeated(self, serialized: SerializedMessage) -> bool:
        """Tell whether an image has come by the other subscription already, unless all stamps stand still."""
        try:
            stamp_ns = read_stamp_ns(serialized)
        except struct.error:  # it is too short to be an image, which is said where it is decoded
            return False
        is_near = bool(self._replaced) and 0 <= self._last_ns - stamp_ns < NS_PER_S
        is_repeated = is_near and self._repeats < PROOFS
        self._repeats = self._repeats + is_repeated if is_near else 0
        self._last_ns = max(stamp_ns, self._last_ns) if is_repeated else stamp_ns
        return is_repeated

    def check(self) -> None:
        """Follow what the publishers offer and what arrives, and say what does not; to be called often."""
        self._close_replaced()
        if self._current is None:
            return
        infos = self._infos()
        self._subscribe_again_if_ended(self._current)
        self._give_memory_back(self._current, infos)
        self._look_elsewhere(infos)
        self._follow(self._current, infos)

    def _close_replaced(self, after_s: float = OVERLAP_S) -> None:
        """Close what was replaced so long ago."""
        before_s = time.monotonic() - after_s
        with self._lock:
            ended = [subscription for subscription, since_s in self._replaced if since_s <= before_s]
            self._replaced = [each for each in self._replaced if each[1] > before_s]
        for subscription in ended:
            subscription.close()

    def _subscribe_again_if_ended(self, current: ImageSubscription) -> None:
        try:
            current.check()
        except RuntimeError as err:
            self._logger.error(f"{err}: subscribing again")
            self._subscribe_anew(current)

    def _give_memory_back(self, current: ImageSubscription, infos: Mapping[str, Sequence[Any]]) -> None:
        """Subscribe anew after a publisher of far too large images has left, once smaller ones come."""
        identities = {bytes(info.endpoint_gid) for info in infos[current.way.transport]}
        known, self._identities = self._identities, identities
        self._one_has_left |= bool(known - self._identities)
        if self._one_has_left and current.keeps_much:
            self._one_has_left = False
            self._subscribe_anew(current)

    def _subscribe_anew(self, current: ImageSubscription) -> None:
        """Subscribe as before, unless another subscription has taken over: that one stays."""
        with self._lock:
            if self._current is not current:
                return
            ended, self._next = self._next, None  # from now on no other thread changes what is in use
        for subscription in filter(None, (ended, current)):
            subscription.close()
        self._close_replaced(after_s=0)
        opened = self._subscription(current.way)
        with self._lock:
            self._current = opened

    def _infos(self) -> dict[str, list[Any]]:
        """Return what is known of the publishers of each transport."""
        return {
            transport: self._node.get_publishers_info_by_topic(topic)
            for transport, topic in self._topics.items()
        }

    def _follow(self, current: ImageSubscription, infos: Mapping[str, Sequence[Any]]) -> None:
        """Go over to another transport or reliability where that is better."""
        used = current.quality()
        following = WayQuality() if self._next is None else self._next.quality()
        raw = used if current.way.transport == RAW else following
        transport = self._transport(current, infos, raw)
        way = Way(transport, self._reliability(infos[transport]))
        if way != current.way:
            self._change(current, way)
            self._end_idle(current, used, following)
        elif self._fixed is None and self._choice.tries_raw:
            self._open_next(Way(RAW, self._reliability(infos[RAW])), needed=inf)
        else:
            self._end_next()
        self._tell(infos, used if self._current is current else WayQuality())

    def _transport(
        self, current: ImageSubscription, infos: Mapping[str, Sequence[Any]], raw: WayQuality
    ) -> str:
        if self._fixed is not None:
            return self._fixed
        identities = {name: [bytes(info.endpoint_gid) for info in infos[name]] for name in infos}
        offer = Offer(identities[RAW], identities[COMPRESSED])
        return self._choice.choose(current.way.transport, offer, raw)

    def _change(self, current: ImageSubscription, way: Way) -> None:
        """Subscribe as is better beside what is in use, which is given up once that flows."""
        other_transport = way.transport != current.way.transport
        if self._open_next(way, PROOFS if other_transport else 1) and not other_transport:
            offered = way.reliability.name.lower()
            self._node.get_logger().info(f"{self.topic} is {offered}: subscribing so")
        with self._lock:
            # Of raw images that only seem to be lost, one says that they are not.
            given_up = other_transport and way.transport == COMPRESSED
            self._proves_silence = given_up and self._choice.impaired is None

    def _end_idle(self, current: ImageSubscription, quality: WayQuality, following: WayQuality) -> None:
        """Have the same images come by the second subscription where they come by neither."""
        with self._lock:
            if (
                self._next is not None
                and self._next.way.transport == current.way.transport
                and min(quality.silent_s, following.silent_s) >= IDLE_S
            ):
                self._take_over()

    def _open_next(self, way: Way, needed: float) -> bool:
        """Have the second subscription be as told; return whether it was not."""
        with self._lock:
            if self._next is not None and self._next.way == way:
                self._needed = min(self._needed, needed)
                return False
        self._end_next()
        opened = self._subscription(way)
        with self._lock:
            self._next, self._needed = opened, needed
        return True

    def _end_next(self) -> None:
        with self._lock:
            ended, self._next, self._proves_silence = self._next, None, False
        if ended is not None:
            ended.close()

    def _reliability(self, infos: Sequence[Any]) -> ReliabilityPolicy:
        """Return the reliability to ask for; without publishers, the one in use."""
        if self._wanted != AUTO:
            return RELIABILITIES[self._wanted]
        offers = {info.qos_profile.reliability for info in infos}
        if not offers:
            return self._way.reliability
        return RELIABLE if offers == {RELIABLE} else BEST_EFFORT

    def _tell(self, infos: Mapping[str, Sequence[Any]], quality: WayQuality) -> None:
        """Say what is in use, and what keeps images from arriving."""
        current = self._current
        assert current is not None
        before, self._way = self._way, current.way
        used = infos[current.way.transport]
        self.publishers = len(used)
        for subscription in filter(None, (current, self._next)):
            subscription.several = len(infos[subscription.way.transport]) > 1
        offers_less = any(info.qos_profile.reliability == BEST_EFFORT for info in used)
        self.mismatch = self._mismatch() if current.way.reliability == RELIABLE and offers_less else ""
        if self.mismatch:
            self._logger.error(self.mismatch)
        was_impaired, self.impairment = bool(self.impairment), self._impairment(infos, quality)
        if before.transport != current.way.transport:
            self._node.get_logger().info(f"images are taken from {self.topic}")
            was_impaired = False
        if self.impairment and not was_impaired:
            self._logger.warning(self.impairment)

    def _mismatch(self) -> str:
        return (
            f"a publisher of {self.topic} offers less than image_reliability: {self._wanted} asks for:"
            " its images do not arrive. Set image_reliability to auto or best_effort"
        )

    def _impairment(self, infos: Mapping[str, Sequence[Any]], quality: WayQuality) -> str:
        """Return what happens to images on their way, and the cures."""
        raw, compressed = self._topics[RAW], self._topics[COMPRESSED]
        given_up = (
            self._way.transport == COMPRESSED
            and self._choice.impaired is not None
            and not self._choice.tries_raw
            and infos[RAW]
        )
        if not given_up and not quality.is_impaired:
            return ""
        cure = transport_cure(
            " and ".join(sorted({endpoint_name(info) for info in infos[RAW]})) or "the camera"
        )
        if given_up:
            return (
                f"images are taken from {compressed}, for on {raw} {self._choice.impaired}:"
                f" {cure}, or keep to this with image_transport: compressed"
            )
        if self._way.transport == COMPRESSED:
            return f"on {compressed} {quality}: {cure}"
        if not infos[COMPRESSED]:
            return f"on {raw} {quality}: {cure}, or have it publish {compressed}"
        # With auto the compressed ones are about to be taken.
        return f"on {raw} {quality}: {cure}, or set image_transport to auto" if self._fixed else ""

    def _look_elsewhere(self, infos: Mapping[str, Sequence[Any]]) -> None:
        """Say where images are published if they are not where they are waited for."""
        now_s = time.monotonic()
        if any(infos.values()):
            self._published_s, self.elsewhere = now_s, ""
        elif now_s - self._published_s >= DISCOVERY_S:
            camera_info = self._node.resolve_topic_name("camera_info")
            found = remapping(self._topics[RAW], camera_info, published_images(self._node))
            before, self.elsewhere = self.elsewhere, found
            if self.elsewhere and self.elsewhere != before:
                self._logger.warning(f"no publisher on {self._topics[RAW]}; {self.elsewhere}")
