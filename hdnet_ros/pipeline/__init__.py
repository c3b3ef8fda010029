"""From images and detections to followed people; no ROS."""
