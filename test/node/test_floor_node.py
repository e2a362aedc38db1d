# SPDX-License-Identifier: Apache-2.0
"""A walker on the floor that TF gives, as the node publishes them."""

import json
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

pytest.importorskip("rclpy", reason="rclpy is not installed")

from rclpy.qos import DurabilityPolicy, QoSProfile
from scipy.spatial.transform import Rotation
from sensor_msgs.msg import CameraInfo
from support.photographs import clip_bgr
from support.pose_client import FRAME_ID, START_NS, image_message, pose_node, world_array
from support.transforms import transform, vector
from tf2_msgs.msg import TFMessage

from blazepose_ros.msg import Pose33

CLIP, GROUND = "pose2sim_cam04", "base_footprint"
EVERY = 2  # images
BEAM_M = 0.065  # the walker's beam is so high above the floor


@pytest.mark.usefixtures("models")
def test_the_node_places_people_on_the_ground_frame_and_tells_where_tf_does_not_give_it(
    ros: ModuleType, data: Path
) -> None:
    truth = json.loads((data / "expected" / f"{CLIP}_refined.json").read_text())
    images = list(clip_bgr(data / "videos" / f"{CLIP}.mp4"))[::EVERY]
    truths_m = np.array(truth["hip_center_camera_m"])[::EVERY]
    with pose_node(ros, ground_frame=GROUND, backend="openvino") as client:
        client.listen("diagnostics")
        client.wait_for(client.camera_info.get_subscription_count, "the node's camera_info")

        def ask(bgr: Any, stamp_ns: int) -> Any:
            client.camera_info.publish(calibration(truth))
            (pose,) = client.ask(image_message(bgr, "bgr8", stamp_ns)).poses
            return pose

        before = ask(images[0], START_NS)
        assert before.placement == Pose33.MONO
        assert np.isnan(before.stature)
        client.wait_for(lambda: told(client), "the reason why the floor is not known")
        kept = QoSProfile(depth=1, durability=DurabilityPolicy.TRANSIENT_LOCAL)
        static = client.node.create_publisher(TFMessage, "/tf_static", kept)
        static.publish(TFMessage(transforms=[camera_on_ground(truth)]))
        stamps_ns = iter(range(START_NS + 10**9, START_NS + 10**12, EVERY * 10**9 // truth["fps"]))

        def is_on_floor() -> bool:
            return bool(ask(images[0], next(stamps_ns)).placement == Pose33.FLOOR)

        client.wait_for(is_on_floor, "the floor")
        people = [ask(each, next(stamps_ns)) for each in images]
    positions = np.array([vector(pose.hip_center.pose.position) for pose in people])
    wrong = np.linalg.norm(positions - truths_m, axis=1) / np.linalg.norm(truths_m, axis=1)
    median, most = np.percentile(wrong, [50, 90]).tolist()
    print(f"{CLIP}: {100 * median:.1f} / {100 * most:.1f} %, stature {people[-1].stature:.2f} m")  # noqa: T201
    assert median <= 0.03
    assert most <= 0.055
    assert np.mean([pose.placement == Pose33.FLOOR for pose in people]) > 0.8
    assert people[-1].stature == pytest.approx(1.68, abs=0.06)
    assert 0.0 < people[-1].stature_std < 0.08
    assert not people[-1].status & Pose33.UNCALIBRATED
    assert np.isfinite(people[-1].landmark_covariances).all()
    ankles = [Pose33.LEFT_ANKLE, Pose33.RIGHT_ANKLE]
    places_m = [world_array(pose)[ankles] + at for pose, at in zip(people, positions, strict=True)]
    true_m = np.array([truth["joints_camera_m"][name][::EVERY] for name in ("LAnkle", "RAnkle")])
    apart_m = np.linalg.norm(places_m - true_m.transpose(1, 0, 2), axis=2)
    assert np.median(apart_m) < 0.2  # hip_center plus world_landmarks is where they are


def calibration(truth: Any) -> CameraInfo:
    width, height = truth["image_size_px"]
    msg = CameraInfo(width=width, height=height, distortion_model="plumb_bob")
    msg.header.frame_id = FRAME_ID
    msg.k, msg.d = np.ravel(truth["K"]), truth["distortion_plumb_bob"]
    return msg


def camera_on_ground(truth: Any) -> Any:
    """Return where the camera is on the level of the beam."""
    up = np.array(truth["up_in_camera"]) / np.linalg.norm(truth["up_in_camera"])
    ahead = np.array([0.0, 0.0, 1.0]) - up[2] * up
    ahead /= np.linalg.norm(ahead)
    axes = np.array([ahead, np.cross(up, ahead), up])
    height_m = truth["camera_height_over_floor_m"] - BEAM_M
    return transform(GROUND, FRAME_ID, (0.0, 0.0, height_m), Rotation.from_matrix(axes).as_quat())


def told(client: Any) -> bool:
    said = [status.message for msg in client.received["diagnostics"] for status in msg.status]
    return any(f"the floor is not known from {GROUND} (ground_frame)" in message for message in said)
