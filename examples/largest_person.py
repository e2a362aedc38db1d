# SPDX-License-Identifier: Apache-2.0
"""Publishes the box around the largest person in the image, from vision_msgs' detections.

Run it beside the node: python3 largest_person.py
The node needs publish_detections: true.
"""

from contextlib import suppress

import rclpy
from rclpy.executors import ExternalShutdownException
from rclpy.node import Node
from sensor_msgs.msg import RegionOfInterest
from vision_msgs.msg import Detection2DArray


class LargestPerson(Node):
    """Publishes `region` for every image, of no size where there is nobody."""

    def __init__(self):
        super().__init__("largest_person")
        self.region = self.create_publisher(RegionOfInterest, "region", 10)
        self.create_subscription(Detection2DArray, "blazepose/detections_2d", self.on_people, 10)

    def on_people(self, people):
        """A box has a center and a size, in pixels."""
        boxes = [person.bbox for person in people.detections]
        box = max(boxes, key=lambda each: each.size_x * each.size_y, default=None)
        region = RegionOfInterest()
        if box is not None:
            region.x_offset = round(box.center.position.x - box.size_x / 2)
            region.y_offset = round(box.center.position.y - box.size_y / 2)
            region.width, region.height = round(box.size_x), round(box.size_y)
        self.region.publish(region)


if __name__ == "__main__":
    rclpy.init()
    with suppress(KeyboardInterrupt, ExternalShutdownException):
        rclpy.spin(LargestPerson())
