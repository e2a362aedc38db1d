# SPDX-License-Identifier: Apache-2.0
"""The node's outputs, each computed only while it has a subscriber."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rclpy.node import Node
from rclpy.qos import DurabilityPolicy, QoSProfile
from sensor_msgs.msg import Image
from vision_msgs.msg import Detection2DArray, Detection3DArray
from visualization_msgs.msg import MarkerArray

from blazepose_ros.conversions.detections import to_detection_2d_array, to_detection_3d_array
from blazepose_ros.conversions.hri import HriMessagesError
from blazepose_ros.conversions.images import to_image
from blazepose_ros.conversions.pose33 import serialize_pose33_array, serialize_timing
from blazepose_ros.conversions.tf_buffer import TfBuffer
from blazepose_ros.core.errors import Logger
from blazepose_ros.core.estimation.estimator import EstimatorError
from blazepose_ros.core.frame_anonymizer import FrameAnonymizer
from blazepose_ros.core.models.registry import ModelError
from blazepose_ros.core.settings import NodeSettings
from blazepose_ros.core.types import Frame, ModelComplexity, Pose
from blazepose_ros.core.visualization.skeleton_overlay import annotate
from blazepose_ros.msg import Timing
from blazepose_ros.nodes.common.events import when_matched
from blazepose_ros.nodes.common.parameters import check_qos_overrides, overriding_options
from blazepose_ros.nodes.common.people_publishers import PeoplePublishers, has_listeners
from blazepose_ros.nodes.pose.hri_publishers import HriPublishers
from blazepose_ros.nodes.pose.received_image import DecodedImage
from blazepose_ros.nodes.pose.target_publishers import CameraPeople, TargetPublishers


class AnnotatedImagePublisher:
    """Publishes annotated images; one in which people cannot be hidden as asked is not published.

    Args:
        create: makes a publisher of a message type and a topic.
        logger: told why images are not published.

    Attributes:
        publisher: of the topic.
    """

    def __init__(self, create: Callable[[type, str], Any], logger: Logger) -> None:
        self.publisher: Any = create(Image, "~/annotated_image")
        self._logger = logger
        self._anonymizer = FrameAnonymizer(logger, is_live=True)

    def publish(self, image: DecodedImage, people: Sequence[Pose], settings: NodeSettings) -> None:
        """Publish an image with its people, if someone listens."""
        if not self.publisher.get_subscription_count():
            return
        try:
            rgb = self._anonymizer.shown(image.frame, people, settings)
        except (EstimatorError, ModelError) as err:
            self._logger.error(f"no annotated image: {err}")
            return
        pixels = annotate(rgb, people, settings.visibility_threshold)
        self.publisher.publish(to_image(pixels, "rgb8", image.header))


class DetectionPublishers:
    """Has both topics, or neither.

    Args:
        create: makes a publisher of a message type and a topic.
        destroy: takes a publisher away.

    Attributes:
        publishers: of the two topics, or nothing.
    """

    def __init__(self, create: Callable[[type, str], Any], destroy: Callable[[Any], object]) -> None:
        self._create, self._destroy = create, destroy
        self.publishers: tuple[Any, ...] = ()
        self._lock = threading.Lock()  # the thread that publishes is not the one that takes them away

    def offer(self, offered: bool) -> None:
        """Have the topics, or take them away."""
        with self._lock:
            if offered and not self.publishers:
                self.publishers = (
                    self._create(Detection2DArray, "~/detections_2d"),
                    self._create(Detection3DArray, "~/detections_3d"),
                )
            elif self.publishers and not offered:
                for publisher in self.publishers:
                    self._destroy(publisher)
                self.publishers = ()

    def publish(self, image: DecodedImage, people: Sequence[Pose]) -> None:
        """Publish the people in an image, on each topic that has a subscriber."""
        with self._lock:
            if not self.publishers:
                return
            boxes, bodies = self.publishers
            if boxes.get_subscription_count():
                size = image.frame.width, image.frame.height
                boxes.publish(to_detection_2d_array(people, *size, image.header))
            if bodies.get_subscription_count():
                bodies.publish(to_detection_3d_array(people, image.header))


DEPTH = 10


class Publishers:
    """Publishes the people of one image on all topics.

    Args:
        node: the node that publishes.
        settings: as they are when the topics are created.
        transforms: remembers /tf, for people in ``target_frame``.
        logger: told where people cannot be expressed in that frame.
        on_matched: called whenever a subscriber of an output comes or goes, where rclpy tells of that.

    Raises:
        QosOverrideError: a parameter ``qos_overrides`` has no such policy, or another value.
    """

    def __init__(
        self,
        node: Node,
        settings: NodeSettings,
        transforms: TfBuffer,
        logger: Logger,
        on_matched: Callable[[], None],
    ) -> None:
        check_qos_overrides(node)
        self._node = node
        self._events = when_matched(on_matched)
        self._people = PeoplePublishers(self._create)
        self._target = TargetPublishers(self._create, transforms, logger)
        self._annotated = AnnotatedImagePublisher(self._create, logger)
        self._timing = self._create(Timing, "~/timing")
        self._mask: Any = None
        self._mask_lock = threading.Lock()  # the thread that publishes is not the one that takes it away
        self._detections = DetectionPublishers(self._create, node.destroy_publisher)
        self._hri: HriPublishers | None = None
        self._hri_is_missing = False
        self.change(settings)

    @property
    def trouble(self) -> str:
        """Why people are not expressed in the target frame; or nothing."""
        return self._target.trouble

    @property
    def have_listeners(self) -> bool:
        """Whether any output has a subscriber."""
        return any(map(has_listeners, self._all())) or (self._hri is not None and self._hri.have_listeners)

    def change(self, settings: NodeSettings) -> None:
        """Have the topics that the settings ask for, and no others."""
        self._offer_mask(settings.enable_segmentation)
        self._detections.offer(settings.publish_detections)
        self._offer_hri(settings.publish_hri)

    def close(self) -> None:
        """Take all topics away."""
        self._target.close()
        self._detections.offer(False)
        self._offer_hri(False)
        for publisher in filter(None, self._all()):
            self._node.destroy_publisher(publisher)

    def publish(
        self,
        image: DecodedImage,
        people: Sequence[Pose],
        model_complexity: ModelComplexity,
        settings: NodeSettings,
    ) -> None:
        """Publish the people in an image with the image's header."""
        self._people.publish_poses(image.header, people, image.frame, model_complexity)
        image.stopwatch.lap("publishing")
        self._people.publish_frames(image.header, people, settings, hri=self._hri is not None)
        has_target = bool(settings.target_frame)
        markers = self._people.publish_markers(
            image.header, people, settings, needed=has_target and has_listeners(self._target.markers)
        )
        self._annotated.publish(image, people, settings)
        self._publish_mask(image, people)
        self._detections.publish(image, people)
        if (hri := self._hri) is not None:
            hri.publish(image, people, settings)
        if has_listeners(self._timing):
            self._timing.publish(serialize_timing(image.stopwatch.laps_ms, image.count, image.header))
        if has_target:
            self._publish_in_target(image, people, model_complexity, markers, settings)
        else:
            self._target.trouble = ""

    def _create(self, message_type: type, topic: str, depth: int = DEPTH, *, latched: bool = False) -> Any:
        durability = DurabilityPolicy.TRANSIENT_LOCAL if latched else DurabilityPolicy.VOLATILE
        return self._node.create_publisher(
            message_type,
            topic,
            QoSProfile(depth=1 if latched else depth, durability=durability),
            event_callbacks=self._events,
            qos_overriding_options=overriding_options(self._node, topic),
        )

    def _offer_mask(self, offered: bool) -> None:
        with self._mask_lock:
            if offered and self._mask is None:
                self._mask = self._create(Image, "~/segmentation_mask")
            elif self._mask is not None and not offered:
                self._node.destroy_publisher(self._mask)
                self._mask = None

    def _offer_hri(self, offered: bool) -> None:
        """Have REP-155's topics, or none; log once where their messages are not installed."""
        if offered and self._hri is None and not self._hri_is_missing:
            try:
                self._hri = HriPublishers(self._create, self._node.destroy_publisher)
            except HriMessagesError as err:
                self._hri_is_missing = True
                self._node.get_logger().error(str(err))
        elif self._hri is not None and not offered:
            taken, self._hri = self._hri, None
            taken.close()

    def _all(self) -> tuple[Any, ...]:
        return (
            *self._people.all,
            self._target.poses,
            self._target.markers,
            self._annotated.publisher,
            self._timing,
            self._mask,
            *self._detections.publishers,
        )

    def _publish_in_target(
        self,
        image: DecodedImage,
        people: Sequence[Pose],
        model_complexity: ModelComplexity,
        markers: MarkerArray | None,
        settings: NodeSettings,
    ) -> None:
        """Have people expressed in the target frame, as far as somebody listens."""
        serialized = None
        if has_listeners(self._target.poses):
            serialized = serialize_pose33_array(people, image.header, image.frame, model_complexity)
        if serialized is None and markers is None:
            self._target.trouble = ""
            return
        seen = CameraPeople(image.header.frame_id, image.frame.stamp_ns, serialized, markers)
        self._target.publish(seen, settings.target_frame, settings.target_timeout_s)

    def _publish_mask(self, image: DecodedImage, people: Sequence[Pose]) -> None:
        with self._mask_lock:
            if has_listeners(self._mask):
                self._mask.publish(to_image(_union(image.frame, people), "mono8", image.header))


def _union(frame: Frame, people: Sequence[Pose]) -> NDArray[np.uint8]:
    """Return the mask of all people, (height, width) uint8."""
    mask = np.zeros((frame.height, frame.width), np.float32)
    for person in people:
        if person.mask is not None:
            np.maximum(mask, person.mask, out=mask)
    return (mask * np.iinfo(np.uint8).max).astype(np.uint8)
