"""Synthetic people and scenes: bodies, poses, clothes, rendering, cameras, boxes, samples."""
