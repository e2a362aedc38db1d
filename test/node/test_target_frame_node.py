# SPDX-License-Identifier: Apache-2.0
"""People and markers in a frame of the robot's, as the node publishes them."""

from pathlib import Path
from types import ModuleType
from typing import Any

import cv2
import numpy as np
import pytest

pytest.importorskip("rclpy", reason="rclpy is not installed")

from rclpy.qos import DurabilityPolicy, QoSProfile
from scipy.spatial.transform import Rotation
from support.pose_client import FRAME_ID, START_NS, image_message, pose_node
from support.transforms import transform, vector
from tf2_msgs.msg import TFMessage
from visualization_msgs.msg import MarkerArray

from blazepose_ros.msg import Pose33Array

TURN = Rotation.from_euler("zyx", [100, -20, 95], degrees=True)
CAMERA_IN_MAP_M = np.array([1.0, 2, 3])


@pytest.mark.usefixtures("models")
def test_the_node_expresses_people_and_markers_in_the_target_frame(
    ros: ModuleType, data: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    person = cv2.imread(str(data / "images" / "mp_pose.jpg"))
    with pose_node(ros, target_frame="map") as client:
        target = {"poses": [], "markers": []}
        for name, message_type in (("poses", Pose33Array), ("markers", MarkerArray)):
            topic = f"blazepose/target/{name}"
            client.node.create_subscription(message_type, topic, target[name].append, QoSProfile(depth=10))
            client.wait_for(lambda topic=topic: client.node.count_publishers(topic), topic)
        kept = QoSProfile(depth=1, durability=DurabilityPolicy.TRANSIENT_LOCAL)
        static = client.node.create_publisher(TFMessage, "/tf_static", kept)
        moving = client.node.create_publisher(TFMessage, "/tf", QoSProfile(depth=100))
        client.ask(image_message(person, "bgr8", START_NS))
        assert not target["poses"]  # the camera's pose in the map is not known yet

        mount = transform("base", FRAME_ID, CAMERA_IN_MAP_M - (1, 0, 0), TURN.as_quat())
        static.publish(TFMessage(transforms=[mount]))
        stamps_ns = iter(range(START_NS + 1, START_NS + 10**12, 33_000_000))

        def seen_in_map() -> Any:
            stamp_ns = next(stamps_ns)
            # Before and after the image: it is halfway.
            around = [
                transform("map", "base", (x, 0, 0), stamp_ns=stamp_ns + off_ns)
                for x, off_ns in ((0, -2000), (2, 2000))
            ]
            moving.publish(TFMessage(transforms=around))
            client.ask(image_message(person, "bgr8", stamp_ns))
            return target["poses"] and target["markers"]

        client.wait_for(seen_in_map, "people in the map")
        in_map = target["poses"][-1]
        (before,) = next(
            each.poses for each in client.received["poses"] if each.header.stamp == in_map.header.stamp
        )
    (after,) = in_map.poses
    assert in_map.header.frame_id == after.header.frame_id == "map"
    assert all(marker.header.frame_id == "map" for marker in target["markers"][-1].markers)
    expected = TURN.apply(vector(before.hip_center.pose.position)) + CAMERA_IN_MAP_M
    np.testing.assert_allclose(vector(after.hip_center.pose.position), expected, atol=1e-6)
    log = capfd.readouterr().err
    assert (
        "people are not expressed in map (target_frame): no transform connects test_optical_frame with map"
        in log
    )
    assert "Traceback" not in log
