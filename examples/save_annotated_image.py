# SPDX-License-Identifier: Apache-2.0
"""Saves the newest annotated image as a file, through cv_bridge.

Run it beside the node: python3 save_annotated_image.py --ros-args -p path:=annotated.png
"""

from contextlib import suppress

import cv2
import rclpy
from cv_bridge import CvBridge
from rclpy.executors import ExternalShutdownException
from rclpy.node import Node
from sensor_msgs.msg import Image


class SaveAnnotatedImage(Node):
    """Overwrites one file with each image."""

    def __init__(self):
        super().__init__("save_annotated_image")
        self.path = self.declare_parameter("path", "annotated.png").value
        self.bridge = CvBridge()
        self.create_subscription(Image, "blazepose/annotated_image", self.on_image, 1)

    def on_image(self, msg):
        """The node publishes red first (rgb8); OpenCV saves and shows blue first."""
        cv2.imwrite(self.path, self.bridge.imgmsg_to_cv2(msg, "bgr8"))


if __name__ == "__main__":
    rclpy.init()
    with suppress(KeyboardInterrupt, ExternalShutdownException):
        rclpy.spin(SaveAnnotatedImage())
