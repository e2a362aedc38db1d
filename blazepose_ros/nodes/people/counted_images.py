# SPDX-License-Identifier: Apache-2.0
"""The annotated images of the node that people come from, with their counts written under them."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence

from rclpy.node import Node
from rclpy.publisher import Publisher
from sensor_msgs.msg import Image

from blazepose_ros.conversions.cdr import CdrError, RawImage, read_image, stamp_ns
from blazepose_ros.conversions.image_stream import ImageError
from blazepose_ros.conversions.images import to_image, to_rgb
from blazepose_ros.core.errors import Logger
from blazepose_ros.core.types import Pose
from blazepose_ros.core.visualization.skeleton_overlay import write_under
from blazepose_ros.nodes.common.followed_subscription import FollowedSubscription

IMAGE_NAME = "annotated_image"
# Only the newest image counts, as everywhere.
DEPTH = 1
# An image comes after its people, by less than this many images.
REMEMBERED = 30

Notes = Sequence[tuple[Pose, Sequence[str]]]


class CountedImages:
    """Publishes annotated images with notes about people, while somebody listens.

    Nothing is subscribed otherwise, so that no image is drawn for it.

    Args:
        node: the node that subscribes.
        publisher: of the images.
        poses_topic: where people come from, as it is resolved; their images are beside it.
        logger: told of images that cannot be read.
    """

    def __init__(self, node: Node, publisher: Publisher, poses_topic: str, logger: Logger) -> None:
        self._node = node
        self._publisher = publisher
        self._topic = f"{poses_topic.rpartition('/')[0]}/{IMAGE_NAME}"
        self._logger = logger
        self._subscription: FollowedSubscription | None = None
        self._notes: OrderedDict[int, Notes] = OrderedDict()
        self._waiting: RawImage | None = None

    def follow(self) -> None:
        """Listen to images while somebody does to these."""
        if not self._publisher.get_subscription_count():
            self.close()
        elif self._subscription is None:
            self._subscription = FollowedSubscription(self._node, Image, self._topic, self._receive, DEPTH)
        else:
            self._subscription.follow()

    def take(self, stamp: int, notes: Notes) -> None:
        """Take the notes about the people of an image, which comes after it or has come before.

        Args:
            stamp: the image's, in nanoseconds.
            notes: people, each with the lines about them.
        """
        if self._subscription is None:
            return
        self._notes[stamp] = notes
        if len(self._notes) > REMEMBERED:
            self._notes.popitem(last=False)
        if self._waiting is not None and stamp_ns(self._waiting.header) == stamp:
            self._publish(self._waiting, notes)

    def close(self) -> None:
        """Listen no more, and forget all."""
        if self._subscription is not None:
            self._subscription.close()
        self._subscription = self._waiting = None
        self._notes.clear()

    def _receive(self, serialized: bytes) -> None:
        try:
            image = read_image(serialized)
        except CdrError as err:
            self._logger.error(f"{self._topic}: image dropped: {err}")
            return
        notes = self._notes.get(stamp_ns(image.header))
        if notes is None:
            self._waiting = image
        else:
            self._publish(image, notes)

    def _publish(self, image: RawImage, notes: Notes) -> None:
        self._waiting = None
        try:
            rgb = to_rgb(image)
        except ImageError as err:
            self._logger.error(f"{self._topic}: image dropped: {err}")
            return
        self._publisher.publish(to_image(write_under(rgb, notes), "rgb8", image.header))
