"""Geometry on numpy and OpenCV: cameras, patches, depth bins, boxes, joints, the ground."""
