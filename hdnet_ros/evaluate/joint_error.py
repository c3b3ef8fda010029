"""Joints in the picture: PCK, left and right exchanged, and the gap between the ankles; pure functions of arrays."""

from __future__ import annotations

import numpy as np

from hdnet_ros.core.skeleton import JOINT_NAMES, LEFT_RIGHT_PAIRS

PCK_THRESHOLDS = (0.1, 0.05)
_APART = 0.1
PROTOCOL = (
    "Visible labelled joints within 0.1 and 0.05 of the longer side of the person's box (PCK, percent). Swapped: pairs"
    f" of a left and a right joint, both visible and truly more than {_APART:g} of the box apart, that fit the truth"
    " better when exchanged, percent. Ankle gap: distance between the estimated ankles over that between the true ones,"
    " summed over the people of whom both are visible; 0 is both legs drawn on one."
)


def pck(joints_px, true_joints_px, visible, longer_side_px, threshold=0.1) -> np.ndarray:
    """Percentage of correct keypoints per joint, as a fraction.

    Parameters
    ----------
    joints_px, true_joints_px : (N, J, 2).
    visible : (N, J) bool; other joints do not count.
    longer_side_px : (N,) longer side of the person's tight box.

    Returns
    -------
    (J + 1,): per joint, then over all visible joints. NaN where nothing is visible; a joint that was
    not estimated (NaN px) is a miss.
    """
    visible = np.asarray(visible, bool)
    distance = np.linalg.norm(np.asarray(joints_px, float) - np.asarray(true_joints_px, float), axis=-1)
    hit = (distance <= threshold * np.asarray(longer_side_px, float)[:, None]) & visible
    hits, seen = (np.append(v.sum(axis=0), v.sum()) for v in (hit, visible))
    return np.where(seen > 0, hits / np.maximum(seen, 1), np.nan)


def sides_swapped(joints_px, true_joints_px, visible, longer_side_px) -> float:
    """Share of the pairs of `LEFT_RIGHT_PAIRS` that fit the truth better with left and right exchanged.

    Of those pairs that are estimated, visible, and in truth more than a tenth of the box apart; NaN without any.
    Arguments as `pck`, with J = 17.
    """
    left, right = np.array(LEFT_RIGHT_PAIRS).T
    found, true = np.asarray(joints_px, float), np.asarray(true_joints_px, float)
    visible = np.asarray(visible, bool)
    straight = _distance(found[:, left], true[:, left]) + _distance(found[:, right], true[:, right])
    exchanged = _distance(found[:, left], true[:, right]) + _distance(found[:, right], true[:, left])
    apart = _distance(true[:, left], true[:, right]) > _APART * np.asarray(longer_side_px, float)[:, None]
    counted = visible[:, left] & visible[:, right] & apart & np.isfinite(straight)
    return float((exchanged < straight)[counted].mean()) if counted.any() else float("nan")


def ankle_gap(joints_px, true_joints_px, visible) -> float:
    """Distance between the estimated ankles over that between the true ones, each summed over the people.

    Of the people of whom both ankles are visible and estimated; NaN without any. Arguments as `pck`, with J = 17.
    """
    ankles = [JOINT_NAMES.index("left_ankle"), JOINT_NAMES.index("right_ankle")]
    found, true = (np.asarray(joints, float)[:, ankles] for joints in (joints_px, true_joints_px))
    gaps, true_gaps = _distance(found[:, 0], found[:, 1]), _distance(true[:, 0], true[:, 1])
    counted = np.asarray(visible, bool)[:, ankles].all(axis=1) & np.isfinite(gaps)
    total = true_gaps[counted].sum()
    return float(gaps[counted].sum() / total) if total > 0.0 else float("nan")


def joint_errors(joints_px, true_joints_px, visible, longer_side_px) -> dict[str, float]:
    """Every figure of N people's joints, arguments as `pck` with J = 17; `joints` is how many are visible."""
    known = (joints_px, true_joints_px, visible)
    scores = {f"pck_{t:g}": float(pck(*known, longer_side_px, t)[-1]) for t in PCK_THRESHOLDS}
    return {
        "joints": int(np.sum(visible)),
        **scores,
        "sides_swapped": sides_swapped(*known, longer_side_px),
        "ankle_gap": ankle_gap(*known),
    }


def _distance(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    return np.linalg.norm(a - b, axis=-1)
