"""Cameras, boxes, located people and frames as files."""
