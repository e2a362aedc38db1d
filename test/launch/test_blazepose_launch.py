# SPDX-License-Identifier: Apache-2.0
"""blazepose.launch.py starts a node with the topics, names and parameters that it is told."""

import tempfile
import unittest
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("launch_testing", reason="launch_testing is not installed")

import launch_testing
from launch_testing.asserts import assertExitCodes
from rcl_interfaces.srv import GetParameters
from support.launched import LaunchedTest, description, included, photograph

from blazepose_ros.msg import Pose33, Pose33Array

SETTINGS = """
/**:
  ros__parameters:
    model_complexity: 1
    tf_prefix: from_the_file_
    visibility_threshold: 0.25
    placement: none
"""
LASTING = tempfile.TemporaryDirectory()  # until the node, which reads it, has ended


@pytest.mark.launch_test
def generate_test_description() -> Any:
    settings = Path(LASTING.name, "settings.yaml")
    settings.write_text(SETTINGS)
    return description(
        included("camera", camera_namespace="eye", source=photograph()),
        included(
            "blazepose",
            namespace="robot",
            camera_namespace="/eye",
            params_file=str(settings),
            model="0",
            tf_prefix="1_",
        ),
    )


class TestNode(LaunchedTest):
    def test_the_person_in_the_photograph_has_the_published_landmarks(self) -> None:
        (pose,) = self.people(self.listen(Pose33Array, "/robot/blazepose/poses"))
        self.assert_is_the_walker(pose)
        assert pose.header.frame_id == "eye_optical_frame"
        assert pose.model_complexity == Pose33.LITE
        assert pose.placement == Pose33.NONE

    def test_parameters_come_from_the_file_and_arguments_win(self) -> None:
        names = ["visibility_threshold", "model_complexity", "tf_prefix", "num_poses"]
        request = GetParameters.Request(names=names)
        threshold, model, prefix, people = self.call(
            GetParameters, "/robot/blazepose/get_parameters", request
        ).values
        assert threshold.double_value == 0.25
        assert model.integer_value == 0
        assert prefix.string_value == "1_"
        assert people.integer_value == 1


@launch_testing.post_shutdown_test()
class TestAfterwards(unittest.TestCase):
    def test_all_ended_cleanly(self, proc_info: Any) -> None:
        assertExitCodes(proc_info)
