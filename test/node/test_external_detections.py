# SPDX-License-Identifier: Apache-2.0
"""People in the boxes of a detector outside, through the node."""

from pathlib import Path

import cv2
import pytest

pytest.importorskip("rclpy", reason="rclpy is not installed")
pytest.importorskip("vision_msgs", reason="vision_msgs is not installed")

from rclpy.qos import QoSProfile
from support.detections import detections
from support.node_services import set_parameters
from support.photographs import manifest
from support.pose_client import START_NS, image_message, screen_array
from support.processes import ros_arguments, running
from support.shared_nodes import SharedNodes
from vision_msgs.msg import Detection2DArray

PERIOD_NS = 100_000_000
LATER_NS = START_NS + 10**11


@pytest.mark.usefixtures("models")
def test_two_people_are_found_in_boxes_of_another_detector(nodes: SharedNodes, data: Path) -> None:
    entry = next(entry for entry in manifest(data) if "boxes" in entry)
    bgr = cv2.imread(str(data / entry["file"]))
    boxes = [(x + width / 2, y + height / 2, width, height, 0.9) for x, y, width, height in entry["boxes"]]
    with nodes.node(model_complexity=1, num_poses=2, backend="openvino") as client:
        assert set_parameters(client, external_detections=True) == ""
        detector = client.node.create_publisher(Detection2DArray, "detections", QoSProfile(depth=10))
        client.wait_for(detector.get_subscription_count, "the node's subscription")
        for index in range(20):
            stamp_ns = LATER_NS + index * PERIOD_NS
            detector.publish(detections(*boxes, stamp_ns=stamp_ns))
            poses = client.ask(image_message(bgr, "bgr8", stamp_ns)).poses
            if len(poses) == 2:
                break
        (x, _, width, *_), (other_x, *_) = boxes
        for pose in poses:
            hips_x = screen_array(pose)[[23, 24], 0].mean()
            assert min(abs(hips_x - x), abs(hips_x - other_x)) < width
    assert len({pose.person_id for pose in poses}) == 2


@pytest.mark.usefixtures("models")
def test_mediapipe_says_that_it_takes_no_boxes(capfd: pytest.CaptureFixture[str]) -> None:
    arguments = ros_arguments({"backend": "mediapipe", "external_detections": True, "model_complexity": 0})
    with running("blazepose_node", *arguments) as process:
        assert process.wait(30) == 1
    assert "choose backend openvino or litert" in capfd.readouterr().err
