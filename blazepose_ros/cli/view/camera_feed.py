# SPDX-License-Identifier: Apache-2.0
"""The cameras in the graph: what is newest on their topics, and how often it came."""

from __future__ import annotations

import math
import time
from collections import OrderedDict, defaultdict, deque
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
from visualization_msgs.msg import MarkerArray

from blazepose_ros.cli.view.exercise_counts import ExerciseCounts, Lines
from blazepose_ros.cli.view.status_text import CameraStatus, Diagnosis
from blazepose_ros.conversions import cdr, images
from blazepose_ros.conversions.cdr import stamp_ns
from blazepose_ros.conversions.markers import read_frusta
from blazepose_ros.conversions.pose33 import POSES_TYPE, from_pose33
from blazepose_ros.core.diagnostics.statistics import OF_TODAY_MS, STAGES
from blazepose_ros.core.text import printable
from blazepose_ros.core.timestamps import NS_PER_MS
from blazepose_ros.core.types import Pose
from blazepose_ros.msg import Pose33Array, Timing
from blazepose_ros.nodes.common.log_throttle import LogThrottle

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


# Larger images are scaled down for the browser.
MAX_SIDE_PX = 960
# Poses come before or after the image that they are drawn on, by less than this many images.
REMEMBERED = 30
# No estimator finds more in an image; a page could not show them.
MAX_PEOPLE = 30


@dataclass(frozen=True)
class Shown:
    """What a page shows at a moment.

    Attributes:
        image: (height, width, 3) RGB, None where there is none.
        people: those in that image.
        fused: whether they are in a frame of several cameras, whose z axis is up.
        cameras: where these are: the ends of the lines of each one's frustum, (lines, 2, 3), meters.
        exercises: lines about what people have done, by their ids.
    """

    image: NDArray[np.uint8] | None
    people: Sequence[Pose]
    fused: bool = False
    cameras: Mapping[str, NDArray[np.float64]] = field(default_factory=dict)
    exercises: Lines = field(default_factory=dict)


@dataclass(eq=False)
class CameraFeed:
    """Takes a camera's messages; clocks are the caller's.

    Attributes:
        visibility_threshold: landmarks below it count as hidden.
        count: rises with every message, so that a page knows whether there is something new.
        fused: whether the people are those of several cameras: they are in no image.
    """

    visibility_threshold: float
    count: int = 0
    fused: bool = False
    _cameras: dict[str, NDArray[np.float64]] = field(default_factory=dict)
    _exercises: Lines = field(default_factory=dict)
    _people: OrderedDict[int, list[Pose]] = field(default_factory=OrderedDict)
    _image: bytes | None = None
    _latency: RecentRate = field(default_factory=RecentRate)
    _image_rate: RecentRate = field(default_factory=RecentRate)
    _stages: defaultdict[str, RecentRate] = field(default_factory=lambda: defaultdict(RecentRate))

    def take_poses(self, msg: Pose33Array, now_s: float, clock_ns: int) -> None:
        """Take the answer to an image, which has just come.

        Raises:
            ValueError: a field holds what it cannot.
        """
        stamp = stamp_ns(msg.header)
        self._people[stamp] = [from_pose33(pose) for pose in msg.poses[:MAX_PEOPLE]]
        self._people.move_to_end(stamp)
        if msg.poses:
            self.fused = msg.poses[0].image_width == 0
        if len(self._people) > REMEMBERED:
            self._people.popitem(last=False)
        self._latency.add(now_s, (clock_ns - stamp) / NS_PER_MS)
        self.count += 1

    def take_image(self, serialized: bytes, now_s: float) -> None:
        """Take an annotated image as it comes over the wire; it is read only when it is shown."""
        self._image = serialized
        self._image_rate.add(now_s, 0.0)
        self.count += 1

    def take_markers(self, msg: MarkerArray) -> None:
        """Take the markers, among them the cameras whose people are fused."""
        self._cameras = read_frusta(msg)

    def take_exercises(self, exercises: Lines) -> None:
        """Take how often people have done what; it is shown with the next image."""
        self._exercises = exercises

    def take_timing(self, msg: Timing, now_s: float) -> None:
        """Take how long the node's stages took."""
        for stage in STAGES:
            self._stages[stage].add(now_s, getattr(msg, f"{stage}_ms"))

    def shown(self) -> Shown:
        """Return the newest annotated image and the people in it, or the newest people without one.

        Raises:
            CdrError: the message is not an image.
            ImageError: its pixels cannot be read.
        """
        newest = next(reversed(self._people.values()), [])
        if self._image is None:
            return Shown(None, newest, self.fused, self._cameras, self._exercises)
        raw = cdr.read_image(self._image)
        people = self._people.get(stamp_ns(raw.header), newest)
        return Shown(_small(images.to_rgb(raw)), people, exercises=self._exercises)

    def status(self, now_s: float) -> CameraStatus:
        """Return the rates and delays of the last seconds."""
        latency_ms = self._latency.median(now_s)
        return CameraStatus(
            poses_hz=self._latency.rate_hz(now_s),
            images_hz=self._image_rate.rate_hz(now_s),
            latency_ms=latency_ms if abs(latency_ms) < OF_TODAY_MS else np.nan,
            stages_ms={stage: taken.median(now_s) for stage, taken in self._stages.items()},
            fused=self.fused,
        )


def _small(rgb: NDArray[np.uint8]) -> NDArray[np.uint8]:
    height, width = rgb.shape[:2]
    scale = MAX_SIDE_PX / max(height, width)
    if scale >= 1:
        return rgb
    size = max(1, round(width * scale)), max(1, round(height * scale))
    return cv2.resize(rgb, size, interpolation=cv2.INTER_AREA)


# A status that has not been repeated for so long is gone.
DIAGNOSIS_LASTS_S = 5.0
# More statuses, or a longer text, are no robot's.
MAX_DIAGNOSES = 100
MAX_TEXT_CHARACTERS = 1000


class RecentDiagnoses:
    """The newest status of each name, for `DIAGNOSIS_LASTS_S`; at most `MAX_DIAGNOSES`."""

    def __init__(self) -> None:
        self._taken: dict[str, tuple[float, Diagnosis]] = {}

    def take(self, diagnosis: Diagnosis, now_s: float) -> None:
        """Take a status at monotonic seconds; a further name than fits is left out."""
        if diagnosis.name not in self._taken and len(self._taken) >= MAX_DIAGNOSES:
            self._forget(now_s)
        if diagnosis.name in self._taken or len(self._taken) < MAX_DIAGNOSES:
            self._taken[diagnosis.name] = (now_s, diagnosis)

    def newest(self, now_s: float) -> list[Diagnosis]:
        """Return the statuses that are repeated, by their names."""
        self._forget(now_s)
        return [diagnosis for _, (_, diagnosis) in sorted(self._taken.items())]

    def _forget(self, now_s: float) -> None:
        self._taken = {
            name: taken for name, taken in self._taken.items() if now_s - taken[0] < DIAGNOSIS_LASTS_S
        }


# A list in which one still finds something.
MAX_CAMERAS = 100

# The page takes what is newest and misses what it has no time for; no publisher waits for it.
QOS = QoSProfile(depth=1, reliability=ReliabilityPolicy.BEST_EFFORT)
# Statuses come once a second, several publishers one after another.
DIAGNOSTICS_QOS = QoSProfile(depth=10)


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
        self._with_markers: set[str] = set()
        self._exercises: dict[str, ExerciseCounts] = {}
        self._diagnoses = RecentDiagnoses()
        self._throttled_log = LogThrottle(self.get_logger())
        self.create_subscription(DiagnosticArray, "/diagnostics", self._take_diagnostics, DIAGNOSTICS_QOS)

    def cameras(self) -> list[str]:
        """Return the topics of poses that have a publisher now."""
        found = self.get_topic_names_and_types()
        topics = (topic for topic, types in found if POSES_TYPE in types and self.count_publishers(topic))
        return sorted(topics)[:MAX_CAMERAS]

    def listen_to(self, topics: Set[str]) -> None:
        """Listen to these cameras and to no others."""
        for topic in self.feeds.keys() - topics:
            del self.feeds[topic]
            self._with_markers.discard(topic)
            self._exercises.pop(topic).close()
            for subscription in self._subscribed.pop(topic):
                self.destroy_subscription(subscription)
        for topic in topics - self.feeds.keys():
            self.feeds[topic] = feed = CameraFeed(self._threshold)
            self._subscribed[topic] = self._subscribe(topic, feed)
            self._exercises[topic] = ExerciseCounts(self, topic, QOS, feed.take_exercises)
        for exercises in self._exercises.values():
            exercises.follow()

    def diagnoses(self) -> list[Diagnosis]:
        """Return the newest statuses by their names."""
        return self._diagnoses.newest(time.monotonic())

    def _subscribe(self, topic: str, feed: CameraFeed) -> list[Any]:
        base = topic.rpartition("/")[0]
        return [
            self.create_subscription(
                Pose33Array,
                topic,
                lambda msg: self._take_poses(topic, feed, msg),
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

    def _take_poses(self, topic: str, feed: CameraFeed, msg: Pose33Array) -> None:
        try:
            feed.take_poses(msg, time.monotonic(), self.get_clock().now().nanoseconds)
        except ValueError as err:
            self._throttled_log.error(f"poses left out: {printable(str(err))}")
        if feed.fused and topic not in self._with_markers and self.feeds.get(topic) is feed:
            # Only then: a camera's node would draw markers for nothing.
            self._with_markers.add(topic)
            markers = f"{topic.rpartition('/')[0]}/markers"
            subscription = self.create_subscription(MarkerArray, markers, feed.take_markers, QOS)
            self._subscribed[topic].append(subscription)

    def _take_diagnostics(self, msg: DiagnosticArray) -> None:
        for status in msg.status[:MAX_DIAGNOSES]:
            self._diagnoses.take(
                Diagnosis(
                    status.name[:MAX_TEXT_CHARACTERS],
                    int.from_bytes(status.level, "little"),
                    status.message[:MAX_TEXT_CHARACTERS],
                ),
                time.monotonic(),
            )
