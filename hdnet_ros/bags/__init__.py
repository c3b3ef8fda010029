"""Recordings answered without ROS: read, located and tracked by the node's own code, written."""
