# SPDX-License-Identifier: Apache-2.0
"""Without ROS: landmarks, estimators, tracking, placement, drawing. numpy, scipy and OpenCV only."""
