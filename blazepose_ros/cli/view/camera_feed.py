"""What is newest on one camera's topics, how often it came, and that in Markdown."""

from __future__ import annotations

import math
import re
from collections import defaultdict, deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from statistics import median

import cv2
import numpy as np
from numpy.typing import NDArray

from blazepose_ros.cli.view.people_in_3d import describe
from blazepose_ros.conversions import cdr, images
from blazepose_ros.conversions.headers import stamp_ns
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
