# SPDX-License-Identifier: Apache-2.0
"""Publishes a node's health on /diagnostics."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import NamedTuple

from diagnostic_msgs.msg import DiagnosticArray
from rclpy.clock import Clock, ClockType
from rclpy.node import Node

from blazepose_ros.conversions.diagnostics import to_diagnostic_array
from blazepose_ros.core.diagnostics.health import Health

TOPIC = "/diagnostics"
PERIOD_S = 1.0
DEPTH = 10


class Report(NamedTuple):
    """How a node is doing.

    Attributes:
        hardware_id: the topic of its input.
        health: level and message.
        values: figures and settings, in the order in which they are shown.
    """

    hardware_id: str
    health: Health
    values: Mapping[str, str]


class DiagnosticsPublisher:
    """Publishes a status every second, whatever the node's clock and state.

    Args:
        node: the node that it is about.
        name: what the node does.
        report: called for how it is doing.
    """

    def __init__(self, node: Node, name: str, report: Callable[[], Report]) -> None:
        self._node = node
        self._name = name
        self._report = report
        self._publisher = node.create_publisher(DiagnosticArray, TOPIC, DEPTH)
        # Not the node's clock: with use_sim_time it may stand still.
        self._timer = node.create_timer(
            PERIOD_S, self._publish, clock=Clock(clock_type=ClockType.STEADY_TIME)
        )

    def _publish(self) -> None:
        hardware_id, health, values = self._report()
        name = f"{self._node.get_fully_qualified_name().lstrip('/')}: {self._name}"
        now = self._node.get_clock().now().to_msg()
        self._publisher.publish(to_diagnostic_array(name, hardware_id, health, values, now))
