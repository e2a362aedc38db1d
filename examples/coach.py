# SPDX-License-Identifier: Apache-2.0
"""Says each repetition of an exercise, and whether it was deep enough.

Run it beside the nodes: python3 coach.py
"""

from contextlib import suppress

import rclpy
from rclpy.executors import ExternalShutdownException
from rclpy.node import Node
from std_msgs.msg import String

from blazepose_ros.msg import Repetitions

DEEP_DEG = 85.0


class Coach(Node):
    """Publishes a sentence on `coach` when somebody has finished a squat."""

    def __init__(self):
        super().__init__("coach")
        self.counted = {}
        self.sentence = self.create_publisher(String, "coach", 10)
        self.create_subscription(Repetitions, "blazepose_repetitions/repetitions", self.on_repetitions, 10)

    def on_repetitions(self, msg):
        """A count that has grown is a repetition that was finished."""
        for each in msg.counts:
            if each.exercise == "squat" and each.count > self.counted.get(each.person_id, 0):
                advice = "good" if each.depth >= DEEP_DEG else "go deeper"
                self.sentence.publish(String(data=f"{each.count}, {advice}"))
                self.counted[each.person_id] = each.count


if __name__ == "__main__":
    rclpy.init()
    with suppress(KeyboardInterrupt, ExternalShutdownException):
        rclpy.spin(Coach())
