# SPDX-License-Identifier: Apache-2.0
"""Everything that the node subscribes to."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from rclpy.node import Node
from rclpy.qos import DurabilityPolicy, QoSProfile, qos_profile_sensor_data
from sensor_msgs.msg import CameraInfo, Image
from tf2_msgs.msg import TFMessage
from vision_msgs.msg import Detection2DArray

from blazepose_ros.conversions.frame_context import FrameContextCollector
from blazepose_ros.conversions.images import TRANSPORTS
from blazepose_ros.conversions.target_frame import remember
from blazepose_ros.conversions.tf_buffer import TfBuffer
from blazepose_ros.core.errors import Logger
from blazepose_ros.core.settings import NodeSettings
from blazepose_ros.nodes.pose.image_pipeline import ImagePipeline
from blazepose_ros.nodes.pose.image_receiver import ImageReceiver

# The parameters that the subscription to the images depends on.
IMAGE_SETTINGS = ("image_transport", "image_reliability")

# As tf2_ros listens to /tf.
TF_DEPTH = 100

# The parameters that the subscriptions beside the images depend on.
BESIDES_SETTINGS = ("placement", "external_detections")

# The values of ``placement`` that look at depth images.
DEPTH_PLACEMENTS = ("auto", "depth")


class Subscriptions:
    """Subscribes to the images and the topics beside them, while they are wanted.

    The calibration is subscribed to before that, so that the first image finds it there, and so are
    transforms, where they are of use: an image needs those before it.

    Args:
        node: the node that subscribes.
        settings: as they are now.
        pipeline: is given the images.
        contexts: is given the messages of the topics beside the images.
        transforms: remembers /tf, for people in ``target_frame``.
        logger: told of incompatible publishers.
    """

    def __init__(
        self,
        node: Node,
        settings: NodeSettings,
        pipeline: ImagePipeline,
        contexts: FrameContextCollector,
        transforms: TfBuffer,
        logger: Logger,
    ) -> None:
        self._node = node
        self._settings = settings
        self._pipeline = pipeline
        self._contexts = contexts
        self._transforms = transforms
        self._logger = logger
        self._wanted = False
        self._images = self._image_receiver()
        self._calibration = self._calibration_subscriptions()
        self._besides: list[Any] = []
        self._transform_subscriptions = self._subscribe_to_transforms()

    def change(self, settings: NodeSettings) -> None:
        """Subscribe as the new values say; the images have to be taken again."""
        before, self._settings = self._settings, settings
        if any(getattr(before, name) != getattr(settings, name) for name in IMAGE_SETTINGS):
            self._images.end()
            self._images = self._image_receiver()
        if any(getattr(before, name) != getattr(settings, name) for name in BESIDES_SETTINGS):
            self._end(self._besides)
        if bool(before.target_frame) != bool(settings.target_frame):
            self._end(self._transform_subscriptions)
            self._transform_subscriptions = self._subscribe_to_transforms()

    def take_images(self, wanted: bool) -> None:
        """Subscribe to the images and what belongs to them, or end that."""
        self._wanted = wanted
        if wanted:
            self._images.open()
            self._calibration = self._calibration or self._calibration_subscriptions()
            self._besides = self._besides or self._subscriptions_besides()
        else:
            self._images.close()
            self._end(self._besides)
            self._end_calibration_where_known()

    @property
    def images(self) -> ImageReceiver:
        """The subscription to the images."""
        return self._images

    def close(self) -> None:
        """End all subscriptions."""
        self._images.end()
        self._end(self._besides)
        self._end(self._transform_subscriptions)
        self._end(self._calibration)

    def _calibration_subscriptions(self) -> list[Any]:
        return [self._listen(CameraInfo, "camera_info", self._calibrate)]

    def _calibrate(self, serialized: bytes) -> None:
        self._contexts.calibration.receive(serialized)
        self._end_calibration_where_known()

    def _end_calibration_where_known(self) -> None:
        """Subscribe to no more calibrations while one is known and no image is taken."""
        if self._contexts.calibration.is_known and not self._wanted:
            self._end(self._calibration)

    def _subscriptions_besides(self) -> list[Any]:
        """Return the subscriptions to depth and to the boxes of people, as far as they are used."""
        contexts, subscriptions = self._contexts, []
        if self._settings.placement in DEPTH_PLACEMENTS:
            subscriptions += [
                self._listen(CameraInfo, "depth/camera_info", contexts.depth.receive_calibration),
                self._listen(Image, "depth", contexts.depth.receive),
            ]
        if self._settings.external_detections:
            subscriptions.append(
                self._node.create_subscription(
                    Detection2DArray, "detections", contexts.detections.receive, qos_profile_sensor_data
                )
            )
        return subscriptions

    def _subscribe_to_transforms(self) -> list[Any]:
        """Return the subscriptions to transforms, none where no target frame asks for them."""
        if not self._settings.target_frame:
            return []
        moving = partial(remember, self._transforms, static=False)
        fixed = partial(remember, self._transforms, static=True)
        kept = QoSProfile(depth=TF_DEPTH, durability=DurabilityPolicy.TRANSIENT_LOCAL)
        return [
            self._node.create_subscription(TFMessage, "/tf", moving, QoSProfile(depth=TF_DEPTH)),
            self._node.create_subscription(TFMessage, "/tf_static", fixed, kept),
        ]

    def _end(self, subscriptions: list[Any]) -> None:
        while subscriptions:
            self._node.destroy_subscription(subscriptions.pop())

    def _image_receiver(self) -> ImageReceiver:
        settings = self._settings
        transport = TRANSPORTS[settings.image_transport]
        self._node.get_logger().info(
            f"waiting for images on {self._node.resolve_topic_name(transport.topic)}"
        )
        return ImageReceiver(self._node, transport, settings.image_reliability, self._pipeline, self._logger)

    def _listen(self, message_type: type, topic: str, callback: Callable[[bytes], object]) -> Any:
        """Subscribe to serialized messages: the middleware drops damaged ones without a word."""
        return self._node.create_subscription(
            message_type, topic, callback, qos_profile_sensor_data, raw=True
        )
