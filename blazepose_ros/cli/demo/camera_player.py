# SPDX-License-Identifier: Apache-2.0
"""Plays the clips of several cameras in step, as their drivers would, and hears what nodes find in them."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, field

import rclpy
from geometry_msgs.msg import TransformStamped
from numpy.typing import NDArray
from rclpy.executors import SingleThreadedExecutor
from rclpy.node import Node
from rclpy.publisher import Publisher
from rclpy.qos import DurabilityPolicy, QoSProfile
from sensor_msgs.msg import CameraInfo, Image
from std_msgs.msg import Header
from tf2_msgs.msg import TFMessage

from blazepose_ros.cli.demo.four_cameras import ClipCamera
from blazepose_ros.cli.signals import held_back
from blazepose_ros.conversions.camera_info import camera_info_message
from blazepose_ros.conversions.cdr import header_message, stamp_ns
from blazepose_ros.conversions.pose33 import from_pose33, to_quaternion
from blazepose_ros.core.camera_model import CameraModel
from blazepose_ros.core.frame_sources.calibration_file import Calibration
from blazepose_ros.core.types import Pose
from blazepose_ros.msg import Pose33Array

_QOS = QoSProfile(depth=10)
_LATCHED = QoSProfile(depth=1, durability=DurabilityPolicy.TRANSIENT_LOCAL)
_MOMENT_S = 0.02
FUSED_POSES = "/blazepose_fusion/poses"


@dataclass
class PlayedClip:
    """One camera's clip, and what is heard of it.

    Attributes:
        camera: the camera.
        lens: the camera at the size of the images that are played.
        people: stamp in nanoseconds -> those that its node has found in the image.
    """

    camera: ClipCamera
    lens: CameraModel
    people: dict[int, list[Pose]] = field(default_factory=dict)


class CameraPlayer(Node):
    """Publishes images, calibrations and the cameras' transforms; listens to the people in the images.

    Args:
        clips: what to play.
        world: the frame that the cameras' poses are in.

    Attributes:
        stamps: of the images that have been played.
        fused: stamp -> the person that the fusion has made of what the nodes found.
    """

    def __init__(self, clips: Sequence[PlayedClip], world: str) -> None:
        super().__init__("four_cameras")
        self._clips = clips
        self.stamps: list[int] = []
        self.fused: dict[int, Pose] = {}
        self._outputs: dict[str, tuple[Publisher, Publisher]] = {}
        for clip in clips:
            name = clip.camera.name
            self._outputs[name] = (
                self.create_publisher(Image, f"/{name}/image_raw", _QOS),
                self.create_publisher(CameraInfo, f"/{name}/camera_info", _QOS),
            )
            self.create_subscription(
                Pose33Array,
                f"/{name}/blazepose/poses",
                lambda message, people=clip.people: people.setdefault(
                    stamp_ns(message.header), [from_pose33(pose) for pose in message.poses]
                ),
                _QOS,
            )
        self.create_subscription(Pose33Array, FUSED_POSES, self._take_fused, _QOS)
        self._transforms = self.create_publisher(TFMessage, "/tf_static", _LATCHED)
        self._transforms.publish(TFMessage(transforms=[_transform(clip.camera, world) for clip in clips]))
        self._own_executor = SingleThreadedExecutor()
        self._own_executor.add_node(self)

    @property
    def missing(self) -> list[str]:
        """The cameras whose images nothing subscribes to yet."""
        return [name for name, (images, _) in self._outputs.items() if not images.get_subscription_count()]

    def listen(self) -> None:
        """Receive what comes within a moment."""
        with held_back():
            self._own_executor.spin_once(_MOMENT_S)

    def play(self, bgr: Sequence[NDArray], period_ns: int) -> None:
        """Publish one image of every camera, blue first, all with the same stamp: a period after the last."""
        now_ns = self.stamps[-1] + period_ns if self.stamps else self.get_clock().now().nanoseconds
        self.stamps.append(now_ns)
        for clip, image in zip(self._clips, bgr, strict=True):
            header = header_message(now_ns, clip.camera.frame_id)
            images, infos = self._outputs[clip.camera.name]
            infos.publish(_info(clip.lens, header))
            images.publish(_message(image, header))

    def wait_for_answers(self, at_least_s: float, at_most_s: float) -> None:
        """Listen until there is an answer to the last image, for some time at least and at most."""
        started_s = time.monotonic()
        while (elapsed_s := time.monotonic() - started_s) < at_most_s:
            self.listen()
            if self.stamps[-1] in self.fused and elapsed_s >= at_least_s:
                return

    def _take_fused(self, message: Pose33Array) -> None:
        if message.poses:
            self.fused[stamp_ns(message.header)] = from_pose33(message.poses[0])

    def close(self) -> None:
        """Leave the graph."""
        self.destroy_node()
        rclpy.try_shutdown()


def _message(bgr: NDArray, header: Header) -> Image:
    height, width = bgr.shape[:2]
    message = Image(header=header, height=height, width=width, encoding="bgr8", step=3 * width)
    message.data = bgr.tobytes()
    return message


def _info(lens: CameraModel, header: Header) -> CameraInfo:
    return camera_info_message(Calibration.monocular(lens), (lens.width, lens.height), header)


def _transform(camera: ClipCamera, world: str) -> TransformStamped:
    message = TransformStamped(header=Header(frame_id=world), child_frame_id=camera.frame_id)
    place = message.transform.translation
    place.x, place.y, place.z = camera.pose.translation.tolist()
    message.transform.rotation = to_quaternion(camera.pose.rotation)
    return message
