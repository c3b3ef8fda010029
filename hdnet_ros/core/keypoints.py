"""2D joints of other estimators in the order of `core.skeleton`."""

from __future__ import annotations

import numpy as np

from hdnet_ros.core.skeleton import JOINT_NAMES

COCO_JOINTS = (
    "nose", "left_eye", "right_eye", "left_ear", "right_ear", "left_shoulder", "right_shoulder",
    "left_elbow", "right_elbow", "left_wrist", "right_wrist", "left_hip", "right_hip",
    "left_knee", "right_knee", "left_ankle", "right_ankle",
)  # fmt: skip
SKELETONS = {"coco17": COCO_JOINTS, "human36m17": JOINT_NAMES}
MIDPOINTS = {"pelvis": ("left_hip", "right_hip"), "thorax": ("left_shoulder", "right_shoulder")}
"""Joints that a skeleton may lack, and the two that they lie between."""


def joints_of(skeleton: str, joints_px: np.ndarray) -> np.ndarray:
    """Joints (17, 2) in our order; NaN where the skeleton has none.

    A skeleton without a root has it midway between the hips, and the thorax midway between the
    shoulders.

    Parameters
    ----------
    skeleton : "coco17" or "human36m17"
    joints_px : (17, 2) in that skeleton's order, NaN where unknown

    Raises
    ------
    ValueError : another skeleton, or another number of joints
    """
    if skeleton not in SKELETONS:
        raise ValueError(f"skeleton is {skeleton!r}, expected one of {', '.join(SKELETONS)}")
    names = SKELETONS[skeleton]
    joints_px = np.asarray(joints_px, dtype=np.float64)
    if joints_px.shape != (len(names), 2):
        shape = joints_px.shape
        raise ValueError(f"{skeleton} joints have shape {shape}, expected ({len(names)}, 2)")
    by_name = dict(zip(names, joints_px, strict=True))
    for name, (left, right) in MIDPOINTS.items():
        by_name.setdefault(name, 0.5 * (by_name[left] + by_name[right]))
    return np.stack([by_name.get(name, np.full(2, np.nan)) for name in JOINT_NAMES])
