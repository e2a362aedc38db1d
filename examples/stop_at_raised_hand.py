# SPDX-License-Identifier: Apache-2.0
"""Tells a robot to stop while anyone raises a hand.

Run it beside the nodes: python3 stop_at_raised_hand.py
"""

from contextlib import suppress

import rclpy
from rclpy.executors import ExternalShutdownException
from rclpy.node import Node
from std_msgs.msg import Bool

from blazepose_ros.msg import Gesture, Gestures

STOP = (Gesture.HAND_RAISED, Gesture.BOTH_HANDS_RAISED, Gesture.WAVING)
SURE = 0.5


class StopAtRaisedHand(Node):
    """Publishes `stop` for every image."""

    def __init__(self):
        super().__init__("stop_at_raised_hand")
        self.stop = self.create_publisher(Bool, "stop", 10)
        self.create_subscription(Gestures, "blazepose_gestures/gestures", self.on_gestures, 10)

    def on_gestures(self, msg):
        """One gesture of one person is enough."""
        seen = any(each.gesture in STOP and each.confidence >= SURE for each in msg.gestures)
        self.stop.publish(Bool(data=seen))


if __name__ == "__main__":
    rclpy.init()
    with suppress(KeyboardInterrupt, ExternalShutdownException):
        rclpy.spin(StopAtRaisedHand())
