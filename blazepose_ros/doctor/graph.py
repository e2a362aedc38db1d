"""Looks at the ROS graph."""

from __future__ import annotations

import time
from collections.abc import Iterator

import rclpy
from rclpy.node import Node
from rclpy.qos import ReliabilityPolicy
from rclpy.signals import SignalHandlerOptions

from blazepose_ros.doctor.cameras import ImageTopic, check_cameras
from blazepose_ros.doctor.finding import Finding

# Most of a graph is known after two seconds, now and then it takes longer.
DISCOVERY_S = 4.0
POLL_S = 0.1

TYPES = {"sensor_msgs/msg/Image": False, "sensor_msgs/msg/CompressedImage": True}


def examine() -> Iterator[Finding]:
    """Yield what is found in the graph; it takes seconds to see all of it."""
    rclpy.init(args=[], signal_handler_options=SignalHandlerOptions.NO)
    node = rclpy.create_node("blazepose_doctor")
    try:
        yield from check_cameras(_discover(node))
    finally:
        node.destroy_node()
        rclpy.try_shutdown()


def _discover(node: Node) -> list[ImageTopic]:
    deadline_s = time.monotonic() + DISCOVERY_S
    while time.monotonic() < deadline_s:
        time.sleep(POLL_S)  # discovery goes on in the middleware's threads
    return image_topics(node)


def image_topics(node: Node) -> list[ImageTopic]:
    """Return the topics of images that a node knows of."""
    return [
        _image_topic(node, name, TYPES[types[0]])
        for name, types in node.get_topic_names_and_types()
        if types[0] in TYPES
    ]


def _image_topic(node: Node, name: str, is_compressed: bool) -> ImageTopic:
    camera = name.removesuffix("/compressed").rpartition("/")[0]
    return ImageTopic(
        name=name,
        is_compressed=is_compressed,
        reliable=[
            info.qos_profile.reliability == ReliabilityPolicy.RELIABLE
            for info in node.get_publishers_info_by_topic(name)
        ],
        demanding=[
            f"{info.node_namespace.rstrip('/')}/{info.node_name}"
            for info in node.get_subscriptions_info_by_topic(name)
            if info.qos_profile.reliability == ReliabilityPolicy.RELIABLE
        ],
        is_calibrated=node.count_publishers(f"{camera}/camera_info") > 0,
    )
