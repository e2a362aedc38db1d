# SPDX-License-Identifier: Apache-2.0
"""The node as a process, given a photograph with its depth image."""

from pathlib import Path
from types import ModuleType
from typing import Any

import cv2
import numpy as np
import pytest

pytest.importorskip("rclpy", reason="rclpy is not installed")

from rclpy.qos import QoSProfile
from sensor_msgs.msg import CameraInfo, Image
from support.pose_client import FRAME_ID, START_NS, image_message, pose_node, screen_array

from blazepose_ros.core.landmarks import Landmark
from blazepose_ros.msg import Pose33

pytestmark = pytest.mark.usefixtures("models")

PERIOD_NS = 33_000_000
MANY = 40
TORSO = [Landmark.LEFT_SHOULDER, Landmark.RIGHT_SHOULDER, Landmark.LEFT_HIP, Landmark.RIGHT_HIP]
# The hips' joints are this far below the skin.
SKIN_M = 0.10
SKIN_TOLERANCE = 0.05


class Scene:
    """A colour image and its depth images of every kind, shown to a node again and again."""

    def __init__(self, client: Any, data: Any) -> None:
        folder = data / "images"
        self.client = client
        self.rgb = cv2.imread(str(folder / "pcl_five_people_rgb.png"))
        self.depth_mm = cv2.imread(str(folder / "pcl_five_people_depth_mm.png"), cv2.IMREAD_UNCHANGED)
        qos = QoSProfile(depth=10)
        self.depth = client.node.create_publisher(Image, "depth", qos)
        client.wait_for(client.camera_info.get_subscription_count, "the node's camera_info")
        self.stamp_ns = START_NS

    def calibrate(self) -> None:
        info = CameraInfo(width=640, height=480, distortion_model="plumb_bob", d=[0.0] * 5)
        info.header.frame_id = FRAME_ID
        info.k = [525.0, 0.0, 319.5, 0.0, 525.0, 239.5, 0.0, 0.0, 1.0]
        self.client.camera_info.publish(info)

    def show(self, values: Any = None, encoding: str = "16UC1", late_ns: Any = 0) -> Pose33:
        """Show the photograph with a depth image, or without, and return the answer."""
        self.stamp_ns += PERIOD_NS
        self.calibrate()
        if values is not None:
            self.depth.publish(image_message(values, encoding, self.stamp_ns - late_ns))
        (pose,) = self.client.ask(image_message(self.rgb, "bgr8", self.stamp_ns)).poses
        return pose

    def show_until(self, placement: Any, *depth: Any, **options: Any) -> Pose33:
        """Show it until the node places the person by what is wanted."""
        for _ in range(MANY):
            pose = self.show(*depth, **options)
            if pose.placement == placement:
                return pose
        raise AssertionError(f"in {MANY} images the placement never was {placement}")

    def surface_m(self, pose: Any) -> Any:
        """Return the depth that was measured on the person's torso."""
        x, y = np.rint(screen_array(pose)[TORSO, :2].mean(axis=0)).astype(int)
        patch = self.depth_mm[y - 10 : y + 11, x - 6 : x + 7]
        return np.median(patch[patch > 0]) / 1000


def usable_depths(scene: Any) -> Any:
    """Return the same depths in every way that a driver may send them."""
    metres = np.where(scene.depth_mm > 0, scene.depth_mm / 1000, np.nan).astype(np.float32)
    return {
        "millimetres": (scene.depth_mm, "16UC1"),
        "metres with NaN": (metres, "32FC1"),
        "half the size": (scene.depth_mm[::2, ::2].copy(), "16UC1"),
        "twice the size": (scene.depth_mm.repeat(2, axis=0).repeat(2, axis=1), "16UC1"),
    }


def useless_depths(scene: Any) -> Any:
    """Return depth images that show no person, and how late they are."""
    floats = scene.depth_mm.astype(np.float32)
    return {
        "zeros": (np.zeros_like(scene.depth_mm), "16UC1", 0),
        "NaN": (np.full_like(floats, np.nan), "32FC1", 0),
        "millimetres called metres": (floats, "32FC1", 0),
        "no depth at all": (np.zeros((480, 640), np.uint8), "8UC1", 0),
        "late": (scene.depth_mm, "16UC1", 200_000_000),
    }


def test_people_are_placed_by_depth_while_it_comes_and_fits_and_by_colour_otherwise(
    ros: ModuleType, data: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    with pose_node(ros) as client:
        scene = Scene(client, data)
        for name, depth in usable_depths(scene).items():
            for _ in range(3):
                pose = scene.show_until(Pose33.DEPTH, *depth)
            surface_m, depth_m = scene.surface_m(pose), pose.hip_center.pose.position.z
            off = depth_m - SKIN_M - surface_m
            print(f"{name}: {depth_m:.2f} m, skin at {surface_m:.2f} m: {100 * off / surface_m:+.1f} %")  # noqa: T201
            assert abs(off) < SKIN_TOLERANCE * surface_m
        for name, (values, encoding, late_ns) in useless_depths(scene).items():
            before = scene.show_until(Pose33.DEPTH, scene.depth_mm)
            scene.stamp_ns += 1_000_000_000  # beyond the tolerance for all that came before
            pose = scene.show(values, encoding, late_ns)
            assert pose.placement == Pose33.MONO, name
            after_m, before_m = (each.hip_center.pose.position.z for each in (pose, before))
            assert after_m == pytest.approx(before_m, rel=0.15), name
    log = capfd.readouterr().err
    assert log.count("the encoding '8UC1' is not one of depth") == 1
    assert "Traceback" not in log


def test_by_depth_alone_nobody_is_placed_without_it(ros: ModuleType, data: Path) -> None:
    with pose_node(ros, placement="depth") as client:
        scene = Scene(client, data)
        scene.show_until(Pose33.DEPTH, scene.depth_mm)
        scene.stamp_ns += 1_000_000_000
        assert scene.show().placement == Pose33.NONE


def test_by_colour_alone_depth_is_not_looked_at(ros: ModuleType, data: Path) -> None:
    with pose_node(ros, placement="mono") as client:
        scene = Scene(client, data)
        for _ in range(5):
            assert scene.show(scene.depth_mm).placement == Pose33.MONO
        assert client.node.count_subscribers("depth") == 0
