# SPDX-License-Identifier: Apache-2.0
"""Warns while somebody comes towards the camera, from the velocity of the hips.

Run it beside the node: python3 approaching.py
"""

import math
from contextlib import suppress

import rclpy
from rclpy.executors import ExternalShutdownException
from rclpy.node import Node
from std_msgs.msg import Bool

from blazepose_ros.msg import Pose33Array

WALKING_M_S = 0.5


class Approaching(Node):
    """Publishes `approaching` for every image."""

    def __init__(self):
        super().__init__("approaching")
        self.approaching = self.create_publisher(Bool, "approaching", 10)
        self.create_subscription(Pose33Array, "blazepose/poses", self.on_poses, 10)

    def on_poses(self, poses):
        """Against the camera's z axis, less a standard deviation: zz is the last of six; NaN is not more."""
        speeds = [-each.hip_velocity.z - math.sqrt(each.hip_velocity_covariance[5]) for each in poses.poses]
        self.approaching.publish(Bool(data=any(speed > WALKING_M_S for speed in speeds)))


if __name__ == "__main__":
    rclpy.init()
    with suppress(KeyboardInterrupt, ExternalShutdownException):
        rclpy.spin(Approaching())
