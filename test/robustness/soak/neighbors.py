# SPDX-License-Identifier: Apache-2.0
"""Hostile processes beside the node, each of one kind: ``python -m robustness.soak.neighbors KIND``.

They are nice to the processor, which any process can take: what they attack is the node.
"""

from __future__ import annotations

import os
import sys
from array import array
from collections.abc import Callable
from pathlib import Path
from tempfile import mkdtemp

import cv2
import numpy as np
import rclpy
from geometry_msgs.msg import TransformStamped
from lifecycle_msgs.msg import Transition
from lifecycle_msgs.srv import ChangeState
from rclpy.node import Node
from rclpy.parameter import Parameter
from rclpy.parameter_client import AsyncParameterClient
from rclpy.qos import DurabilityPolicy, QoSProfile
from sensor_msgs.msg import CompressedImage, Image
from std_msgs.msg import Header
from tf2_msgs.msg import TFMessage
from vision_msgs.msg import BoundingBox2D, Detection2D, Detection2DArray, ObjectHypothesisWithPose

NODE = "blazepose"
NICENESS = 10

CHAIN = 10_000  # frames, each the next one's parent
DETECTIONS = 2_000
DEPTH_SIDE_PX = 20_000  # in 32FC1 that is 1.6 GB
BOMB_SIDE_PX = 11_000  # a PNG of 120 kB that is 121 million pixels
LARGE_BYTES = 50_000_000


def png_bomb(side_px: int = BOMB_SIDE_PX) -> bytes:
    """Return a small PNG of a large image."""
    image = np.zeros((side_px, side_px), np.uint8)
    return cv2.imencode(".png", image, (cv2.IMWRITE_PNG_COMPRESSION, 9))[1].tobytes()


# How often it is done per second, and what.
Attack = tuple[float, Callable[[], object]]


def _header(node: Node) -> Header:
    return Header(stamp=node.get_clock().now().to_msg(), frame_id="hostile")


def _send_bombs(node: Node) -> Attack:
    """Send PNG bombs between the images of the good camera."""
    publisher = node.create_publisher(CompressedImage, "image/compressed", QoSProfile(depth=1))
    data = array("B", png_bomb())
    return 0.1, lambda: publisher.publish(CompressedImage(header=_header(node), format="png", data=data))


def _send_large_images(node: Node) -> Attack:
    """Send images of much data, which is none."""
    publisher = node.create_publisher(CompressedImage, "image/compressed", QoSProfile(depth=1))
    message = CompressedImage(format="jpeg", data=array("B", bytes(LARGE_BYTES)))
    return 0.1, lambda: publisher.publish(message)


def _flood_tf(node: Node) -> Attack:
    """Send long chains of frames that change their names, one of them latched."""
    latched = QoSProfile(depth=1, durability=DurabilityPolicy.TRANSIENT_LOCAL)
    static = node.create_publisher(TFMessage, "/tf_static", latched)
    moving = node.create_publisher(TFMessage, "/tf", QoSProfile(depth=1))
    static.publish(_chain(node, "latched"))
    numbers = iter(range(sys.maxsize))
    return 1.0, lambda: moving.publish(_chain(node, f"moving_{next(numbers)}"))


def _chain(node: Node, name: str) -> TFMessage:
    links = []
    for number in range(CHAIN):
        link = TransformStamped(header=_header(node), child_frame_id=f"{name}_{number + 1}")
        link.header.frame_id = f"{name}_{number}"
        links.append(link)
    return TFMessage(transforms=links)


def _flood_detections(node: Node) -> Attack:
    """Send thousands of boxes at once."""
    publisher = node.create_publisher(Detection2DArray, "detections", QoSProfile(depth=1))
    detection = Detection2D(
        bbox=BoundingBox2D(size_x=100.0, size_y=100.0), results=[ObjectHypothesisWithPose()]
    )
    detection.results[0].hypothesis.score = 1.0
    message = Detection2DArray(detections=[detection] * DETECTIONS)
    return 10.0, lambda: publisher.publish(message)


def _send_depth_once(node: Node) -> Attack:
    """Send one depth image of 1.6 GB, then empty ones."""
    publisher = node.create_publisher(Image, "depth", QoSProfile(depth=1))
    side = DEPTH_SIDE_PX
    data = array("B", bytes(4 * side * side))
    messages = [Image(width=side, height=side, step=4 * side, encoding="32FC1", data=data)]

    def send() -> None:
        if publisher.get_subscription_count():
            publisher.publish(messages.pop() if messages else Image(encoding="32FC1"))

    return 1.0, send


def _set_bad_files(node: Node) -> Attack:
    """Name files that are no models, and ask for steps of the life cycle that there are not."""
    parameters = AsyncParameterClient(node, NODE)
    states = node.create_client(ChangeState, f"{NODE}/change_state")
    fifo = Path(mkdtemp(prefix="soak_")) / "fifo"  # left to the system: a hostile process cleans up nothing
    os.mkfifo(fifo)
    paths = ("/dev/zero", str(fifo), str(fifo.parent), "/etc/passwd", "/proc/self/mem", "~nobody/x")
    turns = iter(range(sys.maxsize))

    def call() -> None:
        path = paths[next(turns) % len(paths)]
        parameters.set_parameters([Parameter("model_path", value=path)])
        states.call_async(ChangeState.Request(transition=Transition(id=255)))

    return 2.0, call


KINDS: dict[str, Callable[[Node], Attack]] = {
    "bombs": _send_bombs,
    "large_images": _send_large_images,
    "tf": _flood_tf,
    "detections": _flood_detections,
    "depth": _send_depth_once,
    "bad_files": _set_bad_files,
}


def main(kind: str) -> None:
    """Attack until the process is ended."""
    os.nice(NICENESS)
    rclpy.init(args=[])
    node = rclpy.create_node(f"hostile_{kind}")
    rate_hz, attack = KINDS[kind](node)
    node.create_timer(1 / rate_hz, attack)
    rclpy.spin(node)


if __name__ == "__main__":
    main(sys.argv[1])
