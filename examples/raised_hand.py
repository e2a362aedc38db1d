# SPDX-License-Identifier: Apache-2.0
"""Tells whether the person has raised a hand: a rule on screen landmarks.

Run it beside the node: python3 raised_hand.py
"""

from contextlib import suppress

import rclpy
from rclpy.executors import ExternalShutdownException
from rclpy.node import Node
from std_msgs.msg import Bool

from blazepose_ros.msg import Pose33

VISIBLE = 0.5


class RaisedHand(Node):
    """Publishes `hand_raised` for every image with a person in it."""

    def __init__(self):
        super().__init__("raised_hand")
        self.raised = self.create_publisher(Bool, "hand_raised", 10)
        self.create_subscription(Pose33, "blazepose/pose", self.on_pose, 10)

    def on_pose(self, pose):
        """A hand is up when a wrist is above the nose; y points down in an image."""
        nose = pose.screen_landmarks[Pose33.NOSE]
        wrists = [pose.screen_landmarks[index] for index in (Pose33.LEFT_WRIST, Pose33.RIGHT_WRIST)]
        is_raised = any(wrist.visibility > VISIBLE and wrist.y < nose.y for wrist in wrists)
        self.raised.publish(Bool(data=is_raised))


if __name__ == "__main__":
    rclpy.init()
    with suppress(KeyboardInterrupt, ExternalShutdownException):
        rclpy.spin(RaisedHand())
