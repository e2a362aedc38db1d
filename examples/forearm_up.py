# SPDX-License-Identifier: Apache-2.0
"""Tells whether a forearm points upwards along the body, from the frames of limbs.

Run it beside the node: python3 forearm_up.py
The node needs publish_limb_tf: true.
"""

from contextlib import suppress

import rclpy
from rclpy.executors import ExternalShutdownException
from rclpy.node import Node
from std_msgs.msg import Bool
from tf2_msgs.msg import TFMessage

FOREARM = "left_forearm_"
UPWARDS = 0.7  # the cosine of 45 degrees


class ForearmUp(Node):
    """Publishes `forearm_up` for each left forearm that is seen."""

    def __init__(self):
        super().__init__("forearm_up")
        self.up = self.create_publisher(Bool, "forearm_up", 10)
        self.create_subscription(TFMessage, "/tf", self.on_transforms, 10)

    def on_transforms(self, msg):
        """The x axis points along the bone; its parent body_<id> has z to the head."""
        for each in msg.transforms:
            if each.child_frame_id.startswith(FOREARM):
                q = each.transform.rotation
                x_axis_upwards = 2 * (q.x * q.z - q.w * q.y)
                self.up.publish(Bool(data=x_axis_upwards > UPWARDS))


if __name__ == "__main__":
    rclpy.init()
    with suppress(KeyboardInterrupt, ExternalShutdownException):
        rclpy.spin(ForearmUp())
