# SPDX-License-Identifier: Apache-2.0
"""Between messages and the core's types: *_msgs, no rclpy."""
