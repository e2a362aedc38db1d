# SPDX-License-Identifier: Apache-2.0
"""Subscriptions that ask for what the publishers offer; among them those to /tf and /tf_static."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from functools import partial
from typing import Any, NamedTuple

from rclpy.impl.implementation_singleton import rclpy_implementation
from rclpy.node import Node
from rclpy.qos import DurabilityPolicy, QoSProfile, ReliabilityPolicy
from tf2_msgs.msg import TFMessage

from blazepose_ros.conversions.cdr import CdrError
from blazepose_ros.conversions.tf_buffer import TfBuffer, remember
from blazepose_ros.core.errors import Logger
from blazepose_ros.nodes.common.message_receiver import MessageReceiver, subscribe_without_executor
from blazepose_ros.nodes.common.separate_node import close_separate, separate_node
from blazepose_ros.nodes.common.serialized_take import take_serialized

BEST_EFFORT, RELIABLE = ReliabilityPolicy.BEST_EFFORT, ReliabilityPolicy.RELIABLE
VOLATILE, TRANSIENT_LOCAL = DurabilityPolicy.VOLATILE, DurabilityPolicy.TRANSIENT_LOCAL


class Request(NamedTuple):
    """What a subscription asks for."""

    reliability: ReliabilityPolicy
    durability: DurabilityPolicy


# What every publisher is compatible with.
ANY = Request(BEST_EFFORT, VOLATILE)
# What was published before (latched) is sent again to those alone that ask for it reliably.
LATCHED = Request(RELIABLE, TRANSIENT_LOCAL)


def requests_for(offers: Iterable[Request]) -> set[Request]:
    """Return what to ask for so that every publisher is heard, and what it has latched.

    Args:
        offers: of each publisher.
    """
    volatile = [offer.reliability for offer in offers if offer != LATCHED]
    requests = {LATCHED} if LATCHED in offers else set()
    if volatile:
        requests.add(Request(RELIABLE if set(volatile) == {RELIABLE} else BEST_EFFORT, VOLATILE))
    return requests or {ANY}


class FollowedSubscription:
    """Subscribes to a topic with the reliability and durability that its publishers offer.

    Where a publisher has left, it subscribes anew: Fast DDS keeps memory for the largest message that ever
    came, even of one that never arrived whole, as long as there is the subscription.

    Args:
        node: the node that subscribes.
        message_type: the topic's.
        topic: its name.
        receive: called with each message, serialized; one that a publisher has latched may come twice.
        depth: how many messages wait.
    """

    def __init__(
        self,
        node: Node,
        message_type: type,
        topic: str,
        receive: Callable[[Any], object],
        depth: int,
    ) -> None:
        self._node = node
        self._arguments = message_type, topic, receive
        self._topic = node.resolve_topic_name(topic)
        self._depth = depth
        self._subscriptions: dict[Request, Any] = {}
        self._publishers: set[tuple[int, ...]] = set()
        self.follow()

    def follow(self) -> None:
        """Ask for what is offered now; without publishers for the same as before."""
        infos = self._node.get_publishers_info_by_topic(self._topic)
        offers = {Request(info.qos_profile.reliability, info.qos_profile.durability) for info in infos}
        known, self._publishers = self._publishers, {tuple(info.endpoint_gid) for info in infos}
        if known - self._publishers:
            self._subscribe_anew()
        if self._subscriptions and not offers:
            return
        requests = requests_for(offers)
        for request in requests - self._subscriptions.keys():
            self._subscriptions[request] = self._subscribe(request)
        for request in self._subscriptions.keys() - requests:
            self._end(self._subscriptions.pop(request))

    def close(self) -> None:
        """End it."""
        while self._subscriptions:
            self._end(self._subscriptions.popitem()[1])

    def _subscribe_anew(self) -> None:
        requests = list(self._subscriptions)
        self.close()  # all of them first: they share what Fast DDS keeps
        self._subscriptions = {request: self._subscribe(request) for request in requests}

    def _subscribe(self, request: Request) -> Any:
        return self._node.create_subscription(*self._arguments, self._qos(request), raw=True)

    def _end(self, subscription: Any) -> None:
        self._node.destroy_subscription(subscription)

    def _qos(self, request: Request) -> QoSProfile:
        return QoSProfile(depth=self._depth, **request._asdict())


class PolledSubscription(FollowedSubscription):
    """Hands over messages when it is asked to: an executor takes a millisecond of the processor for each.

    The arguments are those of `FollowedSubscription`; several threads may ask, one after the other.
    """

    def __init__(self, *arguments: Any) -> None:
        self._lock = threading.RLock()
        super().__init__(*arguments)

    def poll(self) -> None:
        """Hand over what has come since, in this thread."""
        _, _, receive = self._arguments
        with self._lock:
            for subscription in self._subscriptions.values():
                with subscription.handle:
                    while taken := take_serialized(subscription):
                        receive(taken[0])

    def follow(self) -> None:
        """Ask for what is offered now; without publishers for the same as before."""
        with self._lock:
            super().follow()

    def close(self) -> None:
        """End it."""
        with self._lock:
            super().close()

    def _subscribe(self, request: Request) -> Any:
        message_type, topic, _ = self._arguments
        return subscribe_without_executor(self._node, message_type, topic, self._qos(request))


class FollowedReceiver(FollowedSubscription):
    """Receives and takes messages in threads of their own: for large ones, which would keep services waiting.

    While there is a publisher, a separate node subscribes. The arguments are those of `FollowedSubscription`;
    messages are handed over in one of these threads.
    """

    _separate_node: Node | None = None

    def follow(self) -> None:
        """Ask for what is offered now; without publishers for nothing.

        Raises:
            RuntimeError: an error has ended the thread.
        """
        if self._node.count_publishers(self._topic):
            super().follow()
        else:
            self.close()
        for receiver in self._subscriptions.values():
            receiver.check()

    def close(self) -> None:
        """End it."""
        super().close()
        if self._separate_node is not None:
            close_separate(self._separate_node)
            self._separate_node = None

    def _subscribe(self, request: Request) -> MessageReceiver:
        message_type, _, receive = self._arguments
        return MessageReceiver(
            self._receiving_node(),
            message_type,
            self._topic,
            self._qos(request),
            lambda serialized, _info: receive(serialized),
        )

    def _receiving_node(self) -> Node:
        """Return the node that subscribes: this one itself where the middleware has no room for another."""
        if self._separate_node is None:
            try:
                self._separate_node = separate_node(self._node, "receiving")
            except rclpy_implementation.RCLError as err:
                cause = str(err).splitlines()[0]
                self._node.get_logger().warning(f"{self._topic} has no receiving threads of its own: {cause}")
                return self._node
        return self._separate_node

    def _end(self, subscription: MessageReceiver) -> None:
        subscription.close()


MOVING, STATIC = "/tf", "/tf_static"
# Half a second, which is how often they are taken at the latest, of 2,000 messages a second.
TF_DEPTH = 1000


class TransformSubscriptions:
    """Has a buffer remember the transforms that are published, once it is asked for one.

    Args:
        node: the node that subscribes.
        transforms: the buffer.
        logger: told of damaged messages, and of too many frames.
    """

    def __init__(self, node: Node, transforms: TfBuffer, logger: Logger) -> None:
        self._node = node
        self._transforms = transforms
        self._logger = logger
        self._subscriptions: dict[str, PolledSubscription] = {}

    def want(self, moving: bool, static: bool) -> None:
        """Listen to moving and to static transforms, or not."""
        wanted = {topic for topic, is_wanted in ((MOVING, moving), (STATIC, static)) if is_wanted}
        for topic in self._subscriptions.keys() - wanted:
            ended = self._subscriptions.pop(topic)
            self._transforms.polled.remove(ended)
            ended.close()
        for topic in wanted - self._subscriptions.keys():
            remembering = partial(self._remember, static=topic == STATIC)
            subscription = PolledSubscription(self._node, TFMessage, topic, remembering, TF_DEPTH)
            self._subscriptions[topic] = subscription
            self._transforms.polled.append(subscription)

    def follow(self) -> None:
        """Ask for what the publishers offer now, and take what has come; to be called twice a second."""
        for subscription in self._subscriptions.values():
            subscription.follow()
            subscription.poll()

    def close(self) -> None:
        """End all subscriptions."""
        self.want(moving=False, static=False)

    def _remember(self, serialized: bytes, *, static: bool) -> None:
        try:
            remember(self._transforms, serialized, static=static)
        except CdrError as err:
            self._logger.error(f"{STATIC if static else MOVING}: message dropped: {err}")
        if trouble := self._transforms.trouble:
            self._logger.warning(trouble)
