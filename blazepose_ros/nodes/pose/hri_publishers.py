# SPDX-License-Identifier: Apache-2.0
"""REP-155's topics of bodies: which are tracked, and what is known of each of them."""

from __future__ import annotations

import math
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Protocol

from sensor_msgs.msg import Image, JointState
from std_msgs.msg import String

from blazepose_ros.conversions.hri import HriMessages, hri_id, to_cropped, to_urdf_joint_state
from blazepose_ros.core.human_model import human_urdf
from blazepose_ros.core.placement.bone_length_range import MEAN_STATURE_M
from blazepose_ros.core.settings import NodeSettings
from blazepose_ros.core.timestamps import NS_PER_S
from blazepose_ros.core.types import Pose
from blazepose_ros.core.visualization.anonymizer import Anonymize
from blazepose_ros.nodes.pose.received_image import DecodedImage

TRACKED = "/humans/bodies/tracked"
BODY = "/humans/bodies/{}/"
SKELETON, REGION, CROPPED, JOINT_STATES, URDF = "skeleton2d", "roi", "cropped", "joint_states", "urdf"

# The topics of a lost track stay for so long: a person who reappears keeps the subscribers.
KEEP_NS = 10 * NS_PER_S
# A model is published anew once the stature that has been learned differs by more.
NEW_STATURE_M = 0.01


class CreatePublisher(Protocol):
    """Makes a publisher of a message type and a topic; a latched one is heard by who comes later."""

    def __call__(self, message_type: type, topic: str, *, latched: bool = False) -> Any:
        """Return the publisher."""
        ...


@dataclass
class _BodyPublishers:
    """The topics of one person, by the last part of their names."""

    topics: dict[str, Any]
    seen_ns: int
    stature_m: float = math.nan


class HriPublishers:
    """Publishes people as REP-155 has it, with topics that come and go with them.

    Args:
        create: makes a publisher.
        destroy: takes a publisher away.

    Raises:
        HriMessagesError: ``hri_msgs`` is not installed.
    """

    def __init__(self, create: CreatePublisher, destroy: Callable[[Any], object]) -> None:
        self._messages = HriMessages()
        self._types = {
            SKELETON: self._messages.skeleton_2d,
            REGION: self._messages.region,
            CROPPED: Image,
            JOINT_STATES: JointState,
            URDF: String,
        }
        self._create, self._destroy = create, destroy
        self._tracked: Any = create(self._messages.ids_list, TRACKED)
        self._bodies: dict[int, _BodyPublishers] = {}
        self._lock = threading.Lock()  # one thread publishes, others count listeners

    @property
    def have_listeners(self) -> bool:
        """Whether any of the topics has a subscriber."""
        with self._all() as publishers:
            return any(publisher.get_subscription_count() for publisher in publishers)

    def close(self) -> None:
        """Take all topics away."""
        with self._all() as publishers:
            for publisher in publishers:
                self._destroy(publisher)
            self._tracked, self._bodies = None, {}

    def publish(self, image: DecodedImage, poses: Sequence[Pose], settings: NodeSettings) -> None:
        """Publish the people in an image with the image's header.

        No part of the image is published where people are to be hidden in it.
        """
        with self._all() as publishers:
            if not publishers:  # closed meanwhile
                return
            self._update_topics(poses, image.frame.stamp_ns)
            if self._tracked.get_subscription_count():
                self._tracked.publish(self._messages.to_ids_list(poses, image.header))
            for pose in poses:
                body = self._bodies[pose.person_id]
                self._publish_urdf(body, pose)
                for name, message in self._wanted(body, pose, image, settings):
                    if message is not None:
                        body.topics[name].publish(message)

    def _wanted(
        self, body: _BodyPublishers, pose: Pose, image: DecodedImage, settings: NodeSettings
    ) -> Iterator[tuple[str, Any]]:
        """Yield topic and message of what someone listens to; None for a message that cannot be made."""
        wanted = {name for name, topic in body.topics.items() if topic.get_subscription_count()}
        header, size = image.header, (image.frame.width, image.frame.height)
        if SKELETON in wanted:
            yield SKELETON, self._messages.to_skeleton_2d(pose, *size, header)
        if REGION in wanted:
            yield REGION, self._messages.to_region(pose, *size, header)
        if CROPPED in wanted and settings.anonymize is Anonymize.NONE:
            yield CROPPED, to_cropped(pose, image.frame.rgb, header)
        if JOINT_STATES in wanted:
            yield JOINT_STATES, to_urdf_joint_state(pose, settings.visibility_threshold, header)

    def _publish_urdf(self, body: _BodyPublishers, pose: Pose) -> None:
        """Publish a person's model once, and again with the stature that is learned; it is latched."""
        stature_m = MEAN_STATURE_M if math.isnan(pose.stature_m) else pose.stature_m
        if not abs(stature_m - body.stature_m) <= NEW_STATURE_M:
            body.stature_m = stature_m
            body.topics[URDF].publish(String(data=human_urdf(hri_id(pose.person_id), stature_m)))

    def _update_topics(self, poses: Sequence[Pose], stamp_ns: int) -> None:
        """Have topics for every tracked person, and none for those lost long ago."""
        for pose in poses:
            if pose.person_id not in self._bodies:
                below = BODY.format(hri_id(pose.person_id))
                topics = {
                    name: self._create(message_type, below + name, latched=name == URDF)
                    for name, message_type in self._types.items()
                }
                self._bodies[pose.person_id] = _BodyPublishers(topics, stamp_ns)
            self._bodies[pose.person_id].seen_ns = stamp_ns
        lost = [number for number, body in self._bodies.items() if abs(stamp_ns - body.seen_ns) > KEEP_NS]
        for number in lost:
            for publisher in self._bodies.pop(number).topics.values():
                self._destroy(publisher)

    @contextmanager
    def _all(self) -> Iterator[list[Any]]:
        with self._lock:
            topics = [topic for body in self._bodies.values() for topic in body.topics.values()]
            yield [] if self._tracked is None else [self._tracked, *topics]
