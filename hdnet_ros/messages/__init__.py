"""ROS messages, with ROS or without it, and conversions from and to them."""
