"""Everything that the node subscribes to."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from types import SimpleNamespace
from typing import Any

from rclpy.node import Node
from rclpy.qos import qos_profile_sensor_data
from sensor_msgs.msg import CameraInfo

from blazepose_ros.complaints import Complaints
from blazepose_ros.image_subscription import ImageSubscription
from blazepose_ros.image_transports import TRANSPORTS, ImageTransport
from blazepose_ros.scene_source import SceneSource

Receive = Callable[[bytes, ImageTransport, int], object]


class Inputs:
    """Subscribes to the topics beside the images, and to the images while they are wanted.

    Args:
        node: the node that subscribes.
        settings: the parameters' values.
        scenes: what hears the topics beside the images.
        receive: called with each serialised image, its transport, and when it came.
        complaints: where an incompatible publisher is told of.
    """

    def __init__(
        self,
        node: Node,
        settings: SimpleNamespace,
        scenes: SceneSource,
        receive: Receive,
        complaints: Complaints,
    ) -> None:
        self._node = node
        self._receive = receive
        transport = TRANSPORTS[settings.image_transport]
        self._images = ImageSubscription(
            node,
            transport.message_type,
            transport.topic,
            settings.image_reliability,
            partial(self._stamped, transport=transport),
            complaints,
        )
        self._beside_images = [
            self._listen(CameraInfo, "camera_info", scenes.calibration.update),
        ]
        node.get_logger().info(f"waiting for images on {node.resolve_topic_name(transport.topic)}")

    def take_images(self, wanted: bool) -> None:
        """Subscribe to the images, or end that."""
        if wanted:
            self._images.open()
        else:
            self._images.close()

    def close(self) -> None:
        """End all subscriptions."""
        self._images.end()
        for subscription in self._beside_images:
            self._node.destroy_subscription(subscription)

    def _listen(self, message_type: type, topic: str, callback: Callable[[Any], object]) -> Any:
        return self._node.create_subscription(message_type, topic, callback, qos_profile_sensor_data)

    def _stamped(self, serialized: bytes, transport: ImageTransport) -> None:
        self._receive(serialized, transport, self._node.get_clock().now().nanoseconds)
