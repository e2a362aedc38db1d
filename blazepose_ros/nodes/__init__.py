"""The ROS nodes: rclpy, and wiring only."""
