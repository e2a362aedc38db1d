# SPDX-License-Identifier: Apache-2.0
"""People and markers in a frame of the robot's, as the node publishes them."""

from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

pytest.importorskip("rclpy", reason="rclpy is not installed")

from rclpy.qos import DurabilityPolicy, QoSProfile
from scipy.spatial.transform import Rotation
from support.node_services import set_parameters
from support.photographs import PERSON
from support.pose_client import FRAME_ID, START_NS, image_message
from support.shared_nodes import SharedNodes
from support.transforms import transform, vector
from tf2_msgs.msg import TFMessage
from visualization_msgs.msg import MarkerArray

from blazepose_ros.msg import Pose33Array

TURN = Rotation.from_euler("zyx", [100, -20, 95], degrees=True)
LATER_NS = START_NS + 10**12
CAMERA_IN_MAP_M = np.array([1.0, 2, 3])


@pytest.mark.usefixtures("models")
def test_the_node_expresses_people_and_markers_in_the_target_frame(nodes: SharedNodes, data: Path) -> None:
    person = cv2.imread(str(data / PERSON))
    with nodes.node(target_frame="map") as client:
        target = {"poses": [], "markers": []}
        for name, message_type in (("poses", Pose33Array), ("markers", MarkerArray)):
            topic = f"blazepose/target/{name}"
            client.node.create_subscription(message_type, topic, target[name].append, QoSProfile(depth=10))
            client.wait_for(lambda topic=topic: client.node.count_publishers(topic), topic)
        kept = QoSProfile(depth=1, durability=DurabilityPolicy.TRANSIENT_LOCAL)
        static = client.node.create_publisher(TFMessage, "/tf_static", kept)
        moving = client.node.create_publisher(TFMessage, "/tf", QoSProfile(depth=100))
        early_ns = iter(range(START_NS, START_NS + 10**10, 33_000_000))

        def told_that_it_is_not_known() -> bool:
            client.ask(image_message(person, "bgr8", next(early_ns)))
            return (
                "people are not expressed in map (target_frame):"
                " no transform connects test_optical_frame with map" in client.log()
            )

        client.wait_for(told_that_it_is_not_known, "a message about the camera's pose in the map")
        assert not target["poses"]

        mount = transform("base", FRAME_ID, CAMERA_IN_MAP_M - (1, 0, 0), TURN.as_quat())
        static.publish(TFMessage(transforms=[mount]))
        stamps_ns = iter(range(START_NS + 10**10, START_NS + 10**11, 33_000_000))

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


@pytest.mark.usefixtures("models")
def test_people_wait_for_late_transforms_while_thousands_of_frames_come(
    nodes: SharedNodes, data: Path
) -> None:
    person = cv2.imread(str(data / PERSON))
    in_map: list[Pose33Array] = []
    with nodes.node("diagnostics", target_frame="map") as client:
        assert set_parameters(client, target_timeout_s=1.0) == ""
        topic = "blazepose/target/poses"
        client.node.create_subscription(Pose33Array, topic, in_map.append, QoSProfile(depth=10))
        client.wait_for(lambda: client.node.count_publishers(topic), topic)
        moving = client.node.create_publisher(TFMessage, "/tf", QoSProfile(depth=100))
        client.wait_for(moving.get_subscription_count, "the node's subscription to /tf")

        def ask_before_the_transform(stamp_ns: int) -> Any:
            """Return the answer, and in the map that to the same image, once its transform has come."""
            in_map.clear()
            moving.publish(
                TFMessage(transforms=[transform("map", FRAME_ID, (1, 2, 3), stamp_ns=stamp_ns - 10)])
            )
            (pose,) = client.ask(image_message(person, "bgr8", stamp_ns)).poses
            assert not in_map
            moving.publish(
                TFMessage(transforms=[transform("map", FRAME_ID, (1, 2, 3), stamp_ns=stamp_ns + 10)])
            )
            return client.wait_for(lambda: in_map, "people in the map")[0].header.stamp, pose

        stamps_ns = range(LATER_NS, LATER_NS + 10**12, 33_000_000)
        for number, stamp_ns in enumerate(stamps_ns[:3]):
            flood = [transform("abyss", f"f{number}_{n}", (0, 0, 0), stamp_ns=stamp_ns) for n in range(5000)]
            moving.publish(TFMessage(transforms=flood))
            stamp, pose = ask_before_the_transform(stamp_ns)
            assert stamp == pose.header.stamp
        client.wait_for(
            lambda: any(
                "more than 4000 frames" in msg.status[0].message for msg in client.received["diagnostics"]
            ),
            "the diagnostics",
        )
        assert "more than 4000 frames" in client.log()
