# SPDX-License-Identifier: Apache-2.0
"""The cameras in the graph: what is newest on their topics, how often it came, and that in Markdown."""

from __future__ import annotations

import math
import re
import time
from collections import defaultdict, deque
from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass, field
from statistics import median
from typing import Any

import cv2
import numpy as np
from diagnostic_msgs.msg import DiagnosticArray
from numpy.typing import NDArray
from rclpy.node import Node
from rclpy.qos import QoSProfile, ReliabilityPolicy
from sensor_msgs.msg import Image

from blazepose_ros.cli.view.people_in_3d import describe
from blazepose_ros.conversions import cdr, images
from blazepose_ros.conversions.cdr import stamp_ns
from blazepose_ros.conversions.pose33 import from_pose33
from blazepose_ros.core.diagnostics.statistics import OF_TODAY_MS, STAGES
from blazepose_ros.core.timestamps import NS_PER_MS
from blazepose_ros.core.types import Pose
from blazepose_ros.msg import Pose33Array, Timing

RATE_WINDOW_S = 2.0


class RecentRate:
    """The measurements of the last two seconds."""

    def __init__(self) -> None:
        self._taken: deque[tuple[float, float]] = deque()

    def add(self, now_s: float, value: float) -> None:
        """Take a measurement at monotonic seconds."""
        self._taken.append((now_s, value))
        self._forget(now_s)

    def rate_hz(self, now_s: float) -> float:
        """Return how many came in a second; 0 while nothing comes, NaN after the first alone."""
        self._forget(now_s)
        if len(self._taken) < 2:
            return math.nan if self._taken else 0.0
        return (len(self._taken) - 1) / (self._taken[-1][0] - self._taken[0][0])

    def median(self, now_s: float) -> float:
        """Return the median; NaN while nothing comes."""
        self._forget(now_s)
        return median(value for _, value in self._taken) if self._taken else math.nan

    def _forget(self, now_s: float) -> None:
        while self._taken and now_s - self._taken[0][0] > RATE_WINDOW_S:
            self._taken.popleft()


# diagnostic_msgs/DiagnosticStatus: OK, WARN, ERROR, STALE.
LEVELS = ("OK", "WARN", "ERROR", "STALE")

_MARKDOWN = re.compile(r"([\\`*_{}\[\]<>()#+!|~-])")


@dataclass(frozen=True)
class CameraStatus:
    """What one camera's topics say at a moment.

    Attributes:
        poses_hz: how many images are answered in a second; 0 while none is.
        images_hz: how many annotated images come in a second.
        latency_ms: from an image's stamp to its poses here, in the median; NaN where unknown.
        stages_ms: the median of each stage of the node, by the names of ``STAGES``.
        people: a line about each person.
    """

    poses_hz: float = 0.0
    images_hz: float = 0.0
    latency_ms: float = math.nan
    stages_ms: Mapping[str, float] | None = None
    people: Sequence[str] = ()


@dataclass(frozen=True)
class Diagnosis:
    """One status of a DiagnosticArray; ``level`` indexes ``LEVELS``."""

    name: str
    level: int
    message: str


def summary(status: CameraStatus, diagnoses: Sequence[Diagnosis]) -> str:
    """Return rates, people and diagnostics."""
    if not status.poses_hz:
        return "\n\n".join(filter(None, ["**No poses are coming.**", _diagnostics(diagnoses)]))
    people = "\n".join(f"- {escaped(line)}" for line in status.people) or "No person is there."
    return "\n\n".join(filter(None, [_rates(status), people, _diagnostics(diagnoses)]))


def stages(status: CameraStatus) -> str:
    """Return how long each stage of the node takes."""
    if not status.stages_ms:
        return "The node publishes no timing."
    return _table(("stage", "median"), [(name, _number(status.stages_ms[name], "ms")) for name in STAGES])


def escaped(text: str) -> str:
    """Return a text that Markdown shows as it is."""
    return _MARKDOWN.sub(r"\\\1", " ".join(text.split()))


def _rates(status: CameraStatus) -> str:
    rows = [
        ("poses", _number(status.poses_hz, "/s")),
        ("images", _number(status.images_hz, "/s")),
        ("from image to here", _number(status.latency_ms, "ms")),
    ]
    return _table(("", ""), rows)


def _diagnostics(diagnoses: Sequence[Diagnosis]) -> str:
    rows = [(level_name(each.level), f"{escaped(each.name)}: {escaped(each.message)}") for each in diagnoses]
    return _table(("diagnostics", ""), rows, alignment="---|---") if rows else ""


def level_name(level: int) -> str:
    """Return a level as diagnostic_msgs names it, or the number where it names none."""
    return LEVELS[level] if level < len(LEVELS) else str(level)


def _table(head: tuple[str, str], rows: Sequence[tuple[str, str]], alignment: str = "---|---:") -> str:
    lines = [f"| {left} | {right} |" for left, right in (head, *rows)]
    return "\n".join([lines[0], f"|{alignment}|", *lines[1:]])


def _number(value: float, unit: str) -> str:
    return f"{value:.1f} {unit}" if math.isfinite(value) else f"- {unit}"


# Larger images are scaled down for the browser.
MAX_WIDTH_PX = 960


@dataclass(eq=False)
class CameraFeed:
    """Takes a camera's messages; clocks are the caller's.

    Attributes:
        visibility_threshold: landmarks below it count as hidden.
        people: those in the newest image, or None as long as no message has come.
        count: rises with every message, so that a page knows whether there is something new.
    """

    visibility_threshold: float
    people: list[Pose] | None = None
    count: int = 0
    _image: bytes | None = None
    _latency: RecentRate = field(default_factory=RecentRate)
    _image_rate: RecentRate = field(default_factory=RecentRate)
    _stages: defaultdict[str, RecentRate] = field(default_factory=lambda: defaultdict(RecentRate))

    def take_poses(self, msg: Pose33Array, now_s: float, clock_ns: int) -> None:
        """Take the answer to an image, which has just come."""
        self.people = [from_pose33(pose) for pose in msg.poses]
        self._latency.add(now_s, (clock_ns - stamp_ns(msg.header)) / NS_PER_MS)
        self.count += 1

    def take_image(self, serialized: bytes, now_s: float) -> None:
        """Take an annotated image as it comes over the wire; it is read only when it is shown."""
        self._image = serialized
        self._image_rate.add(now_s, 0.0)
        self.count += 1

    def take_timing(self, msg: Timing, now_s: float) -> None:
        """Take how long the node's stages took."""
        for stage in STAGES:
            self._stages[stage].add(now_s, getattr(msg, f"{stage}_ms"))

    def image(self) -> NDArray[np.uint8] | None:
        """Return the newest annotated image, (height, width, 3) RGB; None where there is none.

        Raises:
            CdrError: the message is not one.
            ImageError: its pixels cannot be read.
        """
        if self._image is None:
            return None
        rgb = images.to_rgb(cdr.read_image(self._image))
        height, width = rgb.shape[:2]
        if width <= MAX_WIDTH_PX:
            return rgb
        size = MAX_WIDTH_PX, max(1, round(height * MAX_WIDTH_PX / width))
        return cv2.resize(rgb, size, interpolation=cv2.INTER_AREA)

    def status(self, now_s: float) -> CameraStatus:
        """Return the rates and delays of the last seconds."""
        latency_ms = self._latency.median(now_s)
        return CameraStatus(
            poses_hz=self._latency.rate_hz(now_s),
            images_hz=self._image_rate.rate_hz(now_s),
            latency_ms=latency_ms if abs(latency_ms) < OF_TODAY_MS else np.nan,
            stages_ms={stage: taken.median(now_s) for stage, taken in self._stages.items()},
            people=[describe(person, self.visibility_threshold) for person in self.people or ()],
        )


POSES_TYPE = "blazepose_ros/msg/Pose33Array"

# The page takes what is newest and misses what it has no time for; no publisher waits for it.
QOS = QoSProfile(depth=1, reliability=ReliabilityPolicy.BEST_EFFORT)
# Statuses come once a second, several publishers one after another.
DIAGNOSTICS_QOS = QoSProfile(depth=10)

# A status that has not been repeated for so long is gone.
DIAGNOSIS_LASTS_S = 5.0


class GraphListener(Node):
    """Keeps a feed for each camera that is shown.

    A camera is known by its topic of poses; its other topics are the neighbours of that one,
    as ``blazepose_node`` names them. What is not shown is not subscribed.

    Args:
        visibility_threshold: landmarks below it count as hidden.

    Attributes:
        feeds: what is newest, by the topic of poses.
    """

    def __init__(self, visibility_threshold: float) -> None:
        super().__init__("blazepose_view")
        self.feeds: dict[str, CameraFeed] = {}
        self._threshold = visibility_threshold
        self._subscribed: dict[str, list[Any]] = {}
        self._diagnoses: dict[str, tuple[float, Diagnosis]] = {}
        self.create_subscription(DiagnosticArray, "/diagnostics", self._take_diagnostics, DIAGNOSTICS_QOS)

    def cameras(self) -> list[str]:
        """Return the topics of poses that have a publisher now."""
        found = self.get_topic_names_and_types()
        return sorted(topic for topic, types in found if POSES_TYPE in types and self.count_publishers(topic))

    def listen_to(self, topics: Set[str]) -> None:
        """Listen to these cameras and to no others."""
        for topic in self.feeds.keys() - topics:
            del self.feeds[topic]
            for subscription in self._subscribed.pop(topic):
                self.destroy_subscription(subscription)
        for topic in topics - self.feeds.keys():
            self.feeds[topic] = feed = CameraFeed(self._threshold)
            self._subscribed[topic] = self._subscribe(topic, feed)

    def diagnoses(self) -> list[Diagnosis]:
        """Return the newest statuses by their names."""
        now_s = time.monotonic()
        return [
            diagnosis
            for _, (taken_s, diagnosis) in sorted(self._diagnoses.items())
            if now_s - taken_s < DIAGNOSIS_LASTS_S
        ]

    def _subscribe(self, topic: str, feed: CameraFeed) -> list[Any]:
        base = topic.rpartition("/")[0]
        return [
            self.create_subscription(
                Pose33Array,
                topic,
                lambda msg: feed.take_poses(msg, time.monotonic(), self.get_clock().now().nanoseconds),
                QOS,
            ),
            self.create_subscription(
                Image,
                f"{base}/annotated_image",
                lambda serialized: feed.take_image(serialized, time.monotonic()),
                QOS,
                raw=True,
            ),
            self.create_subscription(
                Timing, f"{base}/timing", lambda msg: feed.take_timing(msg, time.monotonic()), QOS
            ),
        ]

    def _take_diagnostics(self, msg: DiagnosticArray) -> None:
        now_s = time.monotonic()
        for status in msg.status:
            diagnosis = Diagnosis(status.name, int.from_bytes(status.level, "little"), status.message)
            self._diagnoses[status.name] = (now_s, diagnosis)
