"""The node's outputs, each made only while somebody listens."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from rclpy.node import Node
from rclpy.qos import QoSProfile
from sensor_msgs.msg import Image
from std_msgs.msg import Header
from tf2_msgs.msg import TFMessage
from visualization_msgs.msg import MarkerArray

from blazepose_ros.drawing import annotate
from blazepose_ros.image_messages import to_image
from blazepose_ros.markers import MarkerArrays
from blazepose_ros.messages import to_pose33, to_pose33_array
from blazepose_ros.msg import Pose33, Pose33Array
from blazepose_ros.pose import Frame, ModelComplexity, Pose
from blazepose_ros.transforms import to_tf_message

QOS = QoSProfile(depth=10)
TF_QOS = QoSProfile(depth=100)  # as tf2_ros publishes /tf


@dataclass(frozen=True)
class OutputOptions:
    """What is published, from the parameters at the time of an image."""

    model_complexity: ModelComplexity
    visibility_threshold: float
    publish_tf: bool
    publish_landmark_tf: bool
    tf_prefix: str


class Publishers:
    """Publishes the people of one image on all topics."""

    def __init__(self, node: Node, *, segmentation: bool) -> None:
        self._poses = node.create_publisher(Pose33Array, "~/poses", QOS)
        self._pose = node.create_publisher(Pose33, "~/pose", QOS)
        self._markers = node.create_publisher(MarkerArray, "~/markers", QOS)
        self._tf = node.create_publisher(TFMessage, "/tf", TF_QOS)
        self._annotated = node.create_publisher(Image, "~/annotated_image", QOS)
        self._mask = node.create_publisher(Image, "~/segmentation_mask", QOS) if segmentation else None
        self._marker_arrays = MarkerArrays()

    def publish(self, header: Header, frame: Frame, poses: Sequence[Pose], options: OutputOptions) -> None:
        """Publish what was found in an image, with the image's header."""
        self._publish_poses(header, frame, poses, options)
        if options.publish_tf and poses:
            landmark_visibility = options.visibility_threshold if options.publish_landmark_tf else None
            tf_message = to_tf_message(
                poses, header, prefix=options.tf_prefix, landmark_visibility=landmark_visibility
            )
            if tf_message.transforms:
                self._tf.publish(tf_message)
        if self._markers.get_subscription_count():
            self._markers.publish(self._marker_arrays.update(poses, header, options.visibility_threshold))
        if self._annotated.get_subscription_count():
            pixels = annotate(frame.rgb, poses, options.visibility_threshold)
            self._annotated.publish(to_image(pixels, "rgb8", header))
        if self._mask is not None and self._mask.get_subscription_count():
            self._mask.publish(to_image(_union(frame, poses), "mono8", header))

    def _publish_poses(
        self, header: Header, frame: Frame, poses: Sequence[Pose], options: OutputOptions
    ) -> None:
        messages = [to_pose33(pose, header, frame, options.model_complexity) for pose in poses]
        self._poses.publish(to_pose33_array(messages, header))
        if messages:
            self._pose.publish(messages[0])


def _union(frame: Frame, poses: Sequence[Pose]) -> np.ndarray:
    """Return where anybody is, (height, width) uint8."""
    mask = np.zeros((frame.height, frame.width), np.float32)
    for pose in poses:
        if pose.mask is not None:
            np.maximum(mask, pose.mask, out=mask)
    return (mask * np.iinfo(np.uint8).max).astype(np.uint8)
