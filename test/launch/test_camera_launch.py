# SPDX-License-Identifier: Apache-2.0
"""camera.launch.py plays a photograph as the topics of a camera, with frames."""

import unittest
from typing import Any

import pytest

pytest.importorskip("launch_testing", reason="launch_testing is not installed")

import launch_testing
from launch_testing.asserts import assertExitCodes
from rclpy.qos import DurabilityPolicy, QoSProfile
from sensor_msgs.msg import CameraInfo, Image
from support.launched import LaunchedTest, description, included, photograph
from tf2_msgs.msg import TFMessage

LATCHED = QoSProfile(depth=1, durability=DurabilityPolicy.TRANSIENT_LOCAL)


@pytest.mark.launch_test
def generate_test_description() -> Any:
    camera = included("camera", camera_namespace="robot/eye", source=photograph())
    return description(camera)


class TestCamera(LaunchedTest):
    def test_images_and_calibration_come_in_the_cameras_namespace_and_frame(self) -> None:
        images = self.listen(Image, "/robot/eye/image_raw")
        infos = self.listen(CameraInfo, "/robot/eye/camera_info")
        image, info = self.first(images), self.first(infos)
        assert image.header.frame_id == info.header.frame_id == "robot_eye_optical_frame"
        assert (image.width, image.height) == (info.width, info.height)

    def test_the_optical_frame_hangs_on_the_cameras_body(self) -> None:
        (transform,) = self.first(self.listen(TFMessage, "/tf_static", LATCHED)).transforms
        assert transform.header.frame_id == "robot_eye_link"
        assert transform.child_frame_id == "robot_eye_optical_frame"
        turn = transform.transform.rotation
        assert (turn.x, turn.y, turn.z, turn.w) == pytest.approx((-0.5, 0.5, -0.5, 0.5))


@launch_testing.post_shutdown_test()
class TestAfterwards(unittest.TestCase):
    def test_all_ended_cleanly(self, proc_info: Any) -> None:
        assertExitCodes(proc_info)
