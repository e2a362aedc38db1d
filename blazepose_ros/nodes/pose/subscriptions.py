# SPDX-License-Identifier: Apache-2.0
"""Everything that the node subscribes to."""

from __future__ import annotations

from collections.abc import Callable

from rclpy.node import Node
from sensor_msgs.msg import CameraInfo, CompressedImage, Image
from vision_msgs.msg import Detection2DArray

from blazepose_ros.conversions.frame_context import FrameContextCollector
from blazepose_ros.conversions.tf_buffer import TfBuffer
from blazepose_ros.core.errors import Logger
from blazepose_ros.core.image_transport import COMPRESSED_DEPTH, RAW
from blazepose_ros.core.settings import NodeSettings
from blazepose_ros.nodes.common.followed_subscription import (
    FollowedReceiver,
    FollowedSubscription,
    PolledSubscription,
    TransformSubscriptions,
)
from blazepose_ros.nodes.pose.image_pipeline import ImagePipeline
from blazepose_ros.nodes.pose.image_receiver import ImageReceiver

# The parameters that the subscription to the images depends on.
IMAGE_SETTINGS = ("image_transport", "image_reliability")

# As qos_profile_sensor_data has it.
DEPTH = 5

# The parameters that the subscriptions beside the images depend on.
BESIDES_SETTINGS = ("placement", "depth_transport", "external_detections")

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
        transforms: remembers /tf, for people in ``target_frame`` and on ``ground_frame``.
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
        self._logger = logger
        self._wanted = False
        self._images = self._image_receiver()
        self._calibration = self._calibration_subscriptions()
        self._besides: list[FollowedSubscription] = []
        self._transform_subscriptions = TransformSubscriptions(node, transforms, logger)
        self._transform_subscriptions.want(*_wanted_transforms(settings))

    def change(self, settings: NodeSettings) -> None:
        """Subscribe as the new values say; the images have to be taken again."""
        before, self._settings = self._settings, settings
        if any(getattr(before, name) != getattr(settings, name) for name in IMAGE_SETTINGS):
            self._images.close()
            self._images = self._image_receiver()
        if any(getattr(before, name) != getattr(settings, name) for name in BESIDES_SETTINGS):
            self._end(self._besides)
        self._transform_subscriptions.want(*_wanted_transforms(settings))

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
        self._images.close()
        self._end(self._besides)
        self._transform_subscriptions.close()
        self._end(self._calibration)

    def follow(self) -> None:
        """Ask all publishers for what they offer, and look at what arrives; to be called often."""
        self._images.check()
        for subscription in (*self._calibration, *self._besides):
            subscription.follow()
        self._transform_subscriptions.follow()
        self._contexts.poll()  # also where no image comes
        self._end_calibration_where_known()

    def _calibration_subscriptions(self) -> list[FollowedSubscription]:
        return [self._poll("camera_info", self._contexts.calibration.receive)]

    def _end_calibration_where_known(self) -> None:
        """Subscribe to no more calibrations while one is known and no image is taken."""
        if self._contexts.calibration.is_known and not self._wanted:
            self._end(self._calibration)

    def _subscriptions_besides(self) -> list[FollowedSubscription]:
        """Return the subscriptions to depth and to the boxes of people, as far as they are used."""
        contexts, subscriptions = self._contexts, []
        if self._settings.placement in DEPTH_PLACEMENTS:
            subscriptions += [
                self._poll("depth/camera_info", contexts.depth.receive_calibration),
                self._depth_images(),
            ]
        if self._settings.external_detections:
            subscriptions.append(self._listen(Detection2DArray, "detections", contexts.detections.receive))
        return subscriptions

    def _depth_images(self) -> FollowedReceiver:
        depth = self._contexts.depth
        if self._settings.depth_transport == RAW:
            return FollowedReceiver(self._node, Image, "depth", depth.receive, DEPTH)
        # Below the topic that depth is remapped to, as image_transport has it.
        topic = f"{self._node.resolve_topic_name('depth')}/{COMPRESSED_DEPTH}"
        return FollowedReceiver(self._node, CompressedImage, topic, depth.receive_compressed, DEPTH)

    def _end(self, subscriptions: list[FollowedSubscription]) -> None:
        while subscriptions:
            ended = subscriptions.pop()
            if isinstance(ended, PolledSubscription):
                self._contexts.polled.remove(ended)
            ended.close()

    def _image_receiver(self) -> ImageReceiver:
        settings = self._settings
        receiver = ImageReceiver(
            self._node, settings.image_transport, settings.image_reliability, self._pipeline, self._logger
        )
        self._node.get_logger().info(f"waiting for images on {receiver.topic}")
        return receiver

    def _poll(self, topic: str, callback: Callable[[bytes], object]) -> PolledSubscription:
        """Subscribe to calibrations, which come as often as images: they are taken with an image."""
        subscription = PolledSubscription(self._node, CameraInfo, topic, callback, DEPTH)
        self._contexts.polled.append(subscription)
        return subscription

    def _listen(
        self, message_type: type, topic: str, callback: Callable[[bytes], object]
    ) -> FollowedSubscription:
        """Subscribe to serialized messages: the middleware drops damaged ones without a word."""
        return FollowedSubscription(self._node, message_type, topic, callback, DEPTH)


def _wanted_transforms(settings: NodeSettings) -> tuple[bool, bool]:
    """Return whether moving and whether static transforms are of use.

    A target frame and that of the ground ask for both; a depth camera that is not in the color
    camera's place is fixed to it.
    """
    moving = bool(settings.target_frame or settings.ground_frame)
    return moving, moving or settings.placement in DEPTH_PLACEMENTS
