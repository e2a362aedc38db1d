# SPDX-License-Identifier: Apache-2.0
"""multi_camera.launch.py: one node for each camera, in its namespace."""

import unittest
from typing import Any

import pytest

pytest.importorskip("launch_testing", reason="launch_testing is not installed")

import launch_testing
from launch.actions import GroupAction
from launch_testing.asserts import assertExitCodes
from support.launched import LaunchedTest, description, included, photograph
from support.photographs import PERSON
from tf2_msgs.msg import TFMessage

from blazepose_ros.msg import Pose33Array

PHOTOGRAPHS = {"front": PERSON, "rear": "images/walker_front.png"}


@pytest.mark.launch_test
def generate_test_description() -> Any:
    cameras = (
        GroupAction([included("camera", camera_namespace=name, source=photograph(file))])
        for name, file in PHOTOGRAPHS.items()
    )
    return description(*cameras, included("multi_camera", cameras="front, rear", model="0"))


class TestCameras(LaunchedTest):
    def test_every_camera_has_a_node_of_its_own(self) -> None:
        front, rear = (
            self.people(self.listen(Pose33Array, f"/{name}/blazepose/poses"))[0] for name in PHOTOGRAPHS
        )
        assert front.header.frame_id == "front_optical_frame"
        assert rear.header.frame_id == "rear_optical_frame"
        assert front.image_width != rear.image_width
        self.assert_is_the_walker(front)

    def test_people_of_different_cameras_have_different_frames(self) -> None:
        messages = self.listen(TFMessage, "/tf", 100)
        bodies = {("front_optical_frame", "front_body"), ("rear_optical_frame", "rear_body")}
        self.wait_for(lambda: bodies <= numberless(messages), f"the frames {bodies}")
        assert not {parent for parent, child in numberless(messages) if not child.startswith(parent[:4])}


def numberless(messages: Any) -> Any:
    """Return the parents and children of frames, without people's numbers."""
    transforms = (transform for message in messages for transform in message.transforms)
    return {(each.header.frame_id, each.child_frame_id.rpartition("_")[0]) for each in transforms}


@launch_testing.post_shutdown_test()
class TestAfterwards(unittest.TestCase):
    def test_all_ended_cleanly(self, proc_info: Any) -> None:
        assertExitCodes(proc_info)
