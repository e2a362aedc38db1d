# SPDX-License-Identifier: Apache-2.0
"""Gives a process the events of Humble's rclpy 3.3, by hiding what newer ones have."""

import importlib
import inspect
import sys
from types import ModuleType
from typing import Any

import rclpy.event_handler as newer


class PublisherEventCallbacks(newer.PublisherEventCallbacks):
    """Without the parameter matched, and without what came with it."""

    def __init__(
        self,
        *,
        deadline: Any = None,
        liveliness: Any = None,
        incompatible_qos: Any = None,
        use_default_callbacks: bool = True,
    ) -> None:
        super().__init__(
            deadline=deadline,
            liveliness=liveliness,
            incompatible_qos=incompatible_qos,
            use_default_callbacks=use_default_callbacks,
        )


older = ModuleType("rclpy.qos_event")
older.__dict__.update(
    PublisherEventCallbacks=PublisherEventCallbacks,
    SubscriptionEventCallbacks=newer.SubscriptionEventCallbacks,
    QoSSubscriptionEventType=newer.QoSSubscriptionEventType,
    UnsupportedEventTypeError=newer.UnsupportedEventTypeError,
)
assert "matched" not in inspect.signature(PublisherEventCallbacks).parameters
# These keep what they have.
for name in ("rclpy.node", "rclpy.publisher", "rclpy.subscription", "rclpy.lifecycle"):
    importlib.import_module(name)
sys.modules["rclpy.qos_event"] = older
sys.modules["rclpy.event_handler"] = None
