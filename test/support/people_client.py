# SPDX-License-Identifier: Apache-2.0
"""Plays the part of a pose node: publishes people, and waits for what other nodes make of them."""

import time
from collections.abc import Sequence
from types import ModuleType
from typing import Any

import numpy as np
from rclpy.executors import SingleThreadedExecutor

from blazepose_ros.conversions.cdr import header_message, stamp_ns
from blazepose_ros.conversions.pose33 import serialize_pose33_array
from blazepose_ros.core.types import Frame, ModelComplexity, Pose
from blazepose_ros.msg import Pose33Array

TOPIC = "blazepose/poses"
FRAME_ID = "camera_optical_frame"
TIMEOUT_S = 60.0
START_NS = 1_000_000_000_000
FRAME = Frame(np.zeros((480, 640, 3), np.uint8), 0)


class PeopleClient:
    """Publishes people image by image, each once the answer to the one before is there.

    Args:
        ros: rclpy.
        message_type: of the answers.
        topic: of the answers; each has the header of its people.
    """

    def __init__(self, ros: ModuleType, message_type: type, topic: str) -> None:
        self.node = ros.create_node("people_client")
        self._executor = SingleThreadedExecutor()
        self._executor.add_node(self.node)
        self._people = self.node.create_publisher(Pose33Array, TOPIC, 10)
        self.answers: list[Any] = []
        self.node.create_subscription(message_type, topic, self.answers.append, 50)
        self._stamp_ns = START_NS

    def listen(self, message_type: type, topic: str) -> list[Any]:
        """Return what will have come on a topic."""
        received: list[Any] = []
        self.node.create_subscription(message_type, topic, received.append, 50)
        return received

    def play(self, images: Sequence[Sequence[Pose]], rate_hz: float, frame_id: str = FRAME_ID) -> Any:
        """Publish the people of some images, and return the answer to the last one."""
        for people in images:
            self._stamp_ns = self.next_stamp_ns(rate_hz)
            answer = self._ask(people, frame_id)
        return answer

    def next_stamp_ns(self, rate_hz: float) -> int:
        """Return the stamp of the image that is played next."""
        return self._stamp_ns + round(1e9 / rate_hz)

    def wait_for(self, condition: Any, what: str) -> Any:
        """Spin until a condition holds."""
        deadline_s = time.monotonic() + TIMEOUT_S
        while not (result := condition()):
            assert time.monotonic() < deadline_s, f"waited {TIMEOUT_S} s in vain for {what}"
            self._executor.spin_once(timeout_sec=0.05)
        return result

    def close(self) -> None:
        """Free the node."""
        self._executor.shutdown()
        self.node.destroy_node()

    def _ask(self, people: Sequence[Pose], frame_id: str) -> Any:
        self.wait_for(self._people.get_subscription_count, "the node")
        header = header_message(self._stamp_ns, frame_id)
        message = serialize_pose33_array(people, header, FRAME, ModelComplexity.FULL)

        def answer() -> Any:
            return next((each for each in self.answers if stamp_ns(each.header) == self._stamp_ns), None)

        again_s = 0.0
        deadline_s = time.monotonic() + TIMEOUT_S
        while answer() is None:
            assert time.monotonic() < deadline_s, "no answer"
            if time.monotonic() > again_s:  # again, where it was lost
                self._people.publish(message)
                again_s = time.monotonic() + 2.0
            self._executor.spin_once(timeout_sec=0.05)
        return answer()
