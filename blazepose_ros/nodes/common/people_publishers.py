# SPDX-License-Identifier: Apache-2.0
"""The outputs about people that all nodes have, each computed only while it has a subscriber.

Frames on ``/tf`` are the one output that other nodes may have under the same names: these are looked for.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import Any, Protocol

from rcl_interfaces.msg import ParameterType
from rcl_interfaces.srv import GetParameters
from rclpy.node import Node
from sensor_msgs.msg import JointState
from std_msgs.msg import Header
from tf2_msgs.msg import TFMessage
from visualization_msgs.msg import MarkerArray

from blazepose_ros.conversions.cdr import stamp_ns
from blazepose_ros.conversions.frames import PeopleFrames
from blazepose_ros.conversions.markers import MarkerArrays
from blazepose_ros.conversions.pose33 import (
    POSES_TYPE,
    serialize_pose33,
    serialize_pose33_array,
    to_joint_state,
)
from blazepose_ros.core.body_frame import TO_THE_IMAGES_TOP
from blazepose_ros.core.errors import Logger
from blazepose_ros.core.timestamps import RepeatedStampFilter
from blazepose_ros.core.types import Frame, ImageSize, ModelComplexity, Pose
from blazepose_ros.core.visualization.scene_view import SceneCamera
from blazepose_ros.msg import Pose33, Pose33Array
from blazepose_ros.nodes.common.image_topics import endpoint_name

TF_DEPTH = 100  # as tf2_ros publishes /tf


class OutputSettings(Protocol):
    """What the outputs depend on; see `NodeSettings` and `FusionSettings`."""

    @property
    def visibility_threshold(self) -> float:
        """Landmarks below it get no frame."""

    @property
    def publish_tf(self) -> bool:
        """Whether people have frames."""

    @property
    def publish_landmark_tf(self) -> bool:
        """Whether landmarks have frames too."""

    @property
    def publish_limb_tf(self) -> bool:
        """Whether limbs, trunk and head have frames that are turned as they are."""

    @property
    def tf_prefix(self) -> str:
        """What precedes the names of these frames."""

    @property
    def publish_joint_states(self) -> bool:
        """Whether the angles of joints are published."""


class PeoplePublishers:
    """Publishes people as messages, markers, frames and joint angles.

    Args:
        create: makes a publisher of a message type, a topic and a depth.
        up: which way is upwards in the frame of the people.
    """

    def __init__(self, create: Callable[..., Any], up: Sequence[float] = TO_THE_IMAGES_TOP) -> None:
        self._up = up
        self._poses = create(Pose33Array, "~/poses")
        self._pose = create(Pose33, "~/pose")
        self._markers = create(MarkerArray, "~/markers")
        self._tf = create(TFMessage, "/tf", TF_DEPTH)
        self._joint_states = create(JointState, "~/joint_states")
        self._marker_arrays = MarkerArrays()
        self._tf_stamps = RepeatedStampFilter()

    @property
    def all(self) -> tuple[Any, ...]:
        """The publishers."""
        return self._poses, self._pose, self._markers, self._tf, self._joint_states

    def publish_poses(
        self, header: Header, people: Sequence[Pose], image: Frame | ImageSize, complexity: ModelComplexity
    ) -> None:
        """Publish people as messages: all of them, and the primary one, who comes first."""
        if has_listeners(self._poses):
            self._poses.publish(serialize_pose33_array(people, header, image, complexity))
        if people and people[0].primary and has_listeners(self._pose):
            self._pose.publish(serialize_pose33(people[0], header, image, complexity))

    def publish_frames(
        self, header: Header, people: Sequence[Pose], settings: OutputSettings, *, hri: bool = False
    ) -> None:
        """Publish the people's frames and the angles of their joints, as far as the settings ask for them."""
        self._publish_tf(header, people, settings, hri=hri)
        if people and settings.publish_joint_states and has_listeners(self._joint_states):
            angles = to_joint_state(people, header, settings.visibility_threshold, self._up)
            self._joint_states.publish(angles)

    def publish_markers(
        self,
        header: Header,
        people: Sequence[Pose],
        settings: OutputSettings,
        *,
        needed: bool = False,
        cameras: Iterable[SceneCamera] = (),
    ) -> MarkerArray | None:
        """Publish the markers where somebody listens, and return them where they are needed, else None.

        Args:
            header: of the people.
            people: those there are.
            settings: what the markers depend on.
            needed: whether they are, even if nobody listens.
            cameras: those to show beside the people.
        """
        if not (needed or has_listeners(self._markers)):
            return None
        shown = people, header, settings.visibility_threshold, cameras
        if not needed:
            self._markers.publish(self._marker_arrays.serialized(*shown))
            return None
        message = self._marker_arrays.update(*shown)
        if has_listeners(self._markers):
            self._markers.publish(message)
        return message

    def _publish_tf(
        self, header: Header, people: Sequence[Pose], settings: OutputSettings, *, hri: bool
    ) -> None:
        wanted = settings.publish_tf and header.frame_id and has_listeners(self._tf)
        if wanted and self._tf_stamps.accepts(stamp_ns(header)):
            frames = PeopleFrames(
                people,
                header.frame_id,
                prefix=settings.tf_prefix,
                landmark_visibility=settings.visibility_threshold if settings.publish_landmark_tf else None,
                limb_visibility=settings.visibility_threshold if settings.publish_limb_tf else None,
                hri=hri,
            )
            if frames:
                self._tf.publish(frames.serialized(stamp_ns(header)))


def has_listeners(publisher: Any) -> bool:
    """Tell whether there is a publisher, and it has a subscriber."""
    return publisher is not None and publisher.get_subscription_count() > 0


LOOK_PERIOD_S = 5.0
_ASKED = ["publish_tf", "tf_prefix"]
# With SROS2 a node asks only whom its policy names, and a service that it does not name cannot be called.
_IS_SECURED = os.environ.get("ROS_SECURITY_ENABLE", "").lower() == "true"


class FrameCollisions:
    """Asks the other nodes of this package that publish on ``/tf`` for their prefix, each once.

    Args:
        node: this one.
        logger: warned of a collision.

    Attributes:
        trouble: which node has frames of the same names, and what to do; or nothing.
    """

    def __init__(self, node: Node, logger: Logger) -> None:
        self.trouble = ""
        self._node = node
        self._logger = logger
        self._due_s = time.monotonic() + LOOK_PERIOD_S
        self._asked: dict[str, Any] = {}
        self._prefixes: dict[str, str] = {}  # of the nodes that publish frames of people

    def look(self, settings: OutputSettings) -> None:
        """Look at the graph, every few seconds."""
        if time.monotonic() < self._due_s or _IS_SECURED:
            return
        self._due_s = time.monotonic() + LOOK_PERIOD_S
        own = self._node.get_fully_qualified_name()
        names = [endpoint_name(info) for info in self._node.get_publishers_info_by_topic("/tf")]
        poses = [topic for topic, types in self._node.get_topic_names_and_types() if POSES_TYPE in types]
        others = {
            name for name in names if name != own and any(topic.startswith(f"{name}/") for topic in poses)
        }
        self._forget(self._asked.keys() - others)
        for name in others - self._asked.keys():
            self._ask(name)
        self.trouble = self._trouble(settings, is_double=names.count(own) > 1)
        if self.trouble:
            self._logger.warning(self.trouble)

    def _ask(self, name: str) -> None:
        client = self._node.create_client(GetParameters, f"{name}/get_parameters")
        self._asked[name] = client
        if client.service_is_ready():
            answer = client.call_async(GetParameters.Request(names=_ASKED))
            answer.add_done_callback(partial(self._take, name))
        else:
            self._forget({name})  # asked again when it is

    def _take(self, name: str, answer: Any) -> None:
        publishes, prefix = answer.result().values
        if publishes.type == ParameterType.PARAMETER_BOOL and publishes.bool_value and name in self._asked:
            self._prefixes[name] = prefix.string_value

    def _forget(self, names: set[str]) -> None:
        for name in names:
            self._node.destroy_client(self._asked.pop(name))
            self._prefixes.pop(name, None)

    def _trouble(self, settings: OutputSettings, *, is_double: bool) -> str:
        if is_double:
            return (
                f"another node is called {self._node.get_fully_qualified_name()}, too: start one of them"
                " with --ros-args -r __node:=... or -r __ns:=..."
            )
        same = sorted(name for name, prefix in self._prefixes.items() if prefix == settings.tf_prefix)
        if not settings.publish_tf or not same:
            return ""
        return f"{same[0]} has frames of the same names on /tf: give one of them another tf_prefix"
