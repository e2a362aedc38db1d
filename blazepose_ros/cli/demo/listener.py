# SPDX-License-Identifier: Apache-2.0
"""The demo's own node: it watches the camera and the node from outside."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Generic, TypeVar

import rclpy
from rclpy.executors import SingleThreadedExecutor
from rclpy.node import Node
from rclpy.qos import QoSProfile
from rclpy.signals import SignalHandlerOptions
from sensor_msgs.msg import CameraInfo, Image

from blazepose_ros.cli.demo.recorder import DemoFrame, Recorder
from blazepose_ros.cli.demo.report import Tally
from blazepose_ros.cli.signals import held_back
from blazepose_ros.conversions.cdr import stamp_ns
from blazepose_ros.conversions.images import to_rgb
from blazepose_ros.conversions.pose33 import from_pose33
from blazepose_ros.core.timestamps import NS_PER_MS
from blazepose_ros.core.types import Pose
from blazepose_ros.msg import Pose33Array

CAMERA_INFO, IMAGE = "camera_info", "image_raw"
POSES, ANNOTATED = "blazepose/poses", "blazepose/annotated_image"

_QOS = QoSProfile(depth=100)
# Where time is short, images are left out and the counts stay right.
_IMAGE_QOS = QoSProfile(depth=1)
# The longest wait for a message: the table and Ctrl-C wait as long.
_MOMENT_S = 0.05
# How many images wait for their answer; at 60 Hz these are half a second.
_MEMORY = 30

Item = TypeVar("Item")


@contextmanager
def listening(tally: Tally, recorder: Recorder) -> Iterator[DemoListener]:
    """Return a listener that receives messages for the length of a block."""
    with held_back():
        rclpy.init(args=[], signal_handler_options=SignalHandlerOptions.NO)
        listener = DemoListener(tally, recorder)
    try:
        yield listener
    finally:
        listener.destroy_node()
        rclpy.try_shutdown()


class DemoListener(Node):
    """Counts what comes and hands it to the recorder.

    It subscribes to the images only once the node is there: a camera that waits for two
    subscribers, this one and the node, then starts when the whole chain stands.

    Args:
        tally: counts images and poses.
        recorder: records them.

    Attributes:
        camera_seen: whether the camera's topics have appeared.
        node_seen: whether the node's topics have appeared.
    """

    def __init__(self, tally: Tally, recorder: Recorder) -> None:
        super().__init__("blazepose_demo")
        self.camera_seen = False
        self.node_seen = False
        self._tally = tally
        self._recorder = recorder
        self._images: _RecentItems[Image] = _RecentItems()
        self._poses: _RecentItems[Pose] = _RecentItems()
        self.create_subscription(CameraInfo, CAMERA_INFO, self._on_camera_info, _QOS)
        self.create_subscription(Pose33Array, POSES, self._on_poses, _QOS)
        self.create_subscription(Image, ANNOTATED, self._on_annotated, _IMAGE_QOS)
        self._own_executor = SingleThreadedExecutor()
        self._own_executor.add_node(self)

    def listen(self) -> None:
        """Receive the next message, if one comes within a moment.

        Raises:
            KeyboardInterrupt: Ctrl-C came meanwhile.
            SystemExit: SIGTERM came meanwhile.
        """
        with held_back():
            self._own_executor.spin_once(timeout_sec=_MOMENT_S)
            self._look_around()

    def _look_around(self) -> None:
        """Notice whether camera and node have appeared."""
        if not self.camera_seen:
            self.camera_seen = self.count_publishers(CAMERA_INFO) > 0
        if not self.node_seen and self.count_publishers(POSES):
            self.node_seen = True
            self.create_subscription(Image, IMAGE, self._on_image, _IMAGE_QOS)

    def _on_camera_info(self, msg: CameraInfo) -> None:
        self._tally.image(stamp_ns(msg.header), time.monotonic())

    def _on_image(self, msg: Image) -> None:
        self._images.put(stamp_ns(msg.header), msg)

    def _on_poses(self, msg: Pose33Array) -> None:
        captured_ns = stamp_ns(msg.header)
        latency_ms = (self.get_clock().now().nanoseconds - captured_ns) / NS_PER_MS
        pose = from_pose33(msg.poses[0]) if msg.poses else None
        self._tally.answer(captured_ns, time.monotonic(), latency_ms, pose)
        if pose is not None:
            self._poses.put(captured_ns, pose)

    def _on_annotated(self, msg: Image) -> None:
        captured_ns = stamp_ns(msg.header)
        annotated = to_rgb(msg)
        self._recorder.film(annotated, captured_ns)
        pose, image = self._poses.take(captured_ns), self._images.take(captured_ns)
        if pose is not None and image is not None:
            self._recorder.offer(DemoFrame(pose, to_rgb(image), annotated))


class _RecentItems(Generic[Item]):
    """The newest items by their stamp."""

    def __init__(self) -> None:
        self._items: OrderedDict[int, Item] = OrderedDict()

    def put(self, captured_ns: int, item: Item) -> None:
        self._items[captured_ns] = item
        if len(self._items) > _MEMORY:
            self._items.popitem(last=False)

    def take(self, captured_ns: int) -> Item | None:
        return self._items.pop(captured_ns, None)
