# SPDX-License-Identifier: Apache-2.0
"""The ROS nodes: rclpy, and wiring only."""
