"""From the joints of other data sets to the 17 of core/skeleton, by name."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from hdnet_ros.core.keypoints import MIDPOINTS
from hdnet_ros.core.skeleton import JOINT_NAMES

MUCO_JOINTS = (
    "Head_top", "Thorax", "R_Shoulder", "R_Elbow", "R_Wrist", "L_Shoulder", "L_Elbow", "L_Wrist",
    "R_Hip", "R_Knee", "R_Ankle", "L_Hip", "L_Knee", "L_Ankle", "Pelvis", "Spine", "Head",
    "R_Hand", "L_Hand", "R_Toe", "L_Toe",
)  # fmt: skip
"""The 21 joints of MuCo-3DHP."""

MUPOTS_JOINTS = MUCO_JOINTS[:17]
"""The 17 joints of MuPoTS-3D."""

_ALIASES = {
    "hip": "pelvis", "root": "pelvis", "torso": "spine", "neck": "thorax", "headtop": "head_top",
    "right_foot": "right_ankle", "left_foot": "left_ankle",
}  # fmt: skip


def skeleton_rows(names: Sequence[str]) -> np.ndarray:
    """(17,) row of each of our joints among a data set's joint names, -1 where it has no such joint.

    Sides may be written "left_", "L_" or "l_". A "head" beside a "head_top" is the middle of the
    head, which we have no joint for; alone it is the top, as in Human3.6M.
    """
    found = [_our_name(name) for name in names]
    if "head_top" not in found:
        found = ["head_top" if name == "head" else name for name in found]
    return np.array([found.index(joint) if joint in found else -1 for joint in JOINT_NAMES])


def to_skeleton(values: np.ndarray, rows: np.ndarray) -> np.ndarray:
    """(..., 17, D) float of (..., J, D): our joints by `skeleton_rows`, NaN for the missing ones."""
    values = np.asarray(values, dtype=np.float64)
    if rows.max(initial=-1) >= values.shape[-2]:
        raise ValueError(f"{values.shape[-2]} joints, expected at least {rows.max() + 1}")
    return np.where((rows >= 0)[:, None], values[..., np.maximum(rows, 0), :], np.nan)


def fill_midpoints(joints: np.ndarray) -> np.ndarray:
    """(..., 17, D) with a missing pelvis or thorax put between the hips or the shoulders."""
    joints = joints.copy()
    for joint, ends in MIDPOINTS.items():
        at, (one, other) = JOINT_NAMES.index(joint), (JOINT_NAMES.index(end) for end in ends)
        middle = 0.5 * (joints[..., one, :] + joints[..., other, :])
        joints[..., at, :] = np.where(np.isfinite(joints[..., at, :]), joints[..., at, :], middle)
    return joints


def _our_name(name: str) -> str:
    name = name.lower().replace(" ", "_")
    for short, long in (("l_", "left_"), ("r_", "right_")):
        name = long + name[2:] if name.startswith(short) else name
    return _ALIASES.get(name, name)
