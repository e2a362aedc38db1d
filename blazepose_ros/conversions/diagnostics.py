# SPDX-License-Identifier: Apache-2.0
"""The node's health as a diagnostic message."""

from __future__ import annotations

import math
from collections.abc import Mapping

from builtin_interfaces.msg import Time
from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus, KeyValue
from std_msgs.msg import Header

from blazepose_ros.core.diagnostics.health import Health
from blazepose_ros.core.diagnostics.statistics import Drop, Snapshot
from blazepose_ros.core.text import printable

# What a dashboard shows of a text that may come from outside.
MAX_CHARACTERS = 1000


def to_diagnostic_array(
    name: str, hardware_id: str, health: Health, values: Mapping[str, str], stamp: Time
) -> DiagnosticArray:
    """Return a message with one status.

    Args:
        name: the status's name; dashboards group by the part before the colon.
        hardware_id: the camera's topic.
        health: level and message.
        values: figures and settings, in the order in which they are shown.
        stamp: the current time.
    """
    status = DiagnosticStatus(
        level=bytes([health.level]),
        name=name,
        message=printable(health.message, MAX_CHARACTERS),
        hardware_id=hardware_id,
        values=[KeyValue(key=key, value=printable(value, MAX_CHARACTERS)) for key, value in values.items()],
    )
    return DiagnosticArray(header=Header(stamp=stamp), status=[status])


def figures(snapshot: Snapshot) -> dict[str, str]:
    """Return a snapshot's figures as keys and values."""
    return {
        "images received per second": f"{snapshot.input_hz:.1f}",
        "images processed per second": f"{snapshot.processed_hz:.1f}",
        **{f"images dropped because {why.value}": str(snapshot.dropped.get(why, 0)) for why in Drop},
        "processing median (ms)": _known(snapshot.processing_ms[0]),
        "processing 99 % (ms)": _known(snapshot.processing_ms[1]),
        "latency since stamp median (ms)": _known(snapshot.latency_ms[0]),
        "latency since stamp 99 % (ms)": _known(snapshot.latency_ms[1]),
        "last image (s ago)": _known(snapshot.last_image_age_s),
        "last person (s ago)": _known(snapshot.last_person_age_s),
        "people": "; ".join(snapshot.people) or "none",
        "stamps went back or jumped": str(snapshot.time_jumps),
        "stamps behind the node's clock (s)": _known(snapshot.stamp_age_s),
    }


def _known(value: float) -> str:
    return f"{value:.1f}" if math.isfinite(value) else "unknown"
