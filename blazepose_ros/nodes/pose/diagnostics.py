# SPDX-License-Identifier: Apache-2.0
"""Publishes the node's health on /diagnostics."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping

from diagnostic_msgs.msg import DiagnosticArray
from rclpy.clock import Clock, ClockType
from rclpy.node import Node

from blazepose_ros.conversions.diagnostics import figures, to_diagnostic_array
from blazepose_ros.core.diagnostics.health import Situation, assess
from blazepose_ros.core.diagnostics.statistics import Statistics
from blazepose_ros.core.estimation.loading import LoadedModel
from blazepose_ros.core.settings import NodeSettings
from blazepose_ros.nodes.common.process_tuning import rss_mb

TOPIC = "/diagnostics"
PERIOD_S = 1.0
DEPTH = 10
NAME = "images to people"


def key_values(settings: NodeSettings, model: LoadedModel | None, *, calibrated: bool) -> dict[str, str]:
    """Return the keys and values that diagnostics show beside the figures."""
    return {
        "model": model.complexity.name if model else "none",
        "backend": model.backend if model else "none",
        "threads": str(settings.num_threads or "all cores"),
        "memory (MB)": f"{rss_mb(os.getpid()):.0f}",
        "calibration": "camera_info" if calibrated else "assumed",
        "placement": settings.placement,
    }


class DiagnosticsPublisher:
    """Publishes a status every second, whatever the node's clock and state.

    Args:
        node: the node that it is about.
        statistics: of its images.
        situation: called for what they do not say.
        values: called for keys and values to show beside the figures.
    """

    def __init__(
        self,
        node: Node,
        statistics: Statistics,
        situation: Callable[[], Situation],
        values: Callable[[], Mapping[str, str]],
    ) -> None:
        self._node = node
        self._statistics = statistics
        self._situation = situation
        self._values = values
        self._publisher = node.create_publisher(DiagnosticArray, TOPIC, DEPTH)
        # Not the node's clock: with use_sim_time it may stand still.
        self._timer = node.create_timer(
            PERIOD_S, self._publish, clock=Clock(clock_type=ClockType.STEADY_TIME)
        )

    def _publish(self) -> None:
        snapshot, situation = self._statistics.snapshot(), self._situation()
        name = f"{self._node.get_fully_qualified_name().lstrip('/')}: {NAME}"
        values = {"state": situation.state, **figures(snapshot), **self._values()}
        now = self._node.get_clock().now().to_msg()
        health = assess(snapshot, situation)
        self._publisher.publish(to_diagnostic_array(name, situation.topic, health, values, now))
