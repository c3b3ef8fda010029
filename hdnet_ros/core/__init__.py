"""Geometry, depth bins and estimators on numpy, OpenCV and torch; nothing here knows ROS."""
