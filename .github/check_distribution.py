# SPDX-License-Identifier: Apache-2.0
"""Fail unless this Python uses the distribution's numpy and OpenCV, and cv_bridge works with them.

A package from pip that brings its own numpy or OpenCV hides the distribution's, and every program
that uses cv_bridge in the same environment then crashes or converts nothing.
"""

import sys
from pathlib import Path

import cv2
import numpy as np
from cv_bridge import CvBridge

DISTRIBUTION = Path("/usr/lib/python3/dist-packages")

for module in (np, cv2):
    if DISTRIBUTION not in Path(module.__file__).parents:
        sys.exit(f"{module.__name__} {module.__version__} is {module.__file__}, not the distribution's")

# From bgr8 to rgb8, which goes through cv_bridge's compiled part.
bridge = CvBridge()
blue = np.array([[[255, 0, 0]]], np.uint8)
if bridge.imgmsg_to_cv2(bridge.cv2_to_imgmsg(blue, "bgr8"), "rgb8").tolist() != [[[0, 0, 255]]]:
    sys.exit("cv_bridge converts bgr8 to something else than rgb8")
