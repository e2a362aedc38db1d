"""Everything that the node subscribes to."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from types import SimpleNamespace
from typing import Any

from rclpy.node import Node
from rclpy.qos import DurabilityPolicy, QoSProfile, qos_profile_sensor_data
from sensor_msgs.msg import CameraInfo, Image
from tf2_msgs.msg import TFMessage
from vision_msgs.msg import Detection2DArray

from blazepose_ros.complaints import Complaints
from blazepose_ros.image_subscription import ImageSubscription
from blazepose_ros.image_transports import TRANSPORTS, ImageTransport
from blazepose_ros.scene_source import SceneSource
from blazepose_ros.target_frame import remember
from blazepose_ros.transform_tree import TransformTree

# The parameters that the subscription to the images depends on.
IMAGE_SETTINGS = ("image_transport", "image_reliability")

# As tf2_ros listens to /tf.
TF_DEPTH = 100

# The values of ``placement`` that look at depth images.
DEPTH_PLACEMENTS = ("auto", "depth")

Receive = Callable[[bytes, ImageTransport, int], object]


class Inputs:
    """Subscribes to the topics beside the images, and to the images while they are wanted.

    Args:
        node: the node that subscribes.
        settings: the parameters' values.
        scenes: what hears the topics beside the images.
        receive: called with each serialised image, its transport, and when it came.
        complaints: where an incompatible publisher is told of.
        tree: what remembers transforms, for people in ``target_frame``.
    """

    def __init__(
        self,
        node: Node,
        settings: SimpleNamespace,
        scenes: SceneSource,
        receive: Receive,
        complaints: Complaints,
        tree: TransformTree,
    ) -> None:
        self._node = node
        self._settings = settings
        self._receive = receive
        self._complaints = complaints
        self._scenes = scenes
        self._tree = tree
        self._images = self._image_subscription()
        self._calibrations = [
            self._listen(CameraInfo, "camera_info", scenes.calibration.receive),
            self._listen(CameraInfo, "depth/camera_info", scenes.depth.receive_calibration),
        ]
        self._depth = self._depth_subscription()
        self._detections = self._detection_subscription()
        self._transforms = self._transform_subscriptions()

    def change(self, settings: SimpleNamespace) -> None:
        """Subscribe as the new values say; the images have to be taken again."""
        before, self._settings = self._settings, settings
        if any(getattr(before, name) != getattr(settings, name) for name in IMAGE_SETTINGS):
            self._images.end()
            self._images = self._image_subscription()
        if before.placement != settings.placement:
            self._end_depth()
            self._depth = self._depth_subscription()
        if before.external_detections != settings.external_detections:
            self._end_detections()
            self._detections = self._detection_subscription()
        if bool(before.target_frame) != bool(settings.target_frame):
            self._end_transforms()
            self._transforms = self._transform_subscriptions()

    def take_images(self, wanted: bool) -> None:
        """Subscribe to the images, or end that."""
        if wanted:
            self._images.open()
        else:
            self._images.close()

    @property
    def images(self) -> ImageSubscription:
        """The subscription to the images."""
        return self._images

    def close(self) -> None:
        """End all subscriptions."""
        self._images.end()
        self._end_depth()
        self._end_detections()
        self._end_transforms()
        for subscription in self._calibrations:
            self._node.destroy_subscription(subscription)

    def _depth_subscription(self) -> Any:
        """Return the subscription to depth images, None where they are not used."""
        if self._settings.placement not in DEPTH_PLACEMENTS:
            return None
        return self._listen(Image, "depth", self._scenes.depth.receive)

    def _end_depth(self) -> None:
        if self._depth is not None:
            self._node.destroy_subscription(self._depth)

    def _detection_subscription(self) -> Any:
        """Return the subscription to the boxes of people, None where they are not used."""
        if not self._settings.external_detections:
            return None
        receive = self._scenes.detections.receive
        return self._node.create_subscription(
            Detection2DArray, "detections", receive, qos_profile_sensor_data
        )

    def _end_detections(self) -> None:
        if self._detections is not None:
            self._node.destroy_subscription(self._detections)

    def _transform_subscriptions(self) -> list[Any]:
        """Return the subscriptions to transforms, none where no target frame asks for them."""
        if not self._settings.target_frame:
            return []
        moving = partial(remember, self._tree, static=False)
        fixed = partial(remember, self._tree, static=True)
        kept = QoSProfile(depth=TF_DEPTH, durability=DurabilityPolicy.TRANSIENT_LOCAL)
        return [
            self._node.create_subscription(TFMessage, "/tf", moving, QoSProfile(depth=TF_DEPTH)),
            self._node.create_subscription(TFMessage, "/tf_static", fixed, kept),
        ]

    def _end_transforms(self) -> None:
        for subscription in self._transforms:
            self._node.destroy_subscription(subscription)

    def _image_subscription(self) -> ImageSubscription:
        transport = TRANSPORTS[self._settings.image_transport]
        topic = self._node.resolve_topic_name(transport.topic)
        self._node.get_logger().info(f"waiting for images on {topic}")
        return ImageSubscription(
            self._node,
            transport.message_type,
            topic,
            self._settings.image_reliability,
            partial(self._stamped, transport=transport),
            self._complaints,
        )

    def _listen(self, message_type: type, topic: str, callback: Callable[[bytes], object]) -> Any:
        """Subscribe to serialised messages: of a damaged one the middleware would say nothing."""
        return self._node.create_subscription(
            message_type, topic, callback, qos_profile_sensor_data, raw=True
        )

    def _stamped(self, serialized: bytes, transport: ImageTransport) -> None:
        self._receive(serialized, transport, self._node.get_clock().now().nanoseconds)
