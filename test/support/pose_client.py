# SPDX-License-Identifier: Apache-2.0
"""A client of `blazepose_node`: sends it images and waits for what it makes of them."""

import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
from diagnostic_msgs.msg import DiagnosticArray
from rclpy.executors import SingleThreadedExecutor
from rclpy.qos import QoSProfile
from sensor_msgs.msg import CameraInfo, CompressedImage, Image
from tf2_msgs.msg import TFMessage
from visualization_msgs.msg import MarkerArray

from blazepose_ros.msg import Pose33, Pose33Array
from support.processes import ros_arguments, running

TIMEOUT_S = 60.0
REPEAT_S = 1.0
FRAME_ID = "test_optical_frame"
# Stamps start some way into the epoch, as those of a recording do.
START_NS = 1_000_000_000_000
FRAME_NS = 33_000_000

# name: message type, topic
OUTPUTS = {
    "poses": (Pose33Array, "blazepose/poses"),
    "pose": (Pose33, "blazepose/pose"),
    "markers": (MarkerArray, "blazepose/markers"),
    "tf": (TFMessage, "/tf"),
    "annotated_image": (Image, "blazepose/annotated_image"),
    "diagnostics": (DiagnosticArray, "/diagnostics"),
    "target_poses": (Pose33Array, "blazepose/target/poses"),
}


class PoseClient:
    """Publishes images and keeps the newest answer on each topic."""

    def __init__(self, ros: ModuleType, transport: str = "raw") -> None:
        self.node = ros.create_node("pose_client")
        self.executor = SingleThreadedExecutor()
        self.executor.add_node(self.node)
        qos = QoSProfile(depth=10)
        message_type, topic = {"raw": (Image, "image"), "compressed": (CompressedImage, "image/compressed")}[
            transport
        ]
        self.image = self.node.create_publisher(message_type, topic, qos)
        self.camera_info = self.node.create_publisher(CameraInfo, "camera_info", qos)
        self.received: dict[str, list[Any]] = {name: [] for name in OUTPUTS}
        self.process: subprocess.Popen | None = None
        self.log_path: Path | None = None
        self._log_start = 0
        self._subscriptions: dict[str, Any] = {}

    def listen(self, *names: str) -> None:
        """Subscribe to outputs of the node, by their names in OUTPUTS."""
        for name in names:
            message_type, topic = OUTPUTS[name]
            self._subscriptions[name] = self.node.create_subscription(
                message_type, topic, self.received[name].append, QoSProfile(depth=50)
            )

    def forget(self) -> None:
        """Listen to the poses alone, and forget what has come, and what the node has logged."""
        for name in self._subscriptions.keys() - {"poses"}:
            self.node.destroy_subscription(self._subscriptions.pop(name))
        for received in self.received.values():
            received.clear()
        self._log_start += len(self.log())

    def log(self) -> str:
        """Return what the node has logged, of one that has a log of its own."""
        assert self.log_path is not None
        return self.log_path.read_text()[self._log_start :]

    def wait_for(self, condition: Callable[[], Any], what: str) -> Any:
        """Spin until a condition holds."""
        deadline = time.monotonic() + TIMEOUT_S
        while not (result := condition()):
            assert time.monotonic() < deadline, f"waited {TIMEOUT_S} s in vain for {what}"
            self.executor.spin_once(timeout_sec=0.05)
        return result

    def wait_until_connected(self) -> None:
        """Wait until the node listens to the images and is heard."""
        self.wait_for(
            lambda: self.image.get_subscription_count() and self.node.count_publishers("blazepose/poses"),
            "the node",
        )

    def ask(self, msg: Image) -> Pose33Array:
        """Publish an image, again where it was lost, and return the answer with its stamp."""
        deadline = time.monotonic() + TIMEOUT_S
        while time.monotonic() < deadline:
            self.image.publish(msg)
            again = time.monotonic() + REPEAT_S
            while time.monotonic() < again:
                self.executor.spin_once(timeout_sec=0.05)
                for answer in self.received["poses"]:
                    if answer.header.stamp == msg.header.stamp:
                        return answer
        raise AssertionError(f"no answer to an image within {TIMEOUT_S} s")

    def close(self) -> None:
        """Free the node."""
        self.executor.shutdown()
        self.node.destroy_node()


class Stream:
    """Images of the same still, or now and then another, each later than the one before.

    Args:
        client: publishes them.
        bgr: the still.
        live: whether they are stamped with the time of now.
    """

    def __init__(self, client: Any, bgr: Any, *, live: bool = False) -> None:
        self._client = client
        self._bgr = bgr
        self._live = live
        self._stamp_ns = START_NS

    def message(self, bgr: Any = None) -> Any:
        self._stamp_ns = time.time_ns() if self._live else self._stamp_ns + FRAME_NS
        return image_message(self._bgr if bgr is None else bgr, "bgr8", self._stamp_ns)

    def ask(self) -> Any:
        """Return the only person that the node sees."""
        (pose,) = self._client.ask(self.message()).poses
        return pose

    def publish(self, bgr: Any = None) -> None:
        self._client.image.publish(self.message(bgr))


@contextmanager
def pose_node(
    ros: ModuleType, *outputs: str, log_path: Path | None = None, **parameters: Any
) -> Iterator[PoseClient]:
    """Run `blazepose_node` as a process and return a connected client of it.

    Args:
        ros: rclpy.
        outputs: what the client listens to besides the poses.
        log_path: the file where the node logs; None for where the tests do.
        parameters: of the node.
    """
    client = PoseClient(ros, parameters.get("image_transport", "raw"))
    client.listen("poses", *outputs)
    client.log_path = log_path
    reliable = {"image_reliability": "reliable", **parameters}
    try:
        with (
            nullcontext() if log_path is None else log_path.open("w") as log,
            running("blazepose_node", *ros_arguments(reliable), log=log) as process,
        ):
            client.process = process
            client.wait_until_connected()
            yield client
        assert process.returncode == 0
    finally:
        client.close()


def image_message(pixels: np.ndarray, encoding: str, stamp_ns: int, padding: int = 0) -> Image:
    """Return pixels, (height, width[, channels]), as a message with padded rows."""
    height, width = pixels.shape[:2]
    rows = pixels.reshape(height, -1).view(np.uint8)
    padded = np.pad(rows, ((0, 0), (0, padding)), constant_values=255)
    msg = Image(height=height, width=width, encoding=encoding, step=padded.shape[1])
    msg.header.frame_id = FRAME_ID
    msg.header.stamp.sec, msg.header.stamp.nanosec = divmod(stamp_ns, 1_000_000_000)
    msg.data.frombytes(padded.tobytes())
    return msg


def screen_array(pose: Pose33) -> np.ndarray:
    """Return x, y, z in pixels, (33, 3)."""
    return np.array([(p.x, p.y, p.z) for p in pose.screen_landmarks])


def world_array(pose: Pose33) -> np.ndarray:
    """Return the world landmarks in metres, (33, 3)."""
    return np.array([(p.x, p.y, p.z) for p in pose.world_landmarks])


def pose_from_camera(ros: ModuleType, source: Any, complexity: Any, **parameters: Any) -> Any:
    """Start camera and node as processes and return a pose of the camera's image."""
    client = PoseClient(ros)
    client.listen("poses")
    camera = ros_arguments({"source": source, "rate": 5.0}, {"image_raw": "image"})
    node = ros_arguments({"model_complexity": int(complexity), **parameters})
    try:
        with (
            running("blazepose_camera", *camera) as camera_process,
            running("blazepose_node", *node) as process,
        ):
            client.wait_for(
                lambda: sum(len(msg.poses) for msg in client.received["poses"]) >= 3, "three poses"
            )
        assert (camera_process.returncode, process.returncode) == (0, 0)
    finally:
        client.close()
    return client.received["poses"][-1].poses[0]
