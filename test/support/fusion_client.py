# SPDX-License-Identifier: Apache-2.0
"""`blazepose_fusion` as a process, and synthetic cameras that publish what they see of one person."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import ModuleType
from typing import Any

import numpy as np
from diagnostic_msgs.msg import DiagnosticArray
from rclpy.executors import SingleThreadedExecutor
from rclpy.qos import DurabilityPolicy, QoSProfile
from scipy.spatial.transform import Rotation
from sensor_msgs.msg import CameraInfo, JointState
from tf2_msgs.msg import TFMessage
from visualization_msgs.msg import MarkerArray

from blazepose_ros.conversions.camera_info import camera_info_message
from blazepose_ros.conversions.cdr import header_message
from blazepose_ros.conversions.pose33 import PoseArray, read_pose33_array, serialize_pose33_array
from blazepose_ros.core.frame_sources.calibration_file import Calibration
from blazepose_ros.core.transforms import Rigid
from blazepose_ros.core.types import ImageSize, ModelComplexity, Placement
from blazepose_ros.msg import Pose33Array
from support.bodies import CAMERA
from support.processes import ros_arguments, running
from support.several_cameras import CAMERAS, person_seen, walker
from support.transforms import transform

NODE = "blazepose_fusion"
RATE_HZ, TIMEOUT_S = 20.0, 30.0
THREE = ("east", "north", "south")
IMAGE = ImageSize(CAMERA.width, CAMERA.height)
LISTENED = {
    "poses": (Pose33Array, f"{NODE}/poses"),
    "markers": (MarkerArray, f"{NODE}/markers"),
    "tf": (TFMessage, "/tf"),
    "joint_states": (JointState, f"{NODE}/joint_states"),
    "diagnostics": (DiagnosticArray, "/diagnostics"),
}


class CameraClient:
    """Publishes what cameras see of a person, and keeps what the fusion makes of it.

    Attributes:
        ahead_s: how far the time of the cameras is ahead of that of the day.
    """

    target = NODE  # whose services are called

    def __init__(self, ros: ModuleType) -> None:
        self.node = ros.create_node("cameras")
        self.executor = SingleThreadedExecutor()
        self.executor.add_node(self.node)
        self.received: dict[str, list[Any]] = {name: [] for name in LISTENED}
        self.ahead_s = 0.0
        kept = QoSProfile(depth=10, durability=DurabilityPolicy.TRANSIENT_LOCAL)
        self.static = self.node.create_publisher(TFMessage, "/tf_static", kept)
        self._calibrations = [self._calibrate(name, kept) for name in CAMERAS]
        self.poses = {
            name: self.node.create_publisher(Pose33Array, f"{name}/blazepose/poses", 10) for name in THREE
        }

    @property
    def now_s(self) -> float:
        """The time of the cameras."""
        return time.time() + self.ahead_s

    def place_cameras(self) -> None:
        """Tell where the cameras are."""
        self.static.publish(TFMessage(transforms=[mounted(name, pose) for name, pose in CAMERAS.items()]))

    def listen(self, *names: str) -> None:
        for name in names:
            message_type, topic = LISTENED[name]
            take: Callable[[Any], object] = self.received[name].append
            if name == "poses":
                take = lambda raw: self.received["poses"].append(read_pose33_array(raw))  # noqa: E731
            self.node.create_subscription(message_type, topic, take, 50, raw=name == "poses")

    def see(self, name: str, now_s: float) -> None:
        """Have a camera see the person."""
        person = person_seen(CAMERAS[name], where(now_s))
        self.poses[name].publish(written([person], name, now_s))

    def publish(self, cameras: Any, seconds: float) -> None:
        """Have cameras see the person for some time."""
        end_s = time.monotonic() + seconds
        while (began_s := time.monotonic()) < end_s:
            now_s = self.now_s
            for name in cameras:
                self.see(name, now_s)
            self.executor.spin_once(timeout_sec=0.005)  # even where it takes long to publish
            while time.monotonic() < began_s + 1 / RATE_HZ:
                self.executor.spin_once(timeout_sec=0.005)

    def publish_until(self, cameras: Any, condition: Callable[[], Any], what: str) -> Any:
        deadline = time.monotonic() + TIMEOUT_S
        while not (result := condition()):
            assert time.monotonic() < deadline, f"waited {TIMEOUT_S} s in vain for {what}"
            self.publish(cameras, 0.2)
        return result

    def wait_for(self, condition: Callable[[], Any], what: str) -> Any:
        return self.publish_until((), condition, what)

    def close(self) -> None:
        self.executor.shutdown()
        self.node.destroy_node()

    def _calibrate(self, name: str, qos: QoSProfile) -> Any:
        publisher = self.node.create_publisher(CameraInfo, f"{name}/camera_info", qos)
        calibration = Calibration(CAMERA, np.eye(3), np.column_stack([CAMERA.k, np.zeros(3)]))
        size = (CAMERA.width, CAMERA.height)
        publisher.publish(camera_info_message(calibration, size, header_message(0, name)))
        return publisher


def mounted(name: str, pose: Rigid, time_s: float = 0.0) -> Any:
    """Return where a camera is as a transform."""
    quaternion = Rotation.from_matrix(pose.rotation).as_quat()
    return transform("map", name, pose.translation, quaternion, round(time_s * 1e9))


def written(people: Any, frame_id: str, time_s: float) -> bytes:
    """Return the people in an image as a serialized message."""
    header = header_message(round(time_s * 1e9), frame_id)
    return serialize_pose33_array(people, header, IMAGE, ModelComplexity.FULL)


def where(time_s: float) -> Any:
    """Return the landmarks of the person at a time."""
    return walker(time_s, (np.sin(0.8 * time_s), 0.0))


def place(message: PoseArray) -> Any:
    """Return where the one person is, (33, 3), meters."""
    (person,) = message.poses
    assert person.hip_center is not None
    return person.world + person.hip_center.position


def is_fused(message: PoseArray, number: int = 1) -> bool:
    return [pose.placement for pose in message.poses] == [Placement.FUSED] * number


@contextmanager
def fusion(
    ros: ModuleType, *listened: str, client_type: type[CameraClient] = CameraClient, **parameters: Any
) -> Iterator[Any]:
    """Run the node, and yield the cameras once it listens to them."""
    client = client_type(ros)
    client.place_cameras()
    client.listen("poses", *listened)
    try:
        with running(NODE, *ros_arguments(parameters)) as process:
            client.wait_for(
                lambda: all(publisher.get_subscription_count() for publisher in client.poses.values()),
                "the fusion to listen",
            )
            yield client
        assert process.returncode == 0
    finally:
        client.close()
