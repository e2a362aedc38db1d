# SPDX-License-Identifier: Apache-2.0
"""fusion.launch.py: the people of the named cameras in the frame that was asked for."""

import time
import unittest
from typing import Any

import pytest

pytest.importorskip("launch_testing", reason="launch_testing is not installed")

import launch_testing
import numpy as np
from launch_testing.asserts import assertExitCodes
from rclpy.qos import DurabilityPolicy, QoSProfile
from support.fusion_client import mounted, where, written
from support.launched import LaunchedTest, description, included
from support.several_cameras import CAMERAS, person_seen
from support.transforms import vector
from tf2_msgs.msg import TFMessage

from blazepose_ros.core.landmarks import Landmark
from blazepose_ros.core.timestamps import NS_PER_S
from blazepose_ros.msg import Pose33, Pose33Array

NAMED, OTHER = ("east", "north"), "south"
TOLERANCE_M = 0.1  # of hips between two images that a busy machine sends late


@pytest.mark.launch_test
def generate_test_description() -> Any:
    return description(included("fusion", cameras=",".join(NAMED), fusion_frame="map"))


class TestFusion(LaunchedTest):
    def test_people_of_the_named_cameras_are_fused(self) -> None:
        kept = QoSProfile(depth=1, durability=DurabilityPolicy.TRANSIENT_LOCAL)
        static = self.node.create_publisher(TFMessage, "/tf_static", kept)
        static.publish(TFMessage(transforms=[mounted(name, pose) for name, pose in CAMERAS.items()]))
        cameras = {
            name: self.node.create_publisher(Pose33Array, f"/{name}/blazepose/poses", 10)
            for name in (*NAMED, OTHER)
        }
        fused = self.listen(Pose33Array, "/blazepose_fusion/poses")

        def see() -> Any:
            now_s = time.time()
            for name, publisher in cameras.items():
                publisher.publish(written([person_seen(CAMERAS[name], where(now_s))], name, now_s))
            return next(
                (msg for msg in fused if [each.placement for each in msg.poses] == [Pose33.FUSED]), None
            )

        message = self.wait_for(see, "a fused person")
        stamp = message.header.stamp
        assert message.header.frame_id == "map"
        hips = where(stamp.sec + stamp.nanosec / NS_PER_S)[[Landmark.LEFT_HIP, Landmark.RIGHT_HIP]]
        center = vector(message.poses[0].hip_center.pose.position)
        np.testing.assert_allclose(center, hips.mean(axis=0), atol=TOLERANCE_M)
        assert cameras[OTHER].get_subscription_count() == 0


@launch_testing.post_shutdown_test()
class TestAfterwards(unittest.TestCase):
    def test_it_ended_cleanly(self, proc_info: Any) -> None:
        assertExitCodes(proc_info)
