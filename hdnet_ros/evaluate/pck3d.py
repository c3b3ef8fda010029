"""3DPCK at 150 mm over the 14 joints of MuPoTS-3D, counted as its official script counts."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from hdnet_ros.core.skeleton import JOINT_NAMES, ROOT

THRESHOLD_MM = 150.0
MATCH_PX = 40.0

SCORED_JOINTS = (
    "head_top", "thorax", "right_shoulder", "right_elbow", "right_wrist", "left_shoulder", "left_elbow",
    "left_wrist", "right_hip", "right_knee", "right_ankle", "left_hip", "left_knee", "left_ankle",
)  # fmt: skip

PROTOCOL = (
    "3DPCK: share of the 14 joints of MuPoTS-3D nearer than 150 mm to the true ones. People are paired as in the "
    "official script: true people in their order each take the prediction with most of 13 joints (all but the "
    "head's top) within 40 px in x and in y. 'matched' counts paired people, 'all' also the others, as wrong. "
    "'absolute' is in the camera frame, 'relative' after both pelvises are put at the origin; 'bones rescaled' "
    "gives the prediction the true lengths of bones, outwards from the pelvis, as the official script does. "
    "'metric' is annot3, 'universal' univ_annot3, the skeleton of one size for everybody."
)

_SCORED = [JOINT_NAMES.index(name) for name in SCORED_JOINTS]
_MATCHED_BY = _SCORED[1:]
# From the pelvis outwards; the official tree hangs the hips on the pelvis and the shoulders on the neck.
_BONES = (
    ("pelvis", "spine"), ("spine", "thorax"), ("thorax", "head_top"),
    ("thorax", "right_shoulder"), ("right_shoulder", "right_elbow"), ("right_elbow", "right_wrist"),
    ("thorax", "left_shoulder"), ("left_shoulder", "left_elbow"), ("left_elbow", "left_wrist"),
    ("pelvis", "right_hip"), ("right_hip", "right_knee"), ("right_knee", "right_ankle"),
    ("pelvis", "left_hip"), ("left_hip", "left_knee"), ("left_knee", "left_ankle"),
)  # fmt: skip


def match_people(true_joints_px: np.ndarray, joints_px: np.ndarray) -> np.ndarray:
    """(G,) prediction that each true person pairs up with, -1 for none.

    Parameters
    ----------
    true_joints_px, joints_px : (G, 17, 2) and (P, 17, 2); unknown joints are NaN and match nothing
    """
    taken = np.zeros(len(joints_px), bool)
    result = np.full(len(true_joints_px), -1)
    for i, true in enumerate(true_joints_px if len(joints_px) else ()):
        near = (np.abs(joints_px[:, _MATCHED_BY] - true[_MATCHED_BY]) < MATCH_PX).all(axis=-1)
        agreeing = np.where(taken, 0, near.sum(axis=1))
        if agreeing.max() > 0:
            result[i] = agreeing.argmax()
            taken[result[i]] = True
    return result


def rescale_bones(joints_mm: np.ndarray, true_joints_mm: np.ndarray) -> np.ndarray:
    """Joints (..., 17, 3) in their own directions with the true lengths of bones, the pelvis in place.

    A bone of length zero has no direction: what hangs on it becomes NaN. The nose, which MuPoTS-3D
    lacks, is NaN too.
    """
    result = np.full_like(np.asarray(joints_mm, dtype=np.float64), np.nan)
    result[..., ROOT, :] = joints_mm[..., ROOT, :]
    for start, end in _BONES:
        a, b = JOINT_NAMES.index(start), JOINT_NAMES.index(end)
        bone = joints_mm[..., b, :] - joints_mm[..., a, :]
        true_length = np.linalg.norm(true_joints_mm[..., b, :] - true_joints_mm[..., a, :], axis=-1)
        with np.errstate(all="ignore"):
            scale = true_length / np.linalg.norm(bone, axis=-1)
            result[..., b, :] = result[..., a, :] + bone * scale[..., None]
    return result


def joints_within(
    joints_mm: np.ndarray, true_joints_mm: np.ndarray, *, relative: bool, rescaled: bool
) -> np.ndarray:
    """(N, 14) whether each scored joint of N people is right; a joint that is NaN is wrong.

    Parameters
    ----------
    joints_mm, true_joints_mm : (N, 17, 3) in the camera frame; a person of NaN is one not found
    relative : put both pelvises at the origin first
    rescaled : give the prediction the true lengths of bones
    """
    joints_mm, true_joints_mm = (np.asarray(a, np.float64) for a in (joints_mm, true_joints_mm))
    if relative:
        joints_mm = joints_mm - joints_mm[..., ROOT : ROOT + 1, :]
        true_joints_mm = true_joints_mm - true_joints_mm[..., ROOT : ROOT + 1, :]
    if rescaled:
        joints_mm = rescale_bones(joints_mm, true_joints_mm)
    return np.linalg.norm(joints_mm - true_joints_mm, axis=-1)[..., _SCORED] < THRESHOLD_MM


def pck3d(
    joints_mm: np.ndarray, true_joints_mm: np.ndarray, is_matched: np.ndarray, sequences: Sequence[str]
) -> dict[str, dict]:
    """3DPCK of N true people and their predictions in every variant.

    Parameters
    ----------
    joints_mm : (N, 17, 3) of the paired prediction; what stands in a row without one is not read
    true_joints_mm : (N, 17, 3) of one of the annotations
    is_matched : (N,) bool
    sequences : N names

    Returns
    -------
    "absolute" | "relative" -> "as predicted" | "bones rescaled" -> "matched" | "all" -> people,
    mean_of_sequences (what papers print), pooled, by_sequence and by_joint, 0 to 1, NaN without anybody
    """
    is_matched = np.asarray(is_matched, bool)
    joints_mm = np.where(is_matched[:, None, None], joints_mm, np.nan)
    names = np.asarray(sequences, dtype=object)
    result: dict[str, dict] = {}
    for frame, relative in (("absolute", False), ("relative", True)):
        for bones, rescaled in (("as predicted", False), ("bones rescaled", True)):
            right = joints_within(joints_mm, true_joints_mm, relative=relative, rescaled=rescaled)
            result.setdefault(frame, {})[bones] = {
                "matched": _shares(right[is_matched], names[is_matched]),
                "all": _shares(right, names),
            }
    return result


def _shares(right: np.ndarray, sequences: np.ndarray) -> dict:
    if not len(right):
        nothing = dict.fromkeys(("mean_of_sequences", "pooled"), float("nan"))
        return {"people": 0, **nothing, "by_sequence": {}, "by_joint": {}}
    by_sequence = {name: float(right[sequences == name].mean()) for name in dict.fromkeys(sequences)}
    return {
        "people": len(right),
        "mean_of_sequences": float(np.mean(list(by_sequence.values()))),
        "pooled": float(right.mean()),
        "by_sequence": by_sequence,
        "by_joint": dict(zip(SCORED_JOINTS, (float(v) for v in right.mean(axis=0)), strict=True)),
    }
