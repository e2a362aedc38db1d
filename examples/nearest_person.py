# SPDX-License-Identifier: Apache-2.0
"""Publishes how far away the nearest person is, from vision_msgs' detections.

Run it beside the node: python3 nearest_person.py
The node needs publish_detections: true.
"""

import math
from contextlib import suppress

import rclpy
from rclpy.executors import ExternalShutdownException
from rclpy.node import Node
from std_msgs.msg import Float64
from vision_msgs.msg import Detection3DArray


class NearestPerson(Node):
    """Publishes `nearest_person` in meters for every image, infinity where there is nobody."""

    def __init__(self):
        super().__init__("nearest_person")
        self.nearest = self.create_publisher(Float64, "nearest_person", 10)
        self.create_subscription(Detection3DArray, "blazepose/detections_3d", self.on_people, 10)

    def on_people(self, people):
        """A detection's result is where the hips are, in the camera's frame."""
        places = [person.results[0].pose.pose.position for person in people.detections]
        distances = [math.hypot(place.x, place.y, place.z) for place in places]
        self.nearest.publish(Float64(data=min(distances, default=math.inf)))


if __name__ == "__main__":
    rclpy.init()
    with suppress(KeyboardInterrupt, ExternalShutdownException):
        rclpy.spin(NearestPerson())
