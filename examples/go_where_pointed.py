# SPDX-License-Identifier: Apache-2.0
"""Sends a robot to where somebody points on the floor.

Run it beside the nodes; blazepose_gestures needs target_frame: map.
"""

from contextlib import suppress

import rclpy
from geometry_msgs.msg import PoseStamped
from rclpy.executors import ExternalShutdownException
from rclpy.node import Node

from blazepose_ros.msg import Gesture, Gestures


class GoWherePointed(Node):
    """Publishes `goal_pose`, which Nav2 takes, once for each time that somebody points."""

    def __init__(self):
        super().__init__("go_where_pointed")
        self.last = None
        self.goal = self.create_publisher(PoseStamped, "goal_pose", 10)
        self.create_subscription(Gestures, "blazepose_gestures/gestures", self.on_gestures, 10)

    def on_gestures(self, msg):
        """A place without a frame is none: the ray does not meet the floor."""
        for each in msg.gestures:
            place = each.floor_point
            if each.gesture == Gesture.POINTING and place.header.frame_id and each.since != self.last:
                self.last = each.since
                goal = PoseStamped(header=place.header)
                goal.pose.position = place.point
                self.goal.publish(goal)


if __name__ == "__main__":
    rclpy.init()
    with suppress(KeyboardInterrupt, ExternalShutdownException):
        rclpy.spin(GoWherePointed())
