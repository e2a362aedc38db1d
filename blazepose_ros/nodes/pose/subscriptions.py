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
from blazepose_ros.conversions.images import TRANSPORTS, ImageTransport
from blazepose_ros.conversions.target_frame import remember
from blazepose_ros.conversions.tf_buffer import TfBuffer
from blazepose_ros.core.logger import Logger
from blazepose_ros.core.settings import NodeSettings
from blazepose_ros.nodes.pose.image_receiver import ImageReceiver

# The parameters that the subscription to the images depends on.
IMAGE_SETTINGS = ("image_transport", "image_reliability")

# As tf2_ros listens to /tf.
TF_DEPTH = 100

# The parameters that say what beside the images is listened to, while they are taken.
BESIDES_SETTINGS = ("placement", "external_detections")

# The values of ``placement`` that look at depth images.
DEPTH_PLACEMENTS = ("auto", "depth")

Receive = Callable[[bytes, ImageTransport, int, int, int], object]


class Subscriptions:
    """Subscribes to the images and the topics beside them, while they are wanted.

    Before that, one calibration is waited for: the first image finds it there. Transforms are
    always listened to, where they are of use: an image needs those before it.

    Args:
        node: the node that subscribes.
        settings: the parameters' values.
        scenes: what hears the topics beside the images.
        receive: called with each serialised image, its transport, when it was taken, how long before
            that it came, and how many made way for it; see ``Stages.receive``.
        spare_s: how long an image can wait for a newer one to come in its place.
        logger: told of incompatible publishers.
        tree: what remembers transforms, for people in ``target_frame``.
    """

    def __init__(
        self,
        node: Node,
        settings: NodeSettings,
        scenes: FrameContextCollector,
        receive: Receive,
        spare_s: Callable[[], float],
        logger: Logger,
        tree: TfBuffer,
    ) -> None:
        self._node = node
        self._settings = settings
        self._receive = receive
        self._spare_s = spare_s
        self._logger = logger
        self._scenes = scenes
        self._tree = tree
        self._wanted = False
        self._images = self._image_subscription()
        self._calibration = self._calibration_subscriptions()
        self._besides: list[Any] = []
        self._transforms = self._transform_subscriptions()

    def change(self, settings: NodeSettings) -> None:
        """Subscribe as the new values say; the images have to be taken again."""
        before, self._settings = self._settings, settings
        if any(getattr(before, name) != getattr(settings, name) for name in IMAGE_SETTINGS):
            self._images.end()
            self._images = self._image_subscription()
        if any(getattr(before, name) != getattr(settings, name) for name in BESIDES_SETTINGS):
            self._end(self._besides)
        if bool(before.target_frame) != bool(settings.target_frame):
            self._end(self._transforms)
            self._transforms = self._transform_subscriptions()

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
            self._rest()

    @property
    def images(self) -> ImageReceiver:
        """The subscription to the images."""
        return self._images

    def close(self) -> None:
        """End all subscriptions."""
        self._images.end()
        self._end(self._besides)
        self._end(self._transforms)
        self._end(self._calibration)

    def _calibration_subscriptions(self) -> list[Any]:
        return [self._listen(CameraInfo, "camera_info", self._calibrate)]

    def _calibrate(self, serialized: bytes) -> None:
        self._scenes.calibration.receive(serialized)
        self._rest()

    def _rest(self) -> None:
        """Hear no more calibrations while one is known and no image is taken."""
        if self._scenes.calibration.is_known and not self._wanted:
            self._end(self._calibration)

    def _subscriptions_besides(self) -> list[Any]:
        """Return the subscriptions to depth and to the boxes of people, as far as they are used."""
        scenes, subscriptions = self._scenes, []
        if self._settings.placement in DEPTH_PLACEMENTS:
            subscriptions += [
                self._listen(CameraInfo, "depth/camera_info", scenes.depth.receive_calibration),
                self._listen(Image, "depth", scenes.depth.receive),
            ]
        if self._settings.external_detections:
            subscriptions.append(
                self._node.create_subscription(
                    Detection2DArray, "detections", scenes.detections.receive, qos_profile_sensor_data
                )
            )
        return subscriptions

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

    def _end(self, subscriptions: list[Any]) -> None:
        while subscriptions:
            self._node.destroy_subscription(subscriptions.pop())

    def _image_subscription(self) -> ImageReceiver:
        transport = TRANSPORTS[self._settings.image_transport]
        topic = self._node.resolve_topic_name(transport.topic)
        self._node.get_logger().info(f"waiting for images on {topic}")
        return ImageReceiver(
            self._node,
            transport.message_type,
            topic,
            self._settings.image_reliability,
            partial(self._stamped, transport),
            self._spare_s,
            self._logger,
        )

    def _listen(self, message_type: type, topic: str, callback: Callable[[bytes], object]) -> Any:
        """Subscribe to serialised messages: of a damaged one the middleware would say nothing."""
        return self._node.create_subscription(
            message_type, topic, callback, qos_profile_sensor_data, raw=True
        )

    def _stamped(self, transport: ImageTransport, serialized: bytes, waited_ns: int, superseded: int) -> None:
        now_ns = self._node.get_clock().now().nanoseconds
        self._receive(serialized, transport, now_ns, waited_ns, superseded)
