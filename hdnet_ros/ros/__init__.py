"""ROS 2 nodes: what needs rclpy."""
