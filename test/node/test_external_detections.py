# SPDX-License-Identifier: Apache-2.0
"""People in the boxes of a detector outside, through the node."""

from pathlib import Path
from types import ModuleType
from typing import Any

import cv2
import numpy as np
import pytest

pytest.importorskip("rclpy", reason="rclpy is not installed")
pytest.importorskip("vision_msgs", reason="vision_msgs is not installed")

from rclpy.qos import QoSProfile
from support.detections import detections
from support.photographs import labelled_people
from support.pose_client import START_NS, image_message, pose_node, screen_array
from support.processes import ros_arguments, running
from vision_msgs.msg import Detection2DArray

PERIOD_NS = 100_000_000
MARGIN = 1.15  # joints lie inside of the body


def box(joints: Any) -> Any:
    """Return x, y, width, height and score of what labelled joints span."""
    seen = joints[joints[:, 2] > 0, :2]
    low, high = np.nanmin(seen, axis=0), np.nanmax(seen, axis=0)
    return *((low + high) / 2), *((high - low) * MARGIN), 0.9


@pytest.mark.usefixtures("models")
def test_two_people_are_found_in_boxes_where_the_own_detector_finds_one(ros: ModuleType, data: Path) -> None:
    file = "images/coco442450_two.jpg"
    bgr = cv2.imread(str(data / file))
    boxes = [box(joints) for joints in labelled_people(data)[file]]
    settings = {"model_complexity": 1, "num_poses": 2, "backend": "openvino"}
    with pose_node(ros, **settings) as client:
        assert len(client.ask(image_message(bgr, "bgr8", START_NS)).poses) == 1
    with pose_node(ros, **settings, external_detections=True) as client:
        detector = client.node.create_publisher(Detection2DArray, "detections", QoSProfile(depth=10))
        client.wait_for(detector.get_subscription_count, "the node's subscription")
        for index in range(20):
            stamp_ns = START_NS + index * PERIOD_NS
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
