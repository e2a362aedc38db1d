# SPDX-License-Identifier: Apache-2.0
"""Has the node work only while somebody wants it, as a behavior tree does.

Run it beside the node: python3 look_when_asked.py
"""

from contextlib import suppress

import rclpy
from rclpy.executors import ExternalShutdownException
from rclpy.node import Node
from std_msgs.msg import Bool
from std_srvs.srv import SetBool


class LookWhenAsked(Node):
    """Passes `look` on to the node's service, and says on `looks` what it does."""

    def __init__(self):
        super().__init__("look_when_asked")
        self.looks = self.create_publisher(Bool, "looks", 10)
        self.enable = self.create_client(SetBool, "blazepose/enable")
        self.create_subscription(Bool, "look", self.on_look, 10)

    def on_look(self, asked):
        """The answer comes later: nothing waits for it here."""
        answer = self.enable.call_async(SetBool.Request(data=asked.data))
        answer.add_done_callback(lambda _: self.looks.publish(asked))


if __name__ == "__main__":
    rclpy.init()
    with suppress(KeyboardInterrupt, ExternalShutdownException):
        rclpy.spin(LookWhenAsked())
