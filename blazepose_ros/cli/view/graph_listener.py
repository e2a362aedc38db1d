"""The page's own node: it finds cameras in the graph and listens to those that are shown."""

from __future__ import annotations

import time
from collections.abc import Set
from typing import Any

from diagnostic_msgs.msg import DiagnosticArray
from rclpy.node import Node
from rclpy.qos import QoSProfile, ReliabilityPolicy
from sensor_msgs.msg import Image

from blazepose_ros.cli.view.camera_feed import CameraFeed, Diagnosis
from blazepose_ros.msg import Pose33Array, Timing

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
