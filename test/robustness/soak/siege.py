# SPDX-License-Identifier: Apache-2.0
"""A good camera and the node amid hostile processes: what is lost, what is late, and what remains."""

from __future__ import annotations

import math
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import cv2
import psutil
import rclpy
from numpy.typing import NDArray
from rclpy.executors import SingleThreadedExecutor
from rclpy.parameter_client import AsyncParameterClient
from rclpy.qos import QoSProfile
from rclpy.signals import SignalHandlerOptions
from rclpy.task import Future
from robustness.soak.neighbors import KINDS, NODE
from sensor_msgs.msg import CompressedImage

from blazepose_ros.cli.processes import ChildProcess, ChildProcesses, executable_path, ros_arguments, stop
from blazepose_ros.cli.signals import held_back
from blazepose_ros.conversions.cdr import header_message, stamp_ns
from blazepose_ros.conversions.images import compressed_message
from blazepose_ros.msg import Pose33Array
from blazepose_ros.nodes.common.process_tuning import anonymous_mb

# What the node must listen to for the neighbors to reach it.
PARAMETERS: dict[str, object] = {
    "image_transport": "compressed",
    "model_complexity": 0,
    "external_detections": True,
    "target_frame": "latched_0",
}
FRAME_ID = "latched_9999"
RATE_HZ = 5.0
LONG_SIDE_PX = 320

MAX_LOST = 0.03
MAX_GROWTH_MB = 100.0
MAX_SERVICE_S = 1.0
CALL_PERIOD_S = 1.0

START_TIMEOUT_S = 60.0
WARM_UP_S = 10.0
# Fast DDS drops a participant that was killed after 20 s, allocators give back what is idle.
REST_S = 30.0
# An answer that takes longer is lost.
LAST_ANSWER_S = 2.0


@dataclass(frozen=True)
class Usage:
    """What a process holds."""

    memory_mb: float
    threads: int
    descriptors: int

    @classmethod
    def of(cls, pid: int) -> Usage:
        """Return what a process holds now.

        Raises:
            psutil.NoSuchProcess: it has ended.
        """
        process = psutil.Process(pid)
        return cls(anonymous_mb(pid), process.num_threads(), process.num_fds())


@dataclass
class Outcome:
    """What was seen of the node.

    Attributes:
        sent: how many good images, amid the neighbors.
        answered: how many of them were answered.
        service_s: how long each call of a service took.
        before: what it held without neighbors.
        after: what it holds without them again; None where it has ended.
    """

    before: Usage
    sent: int = 0
    answered: int = 0
    service_s: list[float] = field(default_factory=list)
    after: Usage | None = None

    @property
    def lost(self) -> float:
        """The part of the good images without an answer."""
        return (self.sent - self.answered) / self.sent if self.sent else 1.0

    @property
    def slowest_s(self) -> float:
        """How long the slowest call took; for ever where there was none."""
        return max(self.service_s, default=math.inf)

    def violations(self) -> list[str]:
        """Return everything that should not have been, one line each."""
        if self.after is None:
            return ["the node has ended"]
        grown_mb = self.after.memory_mb - self.before.memory_mb
        checks = (
            (self.lost > MAX_LOST, f"{self.lost:.1%} of the good images were lost"),
            (grown_mb > MAX_GROWTH_MB, f"{grown_mb:.0f} MB of memory remain"),
            (
                self.after.threads > self.before.threads,
                f"{self.after.threads - self.before.threads} threads remain",
            ),
            (
                self.after.descriptors > self.before.descriptors,
                f"{self.after.descriptors - self.before.descriptors} descriptors remain",
            ),
            (self.slowest_s > MAX_SERVICE_S, f"a call of a service took {self.slowest_s:.1f} s"),
        )
        return [text for is_broken, text in checks if is_broken]

    def report(self) -> str:
        """Return what happened, several lines."""
        found = self.violations()
        return "\n".join(
            [
                f"images      {self.sent} sent amid {len(KINDS)} neighbors, {self.answered} answered",
                f"services    {len(self.service_s)} calls, {self.slowest_s:.2f} s at most",
                f"before      {self.before}",
                f"after       {self.after}",
                f"violations  {len(found)}",
                *(f"  - {line}" for line in found),
            ]
        )


class Witness:
    """A good camera that counts its answers, and a client that times a service.

    Args:
        jpeg: what the camera shows.
    """

    def __init__(self, jpeg: CompressedImage) -> None:
        self._jpeg = jpeg
        self._node = rclpy.create_node("witness")
        self._camera = self._node.create_publisher(CompressedImage, "image/compressed", QoSProfile(depth=1))
        self._node.create_subscription(Pose33Array, f"{NODE}/poses", self._on_poses, QoSProfile(depth=100))
        self._parameters = AsyncParameterClient(self._node, NODE)
        self._call: tuple[float, Future] | None = None
        self._called_s = 0.0
        self._sent: set[int] = set()
        self._answered: set[int] = set()
        self._service_s: list[float] = []
        self._executor = SingleThreadedExecutor()
        self._executor.add_node(self._node)

    @property
    def service_s(self) -> list[float]:
        """How long each call of a service took, the one that has no answer yet included."""
        pending = [] if self._call is None else [time.monotonic() - self._call[0]]
        return self._service_s + pending

    @property
    def counts(self) -> tuple[int, int]:
        """How many images were sent, and how many of them answered."""
        return len(self._sent), len(self._sent & self._answered)

    def forget(self) -> None:
        """Count from here on."""
        self._sent.clear()
        self._answered.clear()
        self._service_s.clear()

    def run(
        self, duration_s: float, until: Callable[[], object] = lambda: False, *, send: bool = True
    ) -> None:
        """Send images, hear answers and call a service for a time, or until a condition holds."""
        next_s = time.monotonic()
        end_s = next_s + duration_s
        while time.monotonic() < end_s and not until():
            if send and time.monotonic() >= next_s:
                self._send()
                next_s = max(next_s + 1 / RATE_HZ, time.monotonic())
            with held_back():
                self._executor.spin_once(timeout_sec=1 / RATE_HZ / 10)
            self._time_service()

    def close(self) -> None:
        """Free the node."""
        self._executor.shutdown()
        self._node.destroy_node()

    def _send(self) -> None:
        now_ns = self._node.get_clock().now().nanoseconds
        self._jpeg.header = header_message(now_ns, FRAME_ID)
        self._sent.add(now_ns)
        self._camera.publish(self._jpeg)

    def _time_service(self) -> None:
        """Call a service every second, one call after the other."""
        now_s = time.monotonic()
        if self._call is None:
            if now_s - self._called_s > CALL_PERIOD_S and self._parameters.services_are_ready():
                self._called_s = now_s
                self._call = now_s, self._parameters.get_parameters(["num_poses"])
        elif self._call[1].done():
            self._service_s.append(now_s - self._call[0])
            self._call = None

    def _on_poses(self, msg: Pose33Array) -> None:
        self._answered.add(stamp_ns(msg.header))


@contextmanager
def witness(jpeg: CompressedImage) -> Iterator[Witness]:
    """Return a witness for the length of a block."""
    with held_back():
        rclpy.init(args=[], signal_handler_options=SignalHandlerOptions.NO)
        seen = Witness(jpeg)
    try:
        yield seen
    finally:
        seen.close()
        rclpy.try_shutdown()


def besiege(
    picture: NDArray, output: Path, duration_s: float, kinds: Sequence[str] = tuple(KINDS)
) -> Outcome:
    """Let all neighbors attack a node for a time, and return what was seen of it.

    Args:
        picture: what the good camera shows, blue first.
        output: a folder for the logs.
        duration_s: how long they attack.
        kinds: which of them.

    Raises:
        RuntimeError: the node does not answer without neighbors.
    """
    scale = LONG_SIDE_PX / max(picture.shape[:2])
    jpeg = compressed_message(cv2.resize(picture, None, fx=scale, fy=scale), header_message(0, FRAME_ID))
    with ChildProcesses() as children:
        command = [executable_path("blazepose_node"), *ros_arguments(PARAMETERS)]
        node = children.start(command, output / "node.log")
        with witness(jpeg) as seen:
            seen.run(START_TIMEOUT_S, lambda: seen.counts[1] or node.exit_status is not None)
            if not seen.counts[1]:
                raise RuntimeError(node.failure() or "the node answers no image")
            seen.run(WARM_UP_S)
            outcome = Outcome(Usage.of(node.pid))
            seen.forget()
            with ChildProcesses() as neighbors:
                hostile = [_start(neighbors, kind, output) for kind in kinds]
                seen.run(duration_s, lambda: node.exit_status is not None)
                seen.run(LAST_ANSWER_S, send=False)
                outcome.sent, outcome.answered = seen.counts
                stop(hostile)
            seen.run(REST_S, lambda: node.exit_status is not None)
            outcome.service_s = seen.service_s
            if node.exit_status is None:
                outcome.after = Usage.of(node.pid)
    return outcome


def _start(neighbors: ChildProcesses, kind: str, output: Path) -> ChildProcess:
    command = [sys.executable, "-m", "robustness.soak.neighbors", kind]
    return neighbors.start(command, output / f"{kind}.log")
