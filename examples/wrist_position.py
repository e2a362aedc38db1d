# SPDX-License-Identifier: Apache-2.0
"""Tells where the right hand is in the camera's frame, in meters.

Run it beside the node: python3 wrist_position.py
"""

from contextlib import suppress

import rclpy
from geometry_msgs.msg import Point, PointStamped
from rclpy.executors import ExternalShutdownException
from rclpy.node import Node

from blazepose_ros.msg import Pose33

VISIBLE = 0.5


class WristPosition(Node):
    """Publishes `right_wrist` while the person is placed and the wrist is visible."""

    def __init__(self):
        super().__init__("wrist_position")
        self.position = self.create_publisher(PointStamped, "right_wrist", 10)
        self.create_subscription(Pose33, "blazepose/pose", self.on_pose, 10)

    def on_pose(self, pose):
        """World landmarks start at the hips and have the camera's axes: the hips' position is added."""
        is_visible = pose.screen_landmarks[Pose33.RIGHT_WRIST].visibility > VISIBLE
        if pose.placement == Pose33.NONE or not is_visible:
            return
        hips, wrist = pose.hip_center.pose.position, pose.world_landmarks[Pose33.RIGHT_WRIST]
        point = Point(x=hips.x + wrist.x, y=hips.y + wrist.y, z=hips.z + wrist.z)
        self.position.publish(PointStamped(header=pose.header, point=point))


if __name__ == "__main__":
    rclpy.init()
    with suppress(KeyboardInterrupt, ExternalShutdownException):
        rclpy.spin(WristPosition())
