"""Between messages and the core's types: *_msgs, no rclpy."""
