# SPDX-License-Identifier: Apache-2.0
"""The node's outputs, each computed only while it has a subscriber."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rclpy.event_handler import PublisherEventCallbacks
from rclpy.node import Node
from rclpy.qos import QoSProfile
from rclpy.serialization import deserialize_message
from sensor_msgs.msg import Image, JointState
from tf2_msgs.msg import TFMessage
from visualization_msgs.msg import MarkerArray

from blazepose_ros.conversions.hri import HriMessagesError
from blazepose_ros.conversions.images import to_image
from blazepose_ros.conversions.markers import MarkerArrays
from blazepose_ros.conversions.pose33 import (
    serialize_pose33,
    serialize_pose33_array,
    serialize_timing,
    to_joint_state,
)
from blazepose_ros.conversions.target_frame import markers_in_frame, poses_in_frame
from blazepose_ros.conversions.tf_buffer import Rigid, TfBuffer, TransformError
from blazepose_ros.conversions.tf_frames import to_tf_message
from blazepose_ros.core.errors import Logger
from blazepose_ros.core.settings import NodeSettings
from blazepose_ros.core.timestamps import MonotonicStampFilter
from blazepose_ros.core.types import Frame, ModelComplexity, Pose
from blazepose_ros.core.visualization.skeleton_overlay import annotate
from blazepose_ros.msg import Pose33, Pose33Array, Timing
from blazepose_ros.nodes.pose.hri_publishers import HriPublishers
from blazepose_ros.nodes.pose.received_image import DecodedImage

DEPTH = 10
TF_DEPTH = 100  # as tf2_ros publishes /tf


class Publishers:
    """Publishes the people of one image on all topics.

    Args:
        node: the node that publishes.
        settings: as they are when the topics are created.
        transforms: remembers /tf, for people in ``target_frame``.
        logger: told where people cannot be expressed in that frame.
        on_matched: called whenever a subscriber of an output comes or goes.
    """

    def __init__(
        self,
        node: Node,
        settings: NodeSettings,
        transforms: TfBuffer,
        logger: Logger,
        on_matched: Callable[[], None],
    ) -> None:
        self._node = node
        self._transforms = transforms
        self._logger = logger
        self._events = PublisherEventCallbacks(matched=lambda _status: on_matched())
        self._poses = self._create(Pose33Array, "~/poses")
        self._pose = self._create(Pose33, "~/pose")
        self._markers = self._create(MarkerArray, "~/markers")
        self._target_poses = self._create(Pose33Array, "~/target/poses")
        self._target_markers = self._create(MarkerArray, "~/target/markers")
        self._tf = self._create(TFMessage, "/tf", TF_DEPTH)
        self._joint_states = self._create(JointState, "~/joint_states")
        self._annotated = self._create(Image, "~/annotated_image")
        self._timing = self._create(Timing, "~/timing")
        self._mask: Any = None
        self._mask_lock = threading.Lock()  # the thread that publishes is not the one that takes it away
        self._hri: HriPublishers | None = None
        self._marker_arrays = MarkerArrays()
        self._tf_stamps = MonotonicStampFilter()
        self.change(settings)

    @property
    def have_listeners(self) -> bool:
        """Whether any output has a subscriber."""
        return any(map(_has_listeners, self._all())) or (self._hri is not None and self._hri.have_listeners)

    def change(self, settings: NodeSettings) -> None:
        """Have the topics that the settings ask for, and no others."""
        self._offer_mask(settings.enable_segmentation)
        self._offer_hri(settings.publish_hri)

    def close(self) -> None:
        """Take all topics away."""
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
        camera_in_target = self._camera_in_target(image, settings.target_frame)
        what = image.header, image.frame, model_complexity
        if _has_listeners(self._poses):
            self._poses.publish(serialize_pose33_array(people, *what))
        if people and people[0].primary and _has_listeners(self._pose):
            self._pose.publish(serialize_pose33(people[0], *what))
        if camera_in_target is not None and _has_listeners(self._target_poses):
            message = deserialize_message(serialize_pose33_array(people, *what), Pose33Array)
            self._target_poses.publish(poses_in_frame(message, settings.target_frame, camera_in_target))
        image.stopwatch.lap("publishing")
        self._publish_tf(image, people, settings)
        self._publish_joint_states(image, people, settings)
        self._publish_markers(image, people, settings, camera_in_target)
        self._publish_images(image, people, settings.visibility_threshold)
        if (hri := self._hri) is not None:
            hri.publish(image, people)
        if _has_listeners(self._timing):
            self._timing.publish(serialize_timing(image.stopwatch.laps_ms, image.count, image.header))

    def _create(self, message_type: type, topic: str, depth: int = DEPTH) -> Any:
        qos = QoSProfile(depth=depth)
        return self._node.create_publisher(message_type, topic, qos, event_callbacks=self._events)

    def _offer_mask(self, offered: bool) -> None:
        with self._mask_lock:
            if offered and self._mask is None:
                self._mask = self._create(Image, "~/segmentation_mask")
            elif self._mask is not None and not offered:
                self._node.destroy_publisher(self._mask)
                self._mask = None

    def _offer_hri(self, offered: bool) -> None:
        """Have REP-155's topics, or none; log where their messages are not installed."""
        if offered and self._hri is None:
            try:
                self._hri = HriPublishers(self._create, self._node.destroy_publisher)
            except HriMessagesError as err:
                self._node.get_logger().error(str(err))
        elif self._hri is not None and not offered:
            taken, self._hri = self._hri, None
            taken.close()

    def _all(self) -> tuple[Any, ...]:
        return (
            self._poses,
            self._pose,
            self._markers,
            self._target_poses,
            self._target_markers,
            self._tf,
            self._joint_states,
            self._annotated,
            self._timing,
            self._mask,
        )

    def _camera_in_target(self, image: DecodedImage, target: str) -> Rigid | None:
        """Return where the camera was in the target frame, None where there is none or it is not known."""
        if not target:
            return None
        try:
            return self._transforms.lookup(target, image.header.frame_id, image.frame.stamp_ns)
        except TransformError as err:
            self._logger.error(f"people are not expressed in {target} (target_frame): {err}")
            return None

    def _publish_tf(self, image: DecodedImage, people: Sequence[Pose], settings: NodeSettings) -> None:
        if settings.publish_tf and _has_listeners(self._tf) and self._tf_stamps.accepts(image.frame.stamp_ns):
            message = to_tf_message(
                people,
                image.header,
                prefix=settings.tf_prefix,
                landmark_visibility=settings.visibility_threshold if settings.publish_landmark_tf else None,
                hri=self._hri is not None,
            )
            if message.transforms:
                self._tf.publish(message)

    def _publish_joint_states(
        self, image: DecodedImage, people: Sequence[Pose], settings: NodeSettings
    ) -> None:
        if people and settings.publish_joint_states and _has_listeners(self._joint_states):
            self._joint_states.publish(to_joint_state(people, image.header, settings.visibility_threshold))

    def _publish_markers(
        self,
        image: DecodedImage,
        people: Sequence[Pose],
        settings: NodeSettings,
        camera_in_target: Rigid | None,
    ) -> None:
        if not (_has_listeners(self._markers) or _has_listeners(self._target_markers)):
            return
        message = self._marker_arrays.update(people, image.header, settings.visibility_threshold)
        if _has_listeners(self._markers):
            self._markers.publish(message)
        if camera_in_target is not None and _has_listeners(self._target_markers):
            moved = markers_in_frame(message, settings.target_frame, camera_in_target)
            self._target_markers.publish(moved)

    def _publish_images(
        self, image: DecodedImage, people: Sequence[Pose], visibility_threshold: float
    ) -> None:
        if _has_listeners(self._annotated):
            pixels = annotate(image.frame.rgb, people, visibility_threshold)
            self._annotated.publish(to_image(pixels, "rgb8", image.header))
        with self._mask_lock:
            if _has_listeners(self._mask):
                self._mask.publish(to_image(_union(image.frame, people), "mono8", image.header))


def _has_listeners(publisher: Any) -> bool:
    return publisher is not None and publisher.get_subscription_count() > 0


def _union(frame: Frame, people: Sequence[Pose]) -> NDArray[np.uint8]:
    """Return the mask of all people, (height, width) uint8."""
    mask = np.zeros((frame.height, frame.width), np.float32)
    for person in people:
        if person.mask is not None:
            np.maximum(mask, person.mask, out=mask)
    return (mask * np.iinfo(np.uint8).max).astype(np.uint8)
