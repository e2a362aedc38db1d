# SPDX-License-Identifier: Apache-2.0
"""The middleware's events, by the names that each distribution's rclpy has for them.

Humble's rclpy 3.3 has no event for subscribers that come and go (``matched``), and keeps the others in
``rclpy.qos_event``.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

from rclpy.impl.implementation_singleton import rclpy_implementation

try:
    from rclpy.event_handler import (
        PublisherEventCallbacks,
        QoSSubscriptionEventType,
        SubscriptionEventCallbacks,
        UnsupportedEventTypeError,
    )
except ImportError:  # Humble
    from rclpy.qos_event import (
        PublisherEventCallbacks,
        QoSSubscriptionEventType,
        SubscriptionEventCallbacks,
        UnsupportedEventTypeError,
    )

__all__ = [
    "TELLS_OF_SUBSCRIBERS",
    "QoSSubscriptionEventType",
    "SubscriptionEventCallbacks",
    "UnsupportedEventTypeError",
    "event_handle",
    "when_matched",
]

# Whether subscribers that come and go are an event; else who wants to know has to look now and then.
TELLS_OF_SUBSCRIBERS = "matched" in inspect.signature(PublisherEventCallbacks.__init__).parameters

_HANDLES = ("EventHandle", "QoSEventHandle")  # the second one is Humble's


def when_matched(call: Callable[[], object]) -> PublisherEventCallbacks:
    """Return a publisher's callbacks: one whenever a subscriber comes or goes, where that is an event."""
    if not TELLS_OF_SUBSCRIBERS:
        return PublisherEventCallbacks()
    return PublisherEventCallbacks(matched=lambda _status: call())


def event_handle(entity: Any, event_type: Any) -> Any:
    """Return the middleware's count of an event, which nobody waits for.

    Raises:
        UnsupportedEventTypeError: the middleware does not count it.
    """
    handle = next(filter(None, (getattr(rclpy_implementation, name, None) for name in _HANDLES)))
    return handle(entity, event_type)
