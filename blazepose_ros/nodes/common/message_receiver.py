# SPDX-License-Identifier: Apache-2.0
"""Takes messages in a thread of its own, as they come over the wire."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any

from rclpy.callback_groups import ReentrantCallbackGroup
from rclpy.guard_condition import GuardCondition
from rclpy.impl.implementation_singleton import rclpy_implementation
from rclpy.node import Node
from rclpy.qos import QoSProfile

from blazepose_ros.conversions.cdr import SerializedMessage
from blazepose_ros.nodes.common.events import (
    QoSSubscriptionEventType,
    SubscriptionEventCallbacks,
    UnsupportedEventTypeError,
    event_handle,
)
from blazepose_ros.nodes.common.serialized_take import MessageInfo, take_serialized

# Fast DDS says that a message is there as soon as a part of it is, and for many seconds after a process was
# held up. Looking for the whole of it without a pause takes a core, and keeps the rest from coming.
_PAUSE_S = 0.001
# What a message waits for may come sooner than was estimated: so often it is looked at.
_MOST_S_WITHOUT_A_LOOK = 0.02


class MessageReceiver:
    """Subscribes to a topic and hands over each serialized message at once.

    rclpy's executors look through everything a node has for every message, which takes a
    millisecond, and hand over nothing while they are busy with another callback. This thread
    waits for one subscription alone, as ``rclpy.wait_for_message`` does.

    Args:
        node: the node that subscribes.
        message_type: the topic's.
        topic: its name.
        qos: the quality of service to ask for.
        receive: called with each message and what is known of it, in the thread. What it raises
            ends the thread.
        spare_s: how long to leave a message that is there to the middleware, asked each time: a newer
            one may supersede it, at the depth of the quality of service, and is all that is copied.
        on_part: called, in the thread, where that was woken and no message is whole yet.
    """

    def __init__(
        self,
        node: Node,
        message_type: type,
        topic: str,
        qos: QoSProfile,
        receive: Callable[[SerializedMessage, MessageInfo], object],
        spare_s: Callable[[], float] = lambda: 0.0,
        on_part: Callable[[], object] = lambda: None,
    ) -> None:
        self._node = node
        self._receive = receive
        self._spare_s = spare_s
        self._on_part = on_part
        self._subscription = subscribe_without_executor(node, message_type, topic, qos)
        self._loss = self._loss_event()
        self._interruption = GuardCondition(None, None, context=node.context)
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._run, name="receiving", daemon=True)
        self._thread.start()

    def check(self) -> None:
        """Raise RuntimeError where an error has ended the thread."""
        if not self._thread.is_alive():
            raise RuntimeError(f"nothing receives {self._subscription.topic_name} any more")

    def lost(self) -> int | None:
        """Return how many messages were lost on the way since this was asked last.

        Those that newer ones superseded here are not among them. None where the middleware does not count.
        """
        if self._loss is None:
            return None
        return int(self._loss.take_event().total_count_change)

    def close(self) -> None:
        """Finish the message at hand and end the subscription."""
        self._closing.set()
        self._interruption.trigger()
        self._thread.join()
        if self._loss is not None:
            self._loss.destroy_when_not_in_use()
        self._node.destroy_subscription(self._subscription)
        self._interruption.destroy()

    def _loss_event(self) -> Any:
        """Return the middleware's count, which nobody waits for; None where it has none."""
        lost = QoSSubscriptionEventType.RCL_SUBSCRIPTION_MESSAGE_LOST
        try:
            return event_handle(self._subscription.handle, lost)
        except UnsupportedEventTypeError:
            return None

    def _run(self) -> None:
        wait_set = rclpy_implementation.WaitSet(1, 1, 0, 0, 0, 0, self._node.context.handle)
        with self._subscription.handle, self._interruption.handle:
            while not self._closing.is_set():
                self._wait(wait_set)
                self._leave_to_the_middleware()
                taken = take_serialized(self._subscription)
                if taken is None:
                    self._on_part()
                    self._closing.wait(_PAUSE_S)
                else:
                    self._receive(*taken)

    def _leave_to_the_middleware(self) -> None:
        """Give a message time to be superseded, and no more than it turns out to have."""
        end_s = time.monotonic() + (spare_s := self._spare_s())
        while spare_s > 0 and not self._closing.wait(min(spare_s, _MOST_S_WITHOUT_A_LOOK)):
            spare_s = min(self._spare_s(), end_s - time.monotonic())

    def _wait(self, wait_set: rclpy_implementation.WaitSet) -> None:
        wait_set.clear_entities()
        wait_set.add_subscription(self._subscription.handle)
        wait_set.add_guard_condition(self._interruption.handle)
        wait_set.wait(-1)


def subscribe_without_executor(node: Node, message_type: type, topic: str, qos: QoSProfile) -> Any:
    """Return a subscription whose messages wait until they are taken, with ``take_serialized``."""
    return node.create_subscription(
        message_type,
        topic,
        lambda _message: None,  # no executor calls it
        qos,
        callback_group=NotForExecutors(),
        # Fast DDS would wake who waits for the events with every message.
        event_callbacks=SubscriptionEventCallbacks(use_default_callbacks=False),
        raw=True,
    )


class NotForExecutors(ReentrantCallbackGroup):
    """Keeps what is in it away from executors."""

    def can_execute(self, _entity: object) -> bool:
        """Tell executors to leave an entity alone."""
        return False
