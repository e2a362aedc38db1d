# SPDX-License-Identifier: Apache-2.0
"""What the page says about a camera, as HTML: rates, people, stages, diagnostics, and what to do.

Every text that comes over a topic is cut, escaped and put into an element of its own.
"""

from __future__ import annotations

import html
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from blazepose_ros.core.diagnostics.statistics import STAGES
from blazepose_ros.core.landmarks import Landmark
from blazepose_ros.core.text import printable
from blazepose_ros.core.types import Pose
from blazepose_ros.core.visualization.palette import label

# diagnostic_msgs/DiagnosticStatus: OK, WARN, ERROR, STALE.
LEVELS = ("OK", "WARN", "ERROR", "STALE")
# More than the longest message of the node's own diagnostics.
MAX_MESSAGE_CHARACTERS = 400


@dataclass(frozen=True)
class CameraStatus:
    """What one camera's topics say at a moment.

    Attributes:
        poses_hz: how many images are answered in a second; 0 while none is.
        images_hz: how many annotated images come in a second.
        latency_ms: from an image's stamp to its poses here, in the median; NaN where unknown.
        stages_ms: the median of each stage of the node, by the names of ``STAGES``.
        fused: whether the people are those of several cameras, which are in no image.
    """

    poses_hz: float = 0.0
    images_hz: float = 0.0
    latency_ms: float = math.nan
    stages_ms: Mapping[str, float] | None = None
    fused: bool = False


@dataclass(frozen=True)
class Diagnosis:
    """One status of a DiagnosticArray; ``level`` indexes ``LEVELS``."""

    name: str
    level: int
    message: str


def escaped(text: str, limit: int = MAX_MESSAGE_CHARACTERS) -> str:
    """Return a text from outside as HTML that shows it as it is, in one line."""
    return html.escape(printable(text, limit))


def rates(status: CameraStatus) -> str:
    """Return how many poses and images come, and how old they are."""
    numbers = (
        ("poses/s", _number(status.poses_hz)),
        ("images/s", _number(status.images_hz)),
        ("ms delay", _number(status.latency_ms)),
    )
    cells = "".join(f"<div><b>{value}</b> <span>{unit}</span></div>" for unit, value in numbers)
    return f'<div class="bp-rates">{cells}</div>'


def people_list(
    people: Sequence[Pose], visibility_threshold: float, lines: Mapping[int, Sequence[str]] | None = None
) -> str:
    """Return a line about each person: who, how far, how sure, how much is seen, and what else is known.

    Args:
        people: the people.
        visibility_threshold: landmarks below it count as hidden.
        lines: what else is known about them, by their ids.
    """
    lines = lines or {}
    if not people:
        return _hint("Nobody is in the image.")
    rows = "".join(
        f"<tr><td>{html.escape(label(person))}{_deviation(person)}"
        f"{''.join(f'<br><b>{escaped(line)}</b>' for line in lines.get(person.person_id, ()))}</td>"
        f"<td>{int((person.visibility >= visibility_threshold).sum())} of {len(Landmark)} visible</td></tr>"
        for person in people
    )
    return f'<table class="bp-table">{rows}</table>'


def hints(camera: str, status: CameraStatus) -> str:
    """Return what to do where something is missing; empty where all comes.

    Args:
        camera: the topic of poses; empty where there is none.
        status: what comes.
    """
    topic = f"<code>{escaped(camera)}</code>"
    base = escaped(camera.rpartition("/")[0])
    if not camera:
        return _hint(
            "No node is running yet. Start a camera and the node, each in a terminal of its own:"
            "<pre>blazepose_camera --ros-args -p source:=0\n"
            "blazepose_node --ros-args -r image:=image_raw</pre>"
            "Nodes on other machines or with another ROS_DOMAIN_ID are not seen."
        )
    if not status.poses_hz:
        return _hint(
            f"No poses are coming on {topic}. Is the camera running, and is the node active?"
            " Its diagnostics say what it waits for."
        )
    if not status.images_hz and not status.fused:
        return _hint(f"Poses are coming, but no image on <code>{base}/annotated_image</code>.")
    return ""


def diagnostics(diagnoses: Iterable[Diagnosis]) -> str:
    """Return the newest statuses, the worst first."""
    rows = "".join(
        f"<tr><td>{_badge(level_name(each.level))}</td><td><b>{escaped(each.name)}</b><br>{escaped(each.message)}</td></tr>"
        for each in sorted(diagnoses, key=lambda each: -each.level)
    )
    return f'<table class="bp-table">{rows}</table>' if rows else _hint("No diagnostics are coming.")


def stages(status: CameraStatus) -> str:
    """Return how long each stage of the node takes."""
    if not status.stages_ms:
        return _hint("No times are coming on the topic <code>timing</code> beside the poses.")
    rows = "".join(
        f"<tr><td>{name}</td><td>{_number(status.stages_ms[name])} ms</td></tr>" for name in STAGES
    )
    return f'<table class="bp-table bp-numbers">{rows}</table>'


def level_name(level: int) -> str:
    """Return a level as diagnostic_msgs names it, or the number where it names none."""
    return LEVELS[level] if level < len(LEVELS) else str(level)


def _badge(level: str) -> str:
    return f'<span class="bp-level bp-{level.lower()}">{level}</span>'


def _deviation(person: Pose) -> str:
    hips = person.hip_center
    deviation_m = math.nan if hips is None else hips.distance_std_m
    return f" &plusmn; {deviation_m:.2f} m" if math.isfinite(deviation_m) else ""


def _hint(text: str) -> str:
    return f'<div class="bp-hint">{text}</div>'


def _number(value: float) -> str:
    return f"{value:.1f}" if math.isfinite(value) else "-"
