# SPDX-License-Identifier: Apache-2.0
"""Warns while a person may be nearer than two meters: all people, with their uncertainty.

Run it beside the node: python3 too_close.py
This is an example, not a safety device: see the limits of the model.
"""

import math
from contextlib import suppress

import rclpy
from rclpy.executors import ExternalShutdownException
from rclpy.node import Node
from std_msgs.msg import Bool

from blazepose_ros.msg import Pose33, Pose33Array

LIMIT_M = 2.0


class TooClose(Node):
    """Publishes `too_close` for every image, with people in it or not."""

    def __init__(self):
        super().__init__("too_close")
        self.too_close = self.create_publisher(Bool, "too_close", 10)
        self.create_subscription(Pose33Array, "blazepose/poses", self.on_poses, 10)

    def on_poses(self, poses):
        """A person is as near as the depth less two standard deviations."""
        hips = [pose.hip_center for pose in poses.poses if pose.placement != Pose33.NONE]
        nearest_m = [each.pose.position.z - 2 * math.sqrt(each.covariance[14]) for each in hips]
        self.too_close.publish(Bool(data=any(distance_m < LIMIT_M for distance_m in nearest_m)))


if __name__ == "__main__":
    rclpy.init()
    with suppress(KeyboardInterrupt, ExternalShutdownException):
        rclpy.spin(TooClose())
