# SPDX-License-Identifier: Apache-2.0
"""REP-155's topics of bodies: which are tracked, and a skeleton for each of them."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from blazepose_ros.conversions.hri import HriMessages, hri_id
from blazepose_ros.core.timestamps import NS_PER_S
from blazepose_ros.core.types import Pose
from blazepose_ros.nodes.pose.received_image import DecodedImage

TRACKED = "/humans/bodies/tracked"
SKELETON = "/humans/bodies/{}/skeleton2d"

# The topic of a lost track stays for so long: a person who reappears keeps the subscribers.
KEEP_NS = 10 * NS_PER_S


@dataclass
class _BodyPublishers:
    """The topic of one person."""

    skeleton: Any
    seen_ns: int


class HriPublishers:
    """Publishes people as REP-155 has it, with topics that come and go with them.

    Args:
        create: makes a publisher of a message type and a topic.
        destroy: takes a publisher away.

    Raises:
        HriMessagesError: ``hri_msgs`` is not installed.
    """

    def __init__(self, create: Callable[[type, str], Any], destroy: Callable[[Any], object]) -> None:
        self._messages = HriMessages()
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

    def publish(self, image: DecodedImage, poses: Sequence[Pose]) -> None:
        """Publish the people in an image with the image's header."""
        with self._all() as publishers:
            if not publishers:  # closed meanwhile
                return
            self._update_topics(poses, image.frame.stamp_ns)
            if self._tracked.get_subscription_count():
                self._tracked.publish(self._messages.to_ids_list(poses, image.header))
            for pose in poses:
                skeleton = self._bodies[pose.person_id].skeleton
                if skeleton.get_subscription_count():
                    size = image.frame.width, image.frame.height
                    skeleton.publish(self._messages.to_skeleton_2d(pose, *size, image.header))

    def _update_topics(self, poses: Sequence[Pose], stamp_ns: int) -> None:
        """Have a topic for every tracked person, and none for those lost long ago."""
        for pose in poses:
            if pose.person_id not in self._bodies:
                topic = SKELETON.format(hri_id(pose.person_id))
                self._bodies[pose.person_id] = _BodyPublishers(
                    self._create(self._messages.skeleton_2d, topic), stamp_ns
                )
            self._bodies[pose.person_id].seen_ns = stamp_ns
        lost = [number for number, body in self._bodies.items() if abs(stamp_ns - body.seen_ns) > KEEP_NS]
        for number in lost:
            self._destroy(self._bodies.pop(number).skeleton)

    @contextmanager
    def _all(self) -> Iterator[list[Any]]:
        with self._lock:
            skeletons = [body.skeleton for body in self._bodies.values()]
            yield [] if self._tracked is None else [self._tracked, *skeletons]
