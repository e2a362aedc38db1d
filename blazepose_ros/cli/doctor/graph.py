# SPDX-License-Identifier: Apache-2.0
"""Cameras in the ROS graph, and whether their subscribers get the images."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import rclpy
from rclpy.node import Node
from rclpy.qos import ReliabilityPolicy
from rclpy.signals import SignalHandlerOptions

from blazepose_ros.cli.doctor.check_result import CheckResult, ok, warn

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
    """

    name: str
    is_compressed: bool
    reliable: Sequence[bool]
    demanding: Sequence[str]
    is_calibrated: bool

    @property
    def offer(self) -> str:
        """What its publishers offer, for people."""
        words = {True: "reliable", False: "best effort"}
        return " and ".join(words[value] for value in sorted(set(self.reliable)))


def check_cameras(topics: Sequence[LiveImageTopic]) -> list[CheckResult]:
    """Check every camera: its publishers, its subscribers, and whether it is calibrated."""
    cameras = [topic for topic in topics if topic.reliable and not topic.name.endswith(NOT_CAMERAS)]
    if not cameras:
        return [
            warn(
                "cameras",
                "no topic of images has a publisher in this ROS domain",
                "start a camera, with the same ROS_DOMAIN_ID; without one: blazepose_camera",
            )
        ]
    return [check_camera(camera) for camera in cameras]


def check_camera(camera: LiveImageTopic) -> CheckResult:
    """Check one camera."""
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
    if not camera.is_calibrated:
        return warn(
            name,
            f"{camera.offer}, no camera_info beside it: distances rest on an assumed field of view",
            "calibrate it, or set assumed_hfov_deg",
        )
    return ok(name, f"{camera.offer}, with camera_info{_transport(camera)}")


def _transport(camera: LiveImageTopic) -> str:
    return "; take it with image_transport: compressed" if camera.is_compressed else ""


# Most of a graph is known after two seconds, now and then it takes longer.
DISCOVERY_S = 4.0
POLL_S = 0.1

TYPES = {"sensor_msgs/msg/Image": False, "sensor_msgs/msg/CompressedImage": True}


def examine() -> Iterator[CheckResult]:
    """Yield what is found in the graph; it takes seconds to see all of it."""
    rclpy.init(args=[], signal_handler_options=SignalHandlerOptions.NO)
    node = rclpy.create_node("blazepose_doctor")
    try:
        yield from check_cameras(_discover(node))
    finally:
        node.destroy_node()
        rclpy.try_shutdown()


def _discover(node: Node) -> list[LiveImageTopic]:
    deadline_s = time.monotonic() + DISCOVERY_S
    while time.monotonic() < deadline_s:
        time.sleep(POLL_S)  # discovery goes on in the middleware's threads
    return image_topics(node)


def image_topics(node: Node) -> list[LiveImageTopic]:
    """Return the topics of images that a node knows of."""
    return [
        _image_topic(node, name, TYPES[types[0]])
        for name, types in node.get_topic_names_and_types()
        if types[0] in TYPES
    ]


def _image_topic(node: Node, name: str, is_compressed: bool) -> LiveImageTopic:
    camera = name.removesuffix("/compressed").rpartition("/")[0]
    return LiveImageTopic(
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
