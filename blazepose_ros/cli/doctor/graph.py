# SPDX-License-Identifier: Apache-2.0
"""Cameras in the ROS graph, and whether their subscribers get the images."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

import rclpy
from rclpy.node import Node

from blazepose_ros.cli.doctor.check_result import CheckResult, ok, warn
from blazepose_ros.core.image_transport import COMPRESSED, RAW, WayQuality
from blazepose_ros.nodes.common.dds import transport_cure, use_image_profile
from blazepose_ros.nodes.common.image_topics import (
    COMPRESSED_SUFFIX,
    IMAGE_TYPES,
    camera_info_topic,
    endpoint_name,
    remapping,
)
from blazepose_ros.nodes.common.main import init_rclpy
from blazepose_ros.nodes.pose.image_subscription import BEST_EFFORT, RELIABLE, ImageSubscription, Way

# The node's own outputs are no cameras.
NOT_CAMERAS = ("annotated_image", "segmentation_mask")


@dataclass(frozen=True)
class LiveImageTopic:
    """A topic of images as the graph shows it.

    Attributes:
        name: of the topic.
        is_compressed: whether its images are CompressedImage.
        reliable: for each publisher, whether its QoS is reliable.
        demanding: the nodes whose subscriptions require that.
        is_calibrated: whether the camera_info beside it has a publisher.
        publishers: the nodes that publish.
        listeners: the nodes that subscribe.
        quality: what became of its images on their way here; None where that was not measured.
    """

    name: str
    is_compressed: bool
    reliable: Sequence[bool]
    demanding: Sequence[str]
    is_calibrated: bool
    publishers: Sequence[str] = ()
    listeners: Sequence[str] = ()
    quality: WayQuality | None = None

    @property
    def is_camera(self) -> bool:
        """Whether a camera publishes here."""
        return bool(self.reliable) and not self.name.endswith(NOT_CAMERAS)

    @property
    def offer(self) -> str:
        """What its publishers offer, for people."""
        words = {True: "reliable", False: "best effort"}
        return " and ".join(words[value] for value in sorted(set(self.reliable)))


def check_cameras(topics: Sequence[LiveImageTopic]) -> list[CheckResult]:
    """Check every camera: its publishers, its subscribers, its images, and whether it is calibrated."""
    cameras = [topic for topic in topics if topic.is_camera]
    if not cameras:
        return [
            warn(
                "cameras",
                "no topic of images has a publisher in this ROS domain",
                "start a camera, with the same ROS_DOMAIN_ID; without one: blazepose_camera",
            )
        ]
    published = [camera.name for camera in cameras]
    results = [check_camera(camera, published) for camera in cameras]
    return [*results, *_check_listeners(topics, published)]


def _check_listeners(topics: Sequence[LiveImageTopic], published: Sequence[str]) -> Iterator[CheckResult]:
    """Yield who waits for images where nobody publishes them, and where they are."""
    for topic in topics:
        fix = remapping(topic.name, camera_info_topic(topic.name), published)
        if topic.listeners and not topic.publishers and fix:
            who = ", ".join(topic.listeners)
            yield warn(f"topic {topic.name}", f"{who} waits for images, and nobody publishes them here", fix)


def check_camera(camera: LiveImageTopic, published: Sequence[str]) -> CheckResult:
    """Check one camera.

    Args:
        camera: its topic.
        published: all topics with images.
    """
    name = f"camera {camera.name}"
    if len(camera.reliable) > 1:
        return warn(
            name, f"{len(camera.reliable)} nodes publish here: their images mix", "remap all but one of them"
        )
    if camera.demanding and not all(camera.reliable):
        return warn(
            name,
            f"{', '.join(camera.demanding)} receives nothing: it asks for reliable images, the camera sends"
            " best effort",
            "set image_reliability to auto or best_effort",
        )
    if camera.quality is not None and camera.quality.is_impaired:
        fix = f"{transport_cure(' and '.join(camera.publishers))}{_or_compressed(camera, published)}"
        return warn(name, f"{camera.offer}, {camera.quality}", fix)
    if not camera.is_calibrated:
        return warn(
            name,
            f"{camera.offer}, no camera_info beside it: distances rest on an assumed field of view",
            "calibrate it, or set assumed_hfov_deg",
        )
    if camera.quality is not None and not camera.quality.arrived:
        return warn(
            name,
            f"{camera.offer}, with camera_info, but no image came within {MEASURE_S:g} s",
            "see whether the camera runs, and in the same container or on the same network",
        )
    return ok(name, f"{camera.offer}, with camera_info{_arrived(camera)}")


def _or_compressed(camera: LiveImageTopic, published: Sequence[str]) -> str:
    if camera.is_compressed:
        return ""
    compressed = f"{camera.name}{COMPRESSED_SUFFIX}"
    if compressed in published:
        return f", or take {compressed}, as image_transport: auto does"
    return f", or have it publish {compressed} as well"


def _arrived(camera: LiveImageTopic) -> str:
    if camera.quality is None:
        return ""
    return f"; {camera.quality.arrived} images came within {MEASURE_S:g} s, {camera.quality.lost} were lost"


# Most of a graph is known after two seconds, now and then it takes longer.
DISCOVERY_S = 4.0
POLL_S = 0.1

# How long each camera's images are counted. One camera after the other: all at once might be too much.
MEASURE_S = 2.0


def examine() -> Iterator[CheckResult]:
    """Yield what is found in the graph; it takes seconds to see all of it."""
    use_image_profile()
    init_rclpy()
    node = rclpy.create_node("blazepose_doctor")
    try:
        yield from check_cameras([*_measured(node, _discover(node))])
    finally:
        node.destroy_node()
        rclpy.try_shutdown()


def _discover(node: Node) -> list[LiveImageTopic]:
    deadline_s = time.monotonic() + DISCOVERY_S
    while time.monotonic() < deadline_s:
        time.sleep(POLL_S)  # discovery goes on in the middleware's threads
    return image_topics(node)


def _measured(node: Node, topics: Iterable[LiveImageTopic]) -> Iterator[LiveImageTopic]:
    """Yield topics, those of cameras with what becomes of their images."""
    for topic in topics:
        yield replace(topic, quality=_measure(node, topic)) if topic.is_camera else topic


def _measure(node: Node, topic: LiveImageTopic) -> WayQuality:
    """Subscribe to images as ``blazepose_node`` does, and return what becomes of them."""
    reliability = RELIABLE if all(topic.reliable) else BEST_EFFORT
    way = Way(COMPRESSED if topic.is_compressed else RAW, reliability)
    subscription = ImageSubscription(node, way, topic.name, lambda _subscription, _image: None)
    try:
        time.sleep(MEASURE_S)
        return subscription.quality()
    finally:
        subscription.close()


def image_topics(node: Node) -> list[LiveImageTopic]:
    """Return the topics of images that a node knows of."""
    return [
        _image_topic(node, name, IMAGE_TYPES[types[0]] == COMPRESSED)
        for name, types in node.get_topic_names_and_types()
        if types[0] in IMAGE_TYPES
    ]


def _image_topic(node: Node, name: str, is_compressed: bool) -> LiveImageTopic:
    publishers = node.get_publishers_info_by_topic(name)
    listeners = node.get_subscriptions_info_by_topic(name)
    return LiveImageTopic(
        name=name,
        is_compressed=is_compressed,
        reliable=[info.qos_profile.reliability == RELIABLE for info in publishers],
        demanding=[endpoint_name(info) for info in listeners if info.qos_profile.reliability == RELIABLE],
        is_calibrated=node.count_publishers(camera_info_topic(name)) > 0,
        publishers=[endpoint_name(info) for info in publishers],
        listeners=[endpoint_name(info) for info in listeners],
    )
