# SPDX-License-Identifier: Apache-2.0
"""demo.launch.py: camera and node in one; the node outlives its camera."""

import os
import signal
import unittest
from typing import Any

import pytest

pytest.importorskip("launch_testing", reason="launch_testing is not installed")

import launch_testing
from launch_testing.asserts import assertExitCodes
from support.launched import LaunchedTest, description, included, photograph
from support.processes import ros_arguments, running

from blazepose_ros.msg import Pose33Array

CAMERA, NODE = "blazepose_camera", "blazepose_node"


@pytest.mark.launch_test
def generate_test_description() -> Any:
    return description(included("demo", rviz="false", model="0", source=photograph()))


class TestDemo(LaunchedTest):
    def test_the_node_goes_on_with_another_camera_when_the_first_has_died(self, proc_info: Any) -> None:
        poses = self.listen(Pose33Array, "/blazepose/poses")
        self.assert_is_the_walker(self.people(poses)[0])

        os.kill(proc_info[CAMERA].pid, signal.SIGKILL)
        proc_info.assertWaitForShutdown(CAMERA, timeout=10.0)
        last = poses[-1].header.stamp
        poses.clear()

        source = {"source": photograph(), "frame_id": "the_other"}
        with running(CAMERA, *ros_arguments(source, {"image_raw": "/camera/image_raw"})):
            self.wait_for(lambda: poses and poses[-1].header.frame_id == "the_other", "poses again")
        assert poses[-1].header.stamp.sec >= last.sec
        self.assert_is_the_walker(poses[-1].poses[0])


@launch_testing.post_shutdown_test()
class TestAfterwards(unittest.TestCase):
    def test_all_but_the_dead_camera_ended_cleanly(self, proc_info: Any) -> None:
        assertExitCodes(proc_info, process=NODE)
        assertExitCodes(proc_info, [-signal.SIGKILL], process=CAMERA)
