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
        """One answer for each image; without people the array is empty."""
        self.too_close.publish(Bool(data=any(nearest_m(pose) < LIMIT_M for pose in poses.poses)))


def nearest_m(pose):
    """Return how near a person may be in meters: the depth less two standard deviations."""
    if pose.placement == Pose33.NONE:
        return math.inf
    depth_m, variance_m2 = pose.hip_center.pose.position.z, pose.hip_center.covariance[2 * 6 + 2]
    return depth_m - 2 * math.sqrt(variance_m2)


if __name__ == "__main__":
    rclpy.init()
    with suppress(KeyboardInterrupt, ExternalShutdownException):
        rclpy.spin(TooClose())
