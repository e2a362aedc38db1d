# SPDX-License-Identifier: Apache-2.0
"""What is made of each image: the messages that the node publishes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import cv2
from rclpy.serialization import serialize_message
from sensor_msgs.msg import CameraInfo, CompressedImage, JointState
from tf2_msgs.msg import TFMessage
from visualization_msgs.msg import MarkerArray

from blazepose_ros.cli.bag.bag_files import typestore
from blazepose_ros.cli.bag.recorded_camera import RecordedFrame
from blazepose_ros.conversions.cdr import ENCAPSULATION_BYTES
from blazepose_ros.conversions.images import compressed_message
from blazepose_ros.conversions.markers import MarkerArrays
from blazepose_ros.conversions.pose33 import serialize_pose33, serialize_pose33_array, to_joint_state
from blazepose_ros.conversions.tf_frames import to_tf_message
from blazepose_ros.core.settings import NodeSettings
from blazepose_ros.core.timestamps import MonotonicStampFilter
from blazepose_ros.core.types import ModelComplexity, Pose
from blazepose_ros.core.visualization.skeleton_overlay import annotate
from blazepose_ros.msg import Pose33, Pose33Array

POSES, POSE, MARKERS, TF = "~/poses", "~/pose", "~/markers", "/tf"
JOINT_STATES = "~/joint_states"
ANNOTATED = "~/annotated_image/compressed"
IMAGES, CAMERA_INFO = "image/compressed", "camera_info"  # of a video
# The outputs, named as a node would name them, and their types.
OUTPUTS: Mapping[str, type] = {
    POSES: Pose33Array,
    POSE: Pose33,
    MARKERS: MarkerArray,
    TF: TFMessage,
    JOINT_STATES: JointState,
    ANNOTATED: CompressedImage,
    IMAGES: CompressedImage,
    CAMERA_INFO: CameraInfo,
}


def type_name(message_type: Any) -> str:
    """Return a message type's name as recordings have it, such as ``std_msgs/msg/Header``."""
    package, _, _ = message_type.__module__.partition(".")
    return f"{package}/msg/{message_type.__name__}"


class Outputs:
    """Makes the messages of one camera.

    Args:
        complexity: the model that found the people.
        tf_prefix: goes before the frames of people.
        annotated: whether to draw on the images.
    """

    def __init__(self, complexity: ModelComplexity, tf_prefix: str, *, annotated: bool) -> None:
        self._complexity = complexity
        self._tf_prefix = tf_prefix
        self._annotated = annotated
        self._markers = MarkerArrays()
        self._tf_stamps = MonotonicStampFilter()

    def messages(
        self, recorded: RecordedFrame, people: Sequence[Pose], settings: NodeSettings
    ) -> Iterator[tuple[str, bytes]]:
        """Yield output and serialized message for the people in an image."""
        for output, message in self._messages(recorded, people, settings):
            yield output, _serialized(message)

    def _messages(
        self, recorded: RecordedFrame, people: Sequence[Pose], settings: NodeSettings
    ) -> Iterator[tuple[str, Any]]:
        header, threshold = recorded.header, settings.visibility_threshold
        what = header, recorded.frame, self._complexity
        yield POSES, serialize_pose33_array(people, *what)
        if people and people[0].primary:
            yield POSE, serialize_pose33(people[0], *what)
        yield MARKERS, self._markers.update(people, header, threshold)
        if people and settings.publish_joint_states:
            yield JOINT_STATES, to_joint_state(people, header, threshold)
        if settings.publish_tf and self._tf_stamps.accepts(recorded.frame.stamp_ns):
            visibility = threshold if settings.publish_landmark_tf else None
            prefix = settings.tf_prefix + self._tf_prefix
            message = to_tf_message(people, header, prefix=prefix, landmark_visibility=visibility)
            if message.transforms:
                yield TF, message
        if self._annotated:
            pixels = annotate(recorded.frame.rgb, people, threshold)
            yield ANNOTATED, compressed_message(cv2.cvtColor(pixels, cv2.COLOR_RGB2BGR), header)


def _serialized(message: Any) -> bytes:
    """Return a message, unless it is serialized already, as CDR of its exact length.

    Behind a message that ends in empty lists of numbers, as joint states do, the middleware leaves
    room that it does not fill, and strict readers refuse it.
    """
    if isinstance(message, bytes):
        return message
    data = serialize_message(message)
    if not isinstance(message, JointState):
        return data
    size = typestore().get_msgdef(type_name(JointState)).getsize_cdr(0, message, typestore())
    return data[: ENCAPSULATION_BYTES + size]
