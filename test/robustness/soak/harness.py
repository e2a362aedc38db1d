# SPDX-License-Identifier: Apache-2.0
"""Cameras and listeners around a node, in one process."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
import rclpy
from lifecycle_msgs.msg import Transition
from lifecycle_msgs.srv import ChangeState
from numpy.typing import NDArray
from rclpy.executors import SingleThreadedExecutor
from rclpy.parameter import Parameter
from rclpy.parameter_client import AsyncParameterClient
from rclpy.qos import QoSProfile
from rclpy.signals import SignalHandlerOptions
from rclpy.task import Future
from robustness.soak.cameras import SoakCameras
from robustness.soak.invariants import Invariants
from robustness.soak.picture import Photograph
from sensor_msgs.msg import Image
from std_msgs.msg import Header
from tf2_msgs.msg import TFMessage
from visualization_msgs.msg import Marker, MarkerArray

from blazepose_ros.cli.signals import held_back
from blazepose_ros.conversions.cdr import stamp_ns
from blazepose_ros.conversions.pose33 import from_pose33
from blazepose_ros.msg import Pose33, Pose33Array

NODE = "blazepose"
POSES = f"{NODE}/poses"

_QOS = QoSProfile(depth=100)

# output: its type, and the headers in a message
OUTPUTS: dict[str, tuple[type, Callable[[Any], Sequence[Header]]]] = {
    "/tf": (TFMessage, lambda msg: [each.header for each in msg.transforms[:1]]),
    f"{NODE}/pose": (Pose33, lambda msg: [msg.header]),
    f"{NODE}/markers": (
        MarkerArray,
        lambda msg: [each.header for each in msg.markers if each.action == Marker.ADD],
    ),
    f"{NODE}/annotated_image": (Image, lambda msg: [msg.header]),
}


@dataclass(frozen=True)
class _Request:
    """A change of parameters that the node has not answered yet."""

    outcome: Future
    values: Mapping[str, object]
    accepted: bool

    def violation(self) -> str:
        """Return what is wrong with the answer; empty for the one that was expected."""
        answer = self.outcome.result().result
        if answer.successful == self.accepted:
            return ""
        return f"{dict(self.values)} was {'accepted' if answer.successful else f'refused: {answer.reason}'}"


class Harness:
    """Sends images, hears the answers, and keeps the ledger.

    Args:
        photograph: what the cameras show.
        numbers: decides what is broken, and how.

    Attributes:
        cameras: what is sent.
        newest: the last answer.
    """

    def __init__(self, photograph: Photograph, numbers: random.Random) -> None:
        self._node = rclpy.create_node("blazepose_soak")
        self.cameras = SoakCameras(self._node, photograph, numbers)
        self.newest: Pose33Array | None = None
        self._parameters = AsyncParameterClient(self._node, NODE)
        self._states = self._node.create_client(ChangeState, f"{NODE}/change_state")
        self._requests: list[_Request] = []
        self._listener: Any = None
        self._executor = SingleThreadedExecutor()
        self._executor.add_node(self._node)

    @property
    def ledger(self) -> Invariants:
        """What was sent and what came back."""
        return self.cameras.ledger

    def listen(self) -> None:
        """Begin to hear the poses."""
        self._listener = self._node.create_subscription(Pose33Array, POSES, self._on_poses, _QOS)

    def stop_listening(self) -> None:
        """Hear no more poses."""
        self._node.destroy_subscription(self._listener)
        self._listener = None

    @contextmanager
    def listening_to(self, topic: str) -> Iterator[None]:
        """Hear another output for the length of a block."""
        message_type, headers = OUTPUTS[topic]

        def hear(msg: Any) -> None:
            for header in headers(msg):
                self.ledger.derived(stamp_ns(header), header.frame_id, topic)

        subscription = self._node.create_subscription(message_type, topic, hear, _QOS)
        yield
        self._node.destroy_subscription(subscription)

    def ask_for(self, values: Mapping[str, object], *, accepted: bool = True) -> None:
        """Ask the node to change parameters, which it should accept or refuse."""
        parameters = [Parameter(name, value=value) for name, value in values.items()]
        outcome = self._parameters.set_parameters_atomically(parameters)
        self._requests.append(_Request(outcome, values, accepted))

    def change_state(self, label: str) -> None:
        """Ask the node for a transition of its life cycle."""
        self._states.call_async(ChangeState.Request(transition=Transition(label=label)))

    def run(self, duration_s: float, until: Callable[[], object] = lambda: False) -> bool:
        """Send and hear for a time, or until a condition holds; return whether it does.

        Raises:
            KeyboardInterrupt: Ctrl-C came meanwhile.
            SystemExit: SIGTERM came meanwhile.
        """
        next_s = time.monotonic()
        end_s = next_s + duration_s
        while time.monotonic() < end_s and not until():
            if time.monotonic() >= next_s:
                self.cameras.send()
                next_s = max(next_s + 1 / self.cameras.rate_hz, time.monotonic())
            with held_back():
                self._executor.spin_once(timeout_sec=max(next_s - time.monotonic(), 0))
            self._look_after()
        return bool(until())

    def close(self) -> None:
        """Free the node."""
        self._executor.shutdown()
        self._node.destroy_node()

    def _look_after(self) -> None:
        """Notice silence, and what became of requests."""
        if self._listener is not None and self.cameras.are_heard:
            self.ledger.check_silence(time.monotonic())
        for request in [request for request in self._requests if request.outcome.done()]:
            self._requests.remove(request)
            if violation := request.violation():
                self.ledger.note(violation)

    def _on_poses(self, msg: Pose33Array) -> None:
        self.newest = msg
        poses = [from_pose33(pose) for pose in msg.poses]
        size = (msg.poses[0].image_width, msg.poses[0].image_height) if msg.poses else (0, 0)
        self.ledger.answer(stamp_ns(msg.header), msg.header.frame_id, poses, size, time.monotonic())


def seen_landmarks(msg: Pose33Array, visibility: float) -> tuple[list[int], NDArray[np.float64]]:
    """Return which landmarks of the first person are visible, and where, as parts of the image's size."""
    pose = from_pose33(msg.poses[0])
    seen = [int(number) for number in np.flatnonzero(pose.visibility >= visibility)]
    return seen, pose.screen[seen, :2] / (msg.poses[0].image_width, msg.poses[0].image_height)


@contextmanager
def harnessed(photograph: Photograph, numbers: random.Random) -> Iterator[Harness]:
    """Return a rig with one camera for the length of a block."""
    with held_back():
        rclpy.init(args=[], signal_handler_options=SignalHandlerOptions.NO)
        rig = Harness(photograph, numbers)
        rig.cameras.add()
        rig.listen()
    try:
        yield rig
    finally:
        rig.close()
        rclpy.try_shutdown()
