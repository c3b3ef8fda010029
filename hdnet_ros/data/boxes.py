"""What is done to boxes for measuring: shaken, and what they alone say about depth."""

from __future__ import annotations

import numpy as np

from hdnet_ros.core.camera import Camera


def jittered(box_xywh: np.ndarray, rng: np.random.Generator, share: float = 0.15) -> np.ndarray:
    """The box with each side scaled by up to `share` and shifted by up to `share` of half of it.

    All four are uniform and independent; no edge moves by more than `share` of the side.
    """
    x, y, w, h = box_xywh
    scale_w, scale_h, dx, dy = rng.uniform(-share, share, 4)
    return np.array([x + dx * w / 2, y + dy * h / 2, w * (1 + scale_w), h * (1 + scale_h)])


def box_features(camera: Camera, box_xywh_center_px: np.ndarray) -> np.ndarray:
    """What a box says about depth: its angular height and width, aspect, and where it is, (5,)."""
    x, y, w, h = (float(v) for v in box_xywh_center_px)
    corners = np.array([[x, y - h / 2], [x, y + h / 2], [x - w / 2, y], [x + w / 2, y]])
    top, bottom, left, right = camera.rays(corners)
    height = np.linalg.norm(bottom - top)
    width = np.linalg.norm(right - left)
    centre = camera.rays(np.array([[x, y]]))[0]
    return np.array([np.log(height), np.log(width), np.log(height / width), centre[0], centre[1]])
