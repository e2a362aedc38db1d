# SPDX-License-Identifier: Apache-2.0
"""People and markers in ``target_frame``, as soon as TF knows where the camera was."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from rclpy.serialization import deserialize_message
from visualization_msgs.msg import MarkerArray

from blazepose_ros.conversions.frames import markers_in_frame, poses_in_frame
from blazepose_ros.conversions.tf_buffer import TfBuffer, TransformError
from blazepose_ros.core.errors import Logger
from blazepose_ros.core.text import printable
from blazepose_ros.msg import Pose33Array

# At 60 images a second, as many come while one waits for a second, which is the longest.
MAX_WAITING = 64


@dataclass(frozen=True)
class CameraPeople:
    """The people of one image in the camera's frame.

    Attributes:
        frame_id: the camera's frame.
        stamp_ns: when the image was taken.
        poses: a serialized Pose33Array; None where none listens.
        markers: the same people's; None where none listens.
    """

    frame_id: str
    stamp_ns: int
    poses: bytes | None
    markers: MarkerArray | None


class TargetPublishers:
    """Publishes people in ``target_frame``, image by image, in a thread of its own.

    The transform of an image's time is often known only after the people are: odometry comes later
    than images. What is waited for there delays neither the inference nor the other outputs.

    Args:
        create: makes a publisher of a message type and a topic.
        transforms: remembers /tf.
        logger: told where people cannot be expressed in that frame.

    Attributes:
        trouble: why the people of the last image are not expressed in that frame; or nothing.
    """

    def __init__(self, create: Callable[[type, str], Any], transforms: TfBuffer, logger: Logger) -> None:
        self._transforms = transforms
        self._logger = logger
        self.poses = create(Pose33Array, "~/target/poses")
        self.markers = create(MarkerArray, "~/target/markers")
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="target")
        self._waiting: deque[Future[None]] = deque()
        self.trouble = ""

    def publish(self, people: CameraPeople, target: str, timeout_s: float) -> None:
        """Publish the people of an image after those of the images before.

        Args:
            people: of the image.
            target: the frame to express them in.
            timeout_s: how long to wait, from now on, for the transform of the image's time.

        Raises:
            Exception: what went wrong with those of an image before.
        """
        if len(self._waiting) >= MAX_WAITING:
            self._logger.error(
                f"people are not expressed in {printable(target)} (target_frame): that takes too long"
            )
            self._waiting.popleft().cancel()
        deadline_s = time.monotonic() + timeout_s
        self._waiting.append(self._thread.submit(self._publish_by, deadline_s, people, target))
        while self._waiting and self._waiting[0].done():
            self._waiting.popleft().result()

    def close(self) -> None:
        """End the thread; people that wait are not published any more."""
        self._thread.shutdown(cancel_futures=True)

    def _publish_by(self, deadline_s: float, people: CameraPeople, target: str) -> None:
        left_s = max(0.0, deadline_s - time.monotonic())
        try:
            camera = self._transforms.lookup(target, people.frame_id, people.stamp_ns, left_s)
        except TransformError as err:
            self.trouble = f"people are not expressed in {printable(target)} (target_frame): {err}"
            self._logger.error(self.trouble)
            return
        self.trouble = ""
        if people.poses is not None:
            message = deserialize_message(people.poses, Pose33Array)
            self.poses.publish(poses_in_frame(message, target, camera))
        if people.markers is not None:
            self.markers.publish(markers_in_frame(people.markers, target, camera))
