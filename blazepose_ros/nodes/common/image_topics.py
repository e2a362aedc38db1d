# SPDX-License-Identifier: Apache-2.0
"""The topics of images in the ROS graph: how they are called, and who is at their ends."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from rclpy.node import Node

from blazepose_ros.conversions.images import TRANSPORTS
from blazepose_ros.core.image_transport import COMPRESSED, RAW

# The types of such topics, and how their images are published.
IMAGE_TYPES = {"sensor_msgs/msg/Image": RAW, "sensor_msgs/msg/CompressedImage": COMPRESSED}


def topics_of(node: Node) -> dict[str, str]:
    """Return the topic of each transport, as image_transport has it: beside ``image``, whatever that became.

    A remapping of ``image/compressed`` itself comes first.
    """
    base = base_topic(node.resolve_topic_name("image"))
    unmapped, mapped = (
        node.resolve_topic_name(TRANSPORTS[COMPRESSED].topic, only_expand=only_expand)
        for only_expand in (True, False)
    )
    return {RAW: base, COMPRESSED: base + COMPRESSED_SUFFIX if mapped == unmapped else mapped}


def endpoint_name(info: Any) -> str:
    """Return the node of a publisher or subscription."""
    return f"{info.node_namespace.rstrip('/')}/{info.node_name}"


def published_images(node: Node) -> list[str]:
    """Return the topics of images that have a publisher."""
    return [
        name
        for name, types in node.get_topic_names_and_types()
        if types[0] in IMAGE_TYPES and node.count_publishers(name)
    ]


COMPRESSED_SUFFIX = "/compressed"

# What drivers and image_pipeline call color images, the likeliest first.
IMAGE_NAMES = ("image_raw", "image", "image_color", "image_rect_color", "image_rect")

# Images that people are not looked for in: depth, infrared, and what this package's node publishes.
OTHER_IMAGES = ("depth", "infra", "disparity", "annotated_image", "segmentation_mask")


def base_topic(topic: str) -> str:
    """Return the topic of images without its transport."""
    return topic.removesuffix(COMPRESSED_SUFFIX)


def camera_info_topic(topic: str) -> str:
    """Return where the calibration of a topic of images is: beside it, as image_transport has it."""
    return f"{base_topic(topic).rpartition('/')[0]}/camera_info"


def color_topics(topics: Iterable[str]) -> list[str]:
    """Return those of the topics of images that may show people, the likeliest first, without transports."""
    bases = {base_topic(topic) for topic in topics}
    return sorted((base for base in bases if not any(name in base for name in OTHER_IMAGES)), key=_rank)


def _rank(topic: str) -> tuple[int, str]:
    name = topic.rpartition("/")[2]
    return (IMAGE_NAMES.index(name) if name in IMAGE_NAMES else len(IMAGE_NAMES), topic)


def remapping(image: str, camera_info: str, published: Sequence[str]) -> str:
    """Return what a node that waits for color images in vain is to be started with; or nothing.

    Args:
        image: the topic it waits on, with its namespace.
        camera_info: where it takes calibrations from.
        published: topics of images with a publisher.
    """
    found = color_topics(published)
    if not found or base_topic(image) in found or not color_topics([image]):
        return ""
    best, *others = found
    rules = [f"image:={best}"]
    if camera_info_topic(best) != camera_info:
        rules.append(f"camera_info:={camera_info_topic(best)}")
    also = f" (or one of {', '.join(others)})" if others else ""
    return f"{best} has one{also}: start the node with --ros-args {' '.join(f'-r {rule}' for rule in rules)}"
