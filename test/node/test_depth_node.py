# SPDX-License-Identifier: Apache-2.0
"""The node as a process, given a photograph with its depth image."""

import json
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from types import ModuleType
from typing import Any

import cv2
import numpy as np
import pytest

pytest.importorskip("rclpy", reason="rclpy is not installed")

from geometry_msgs.msg import TransformStamped
from rclpy.qos import DurabilityPolicy, QoSProfile
from sensor_msgs.msg import CameraInfo, Image
from support.node_services import parameters, set_parameters
from support.photographs import clip_bgr
from support.pose_client import FRAME_ID, START_NS, image_message, pose_node, screen_array
from support.processes import stopped_after
from support.shared_nodes import SharedNodes
from support.waiting import wait_until
from tf2_msgs.msg import TFMessage

from blazepose_ros.conversions.depth_input import TELLING
from blazepose_ros.core.landmarks import Landmark
from blazepose_ros.msg import Pose33

pytestmark = pytest.mark.usefixtures("models")

PERIOD_NS = 33_000_000
MANY = 40
TORSO = [Landmark.LEFT_SHOULDER, Landmark.RIGHT_SHOULDER, Landmark.LEFT_HIP, Landmark.RIGHT_HIP]
# The hips' joints are this far below the skin.
SKIN_M = 0.10
SKIN_TOLERANCE = 0.05


# An image of the walk, and what a depth camera would have seen: the wall, and limbs of this thickness around
# the lines between the measured joints.
UPRIGHT = 0
WALL_MM = 6000
LIMB_M = 0.12
LIMBS = (
    *(("LShoulder", "RShoulder"), ("LHip", "RHip"), ("LShoulder", "LHip"), ("RShoulder", "RHip")),
    *(("LShoulder", "RHip"), ("RShoulder", "LHip")),
    *(("LHip", "LKnee"), ("LKnee", "LAnkle"), ("RHip", "RKnee"), ("RKnee", "RAnkle")),
)
PIECES = 60


def walker_with_depth(data: Path) -> tuple[Any, Any, Any]:
    """Return an image of the walker, blue first, its depth in millimeters, and K."""
    truth = json.loads((data / "expected" / "pose2sim_cam01_refined.json").read_text())
    bgr = next(clip_bgr(data / "videos" / "pose2sim_cam01.mp4"))
    scale = 1 / 2
    bgr = cv2.resize(bgr, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    k = np.diag([scale, scale, 1]) @ truth["K"]
    depth_mm = np.full(bgr.shape[:2], WALL_MM, np.uint16)
    joints = {name: np.array(points[UPRIGHT]) for name, points in truth["joints_camera_m"].items()}
    points = [np.linspace(joints[start], joints[end], PIECES) for start, end in LIMBS]
    for point in sorted(np.concatenate(points), key=lambda point: -point[2]):
        x, y, z = k @ point / point[2] * (1, 1, point[2])
        skin_mm = 1000 * (z - SKIN_M)
        cv2.circle(depth_mm, (round(x), round(y)), round(k[0, 0] * LIMB_M / z), int(skin_mm), -1)
    return bgr, depth_mm, k


class Scene:
    """A colour image and its depth images of every kind, shown to a node again and again."""

    def __init__(self, client: Any, data: Any) -> None:
        self.client = client
        self.rgb, self.depth_mm, self.k = walker_with_depth(data)
        qos = QoSProfile(depth=10)
        self.depth = client.node.create_publisher(Image, "depth", qos)
        client.wait_for(client.camera_info.get_subscription_count, "the node's camera_info")
        self.stamp_ns = START_NS

    def calibrate(self) -> None:
        self.client.camera_info.publish(self.info(self.k))

    def info(self, k: Any) -> CameraInfo:
        height, width = self.depth_mm.shape
        info = CameraInfo(width=width, height=height, distortion_model="plumb_bob", d=[0.0] * 5)
        info.header.frame_id = FRAME_ID
        info.k = k.ravel()
        return info

    def place_depth_camera(self, frame_id: str) -> None:
        """Say that the depth camera is the color camera upside down."""
        height, width = self.depth_mm.shape
        k = self.k.copy()
        k[:2, 2] = (width - 1, height - 1) - k[:2, 2]
        kept = QoSProfile(depth=1, durability=DurabilityPolicy.TRANSIENT_LOCAL)
        pose = TransformStamped(child_frame_id=frame_id)
        pose.header.frame_id = FRAME_ID
        pose.transform.rotation.z, pose.transform.rotation.w = 1.0, 0.0
        self.depth_info = self.client.node.create_publisher(CameraInfo, "depth/camera_info", kept)
        self.static = self.client.node.create_publisher(TFMessage, "/tf_static", kept)
        for publisher in (self.depth_info, self.static):
            self.client.wait_for(publisher.get_subscription_count, publisher.topic)
        self.depth_info.publish(self.info(k))
        self.static.publish(TFMessage(transforms=[pose]))

    def show(
        self, values: Any = None, encoding: str = "16UC1", late_ns: Any = 0, frame_id: str = FRAME_ID
    ) -> Pose33:
        """Show the photograph with a depth image, or without, and return the answer."""
        self.stamp_ns += PERIOD_NS
        self.calibrate()
        if values is not None:
            depth = image_message(values, encoding, self.stamp_ns - late_ns)
            depth.header.frame_id = frame_id
            self.depth.publish(depth)
        (pose,) = self.client.ask(image_message(self.rgb, "bgr8", self.stamp_ns)).poses
        return pose

    def wait_until_depth_is_heard(self) -> None:
        """Wait until the node has noticed that depth is published, which it does twice a second."""
        self.client.wait_for(self.depth.get_subscription_count, "the node's depth")

    def show_until(self, placement: Any, *depth: Any, **options: Any) -> Pose33:
        """Show it until the node places the person by what is wanted."""
        if depth:
            self.wait_until_depth_is_heard()
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
        "no depth at all": (np.zeros(scene.depth_mm.shape, np.uint8), "8UC1", 0),
        "late": (scene.depth_mm, "16UC1", 200_000_000),
    }


def test_people_are_placed_by_depth_while_it_comes_and_fits_and_by_colour_otherwise(
    nodes: SharedNodes, data: Path
) -> None:
    with nodes.node() as client:
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
        for _ in range(TELLING + 1):
            scene.show(*useless_depths(scene)["millimetres called metres"][:2])
        log = client.log()
    assert "times what the color image shows (millimeters in 32FC1, which is in meters?)" in log
    assert log.count("the encoding '8UC1' is not one of depth") == 1


def test_depth_in_another_frame_is_used_where_its_transform_is_known(
    ros: ModuleType, nodes: SharedNodes, data: Path, tmp_path: Path
) -> None:
    nodes.close()  # what is told of the frames stays: a node of its own
    with pose_node(ros, log_path=tmp_path / "log") as client:
        scene = Scene(client, data)
        upside_down = scene.depth_mm[::-1, ::-1].copy()
        scene.wait_until_depth_is_heard()

        def is_told() -> bool:
            assert scene.show(upside_down, frame_id="depth_eye").placement == Pose33.MONO
            return "another frame than the color images, and no transform connects" in client.log()

        wait_until(is_told)
        scene.place_depth_camera("depth_eye")
        for _ in range(3):
            pose = scene.show_until(Pose33.DEPTH, upside_down, frame_id="depth_eye")
        surface_m = scene.surface_m(pose)
        assert abs(pose.hip_center.pose.position.z - SKIN_M - surface_m) < SKIN_TOLERANCE * surface_m


def test_by_depth_alone_nobody_is_placed_without_it(nodes: SharedNodes, data: Path) -> None:
    with nodes.node() as client:
        assert set_parameters(client, placement="depth") == ""
        scene = Scene(client, data)
        scene.show_until(Pose33.DEPTH, scene.depth_mm)
        scene.stamp_ns += 1_000_000_000
        assert scene.show().placement == Pose33.NONE


def test_by_colour_alone_depth_is_not_looked_at(nodes: SharedNodes, data: Path) -> None:
    with nodes.node() as client:
        assert set_parameters(client, placement="mono") == ""
        scene = Scene(client, data)
        for _ in range(5):
            assert scene.show(scene.depth_mm).placement == Pose33.MONO
        assert client.node.count_subscribers("depth") == 0


# Depth images of 120 MB without an end, each as soon as the last one is sent.
FLOOD = """
import os
import rclpy
from rclpy.serialization import serialize_message
from rclpy.signals import SignalHandlerOptions
from sensor_msgs.msg import Image

os.nice(10)
rclpy.init(signal_handler_options=SignalHandlerOptions.NO)
publisher = rclpy.create_node("flood").create_publisher(Image, "depth", 1)
image = Image(width=6000, height=5000, step=24000, encoding="32FC1", data=bytes(120_000_000))
serialized = serialize_message(image)
try:
    while True:
        publisher.publish(serialized)
except KeyboardInterrupt:
    pass
"""
MUCH_NS = 1_000_000_000
# Where Fast DDS receives depth in the thread of everything else, that thread spends a tenth of it.
SHARE_OF_OTHERS = 0.04


def spent_ns(pid: int) -> dict[int, int]:
    """Return the processor time of each thread of a process but the main one."""
    times = {}
    for thread in Path(f"/proc/{pid}/task").iterdir():
        with suppress(OSError):  # it has ended
            times[int(thread.name)] = int((thread / "schedstat").read_text().split()[0])
    del times[pid]
    return times


def test_a_flood_of_large_depth_images_holds_up_neither_services_nor_people(
    ros: ModuleType, nodes: SharedNodes, data: Path, tmp_path: Path
) -> None:
    nodes.close()  # a node of its own: its threads are counted
    with pose_node(ros, log_path=tmp_path / "log", placement="mono") as client:
        scene = Scene(client, data)
        scene.show()
        assert client.process is not None
        pid = client.process.pid
        others = spent_ns(pid).keys()
        assert set_parameters(client, placement="auto") == ""
        with stopped_after(subprocess.Popen([sys.executable, "-c", FLOOD])):
            client.wait_for(lambda: "depth image dropped: it has 1200000" in client.log(), "the flood")
            for _ in range(5):
                assert scene.show().placement == Pose33.MONO
                assert parameters(client)["placement"] == "auto"
            before_ns = spent_ns(pid)

            def of_the_flood_ns() -> dict[int, int]:
                return {thread: ns - before_ns.get(thread, 0) for thread, ns in spent_ns(pid).items()}

            client.wait_for(lambda: sum(of_the_flood_ns().values()) > MUCH_NS, "more of the flood")
            flood_ns = of_the_flood_ns()
    of_others_ns = sum(ns for thread, ns in flood_ns.items() if thread in others)
    assert of_others_ns < SHARE_OF_OTHERS * sum(flood_ns.values())
