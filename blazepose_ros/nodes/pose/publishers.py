"""The node's outputs, each made only while somebody listens."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rclpy.event_handler import PublisherEventCallbacks
from rclpy.node import Node
from rclpy.qos import QoSProfile
from sensor_msgs.msg import Image, JointState
from std_msgs.msg import Header
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
    to_pose33,
    to_pose33_array,
)
from blazepose_ros.conversions.target_frame import markers_in_frame, pose_in_frame
from blazepose_ros.conversions.tf_buffer import Rigid
from blazepose_ros.conversions.tf_frames import to_tf_message
from blazepose_ros.core.timestamps import MonotonicStampFilter
from blazepose_ros.core.types import Frame, ModelComplexity, Pose
from blazepose_ros.core.visualization.skeleton_overlay import annotate
from blazepose_ros.msg import Pose33, Pose33Array, Timing
from blazepose_ros.nodes.pose.hri_publishers import HriPublishers
from blazepose_ros.nodes.pose.image_pipeline import DecodedImage

DEPTH = 10
TF_DEPTH = 100  # as tf2_ros publishes /tf


@dataclass(frozen=True)
class PublisherOptions:
    """What is published, from the parameters at the time of an image."""

    model_complexity: ModelComplexity
    visibility_threshold: float
    publish_tf: bool
    publish_landmark_tf: bool
    tf_prefix: str
    publish_joint_states: bool
    target_frame: str = ""
    camera_in_target: Rigid | None = None


class Publishers:
    """Publishes the people of one image on all topics.

    Args:
        node: the node that publishes.
        segmentation: whether there is a topic for the mask.
        hri: whether there are REP-155's topics.
        on_matched: called whenever a subscriber of an output comes or goes.
    """

    def __init__(self, node: Node, *, segmentation: bool, hri: bool, on_matched: Callable[[], None]) -> None:
        events = PublisherEventCallbacks(matched=lambda _status: on_matched())

        def publisher(message_type: type, topic: str, depth: int = DEPTH) -> Any:
            return node.create_publisher(message_type, topic, QoSProfile(depth=depth), event_callbacks=events)

        self._node = node
        self._poses = publisher(Pose33Array, "~/poses")
        self._pose = publisher(Pose33, "~/pose")
        self._markers = publisher(MarkerArray, "~/markers")
        self._target_poses = publisher(Pose33Array, "~/target/poses")
        self._target_markers = publisher(MarkerArray, "~/target/markers")
        self._tf = publisher(TFMessage, "/tf", TF_DEPTH)
        self._joint_states = publisher(JointState, "~/joint_states")
        self._annotated = publisher(Image, "~/annotated_image")
        self._timing = publisher(Timing, "~/timing")
        self._mask: Any = None
        self._mask_lock = threading.Lock()  # the stage that publishes is not the one that takes it away
        self._create_mask = lambda: publisher(Image, "~/segmentation_mask")
        self.offer_mask(segmentation)
        self._hri: HriPublishers | None = None
        self._create_hri = lambda: HriPublishers(publisher, node.destroy_publisher)
        self.offer_hri(hri)
        self._marker_arrays = MarkerArrays()
        self._tf_stamps = MonotonicStampFilter()

    @property
    def wanted(self) -> bool:
        """Whether anybody listens to any output."""
        return any(map(_has_listeners, self._all())) or (self._hri is not None and self._hri.wanted)

    def offer_mask(self, offered: bool) -> None:
        """Have a topic for the mask, or none."""
        with self._mask_lock:
            if offered and self._mask is None:
                self._mask = self._create_mask()
            elif self._mask is not None and not offered:
                self._node.destroy_publisher(self._mask)
                self._mask = None

    def offer_hri(self, offered: bool) -> None:
        """Have REP-155's topics, or none; where their messages are not installed, say so."""
        if offered and self._hri is None:
            try:
                self._hri = self._create_hri()
            except HriMessagesError as err:
                self._node.get_logger().error(str(err))
        elif self._hri is not None and not offered:
            taken, self._hri = self._hri, None
            taken.close()

    def close(self) -> None:
        """Take all topics away."""
        self.offer_hri(False)
        for publisher in filter(None, self._all()):
            self._node.destroy_publisher(publisher)

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

    def publish(self, image: DecodedImage, poses: Sequence[Pose], options: PublisherOptions) -> None:
        """Publish the people in an image with the image's header."""
        self._publish_poses(image, poses, options)
        image.stopwatch.lap("publishing")
        self._publish_frames(image, poses, options)
        self._publish_joint_states(image, poses, options)
        self._publish_pictures(image, poses, options)
        if (hri := self._hri) is not None:
            hri.publish(image, poses)
        if _has_listeners(self._timing):
            self._timing.publish(serialize_timing(image.stopwatch.laps_ms, image.count, image.header))

    def _publish_poses(self, image: DecodedImage, poses: Sequence[Pose], options: PublisherOptions) -> None:
        what = image.header, image.frame, options.model_complexity
        if _has_listeners(self._poses):
            self._poses.publish(serialize_pose33_array(poses, *what))
        if poses and poses[0].primary and _has_listeners(self._pose):
            self._pose.publish(serialize_pose33(poses[0], *what))
        if options.camera_in_target is not None and _has_listeners(self._target_poses):
            frame, camera = options.target_frame, options.camera_in_target
            moved = [pose_in_frame(to_pose33(pose, *what), frame, camera) for pose in poses]
            header = Header(stamp=image.header.stamp, frame_id=frame)
            self._target_poses.publish(to_pose33_array(moved, header))

    def _publish_frames(self, image: DecodedImage, poses: Sequence[Pose], options: PublisherOptions) -> None:
        if options.publish_tf and _has_listeners(self._tf) and self._tf_stamps.accepts(image.frame.stamp_ns):
            visibility = options.visibility_threshold if options.publish_landmark_tf else None
            message = to_tf_message(
                poses,
                image.header,
                prefix=options.tf_prefix,
                landmark_visibility=visibility,
                hri=self._hri is not None,
            )
            if message.transforms:
                self._tf.publish(message)

    def _publish_markers(self, image: DecodedImage, poses: Sequence[Pose], options: PublisherOptions) -> None:
        if not (_has_listeners(self._markers) or _has_listeners(self._target_markers)):
            return
        message = self._marker_arrays.update(poses, image.header, options.visibility_threshold)
        if _has_listeners(self._markers):
            self._markers.publish(message)
        if options.camera_in_target is not None and _has_listeners(self._target_markers):
            moved = markers_in_frame(message, options.target_frame, options.camera_in_target)
            self._target_markers.publish(moved)

    def _publish_joint_states(
        self, image: DecodedImage, poses: Sequence[Pose], options: PublisherOptions
    ) -> None:
        if poses and options.publish_joint_states and _has_listeners(self._joint_states):
            self._joint_states.publish(to_joint_state(poses, image.header, options.visibility_threshold))

    def _publish_pictures(
        self, image: DecodedImage, poses: Sequence[Pose], options: PublisherOptions
    ) -> None:
        threshold = options.visibility_threshold
        self._publish_markers(image, poses, options)
        if _has_listeners(self._annotated):
            pixels = annotate(image.frame.rgb, poses, threshold)
            self._annotated.publish(to_image(pixels, "rgb8", image.header))
        with self._mask_lock:
            if _has_listeners(self._mask):
                self._mask.publish(to_image(_union(image.frame, poses), "mono8", image.header))


def _has_listeners(publisher: Any) -> bool:
    return publisher is not None and publisher.get_subscription_count() > 0


def _union(frame: Frame, poses: Sequence[Pose]) -> NDArray[np.uint8]:
    """Return where anybody is, (height, width) uint8."""
    mask = np.zeros((frame.height, frame.width), np.float32)
    for pose in poses:
        if pose.mask is not None:
            np.maximum(mask, pose.mask, out=mask)
    return (mask * np.iinfo(np.uint8).max).astype(np.uint8)
