# SPDX-License-Identifier: Apache-2.0
"""Tells how far the right elbow of each body is bent, for a node with publish_hri: true."""

import math
from contextlib import suppress

import rclpy
from hri_msgs.msg import IdsList
from rclpy.executors import ExternalShutdownException
from rclpy.node import Node
from sensor_msgs.msg import JointState
from std_msgs.msg import Float64


class BentElbows(Node):
    """Publishes `elbow` in degrees for each body in each image; NaN for one that is hidden."""

    def __init__(self):
        super().__init__("bent_elbows")
        self.heard = set()
        self.elbow = self.create_publisher(Float64, "elbow", 10)
        self.create_subscription(IdsList, "/humans/bodies/tracked", self.on_tracked, 10)

    def on_tracked(self, bodies):
        """Each body has topics of its own, which end when it leaves."""
        for body in set(bodies.ids) - self.heard:
            topic = f"/humans/bodies/{body}/joint_states"
            self.create_subscription(JointState, topic, self.on_joints, 10)
        self.heard |= set(bodies.ids)

    def on_joints(self, joints):
        """The joints are those of the body's URDF."""
        angle = next(a for name, a in zip(joints.name, joints.position, strict=True) if "r_elbow" in name)
        self.elbow.publish(Float64(data=math.degrees(angle)))


if __name__ == "__main__":
    rclpy.init()
    with suppress(KeyboardInterrupt, ExternalShutdownException):
        rclpy.spin(BentElbows())
