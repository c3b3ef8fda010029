"""Relative depth error, coverage of the published sigma, and PCK: pure functions of arrays."""

from __future__ import annotations

import numpy as np
from scipy.stats import norm

HEIGHT_AMBIGUITY_BOUND = 0.046
"""Mean relative error nobody beats on adults of unknown height (MonoLoco's task error)."""


def relative_error(estimated_mm: np.ndarray, true_mm: np.ndarray) -> np.ndarray:
    """Signed relative depth error, (N,): positive is too far."""
    return np.asarray(estimated_mm, float) / np.asarray(true_mm, float) - 1


def summarise(estimated_mm: np.ndarray, true_mm: np.ndarray) -> dict[str, float]:
    """Mean, median and 95th percentile of |relative error| and the median signed error.

    Parameters
    ----------
    estimated_mm, true_mm : (N,) depths; with N = 0 every figure is NaN.
    """
    signed = relative_error(estimated_mm, true_mm)
    if not len(signed):
        return dict.fromkeys(("mean", "median", "p95", "bias"), float("nan")) | {"people": 0}
    absolute = np.abs(signed)
    return {
        "people": int(len(signed)),
        "mean": float(absolute.mean()),
        "median": float(np.median(absolute)),
        "p95": float(np.percentile(absolute, 95)),
        "bias": float(np.median(signed)),
    }


def coverage(estimated_mm, sigma_mm, true_mm, levels=(0.5, 0.68, 0.95)) -> dict[float, float]:
    """Fraction of true depths inside the central interval of each level of N(estimate, sigma).

    All (N,), mm; with N = 0 every fraction is NaN.
    """
    z = np.abs(np.asarray(true_mm, float) - np.asarray(estimated_mm, float)) / np.asarray(sigma_mm, float)
    if not len(z):
        return dict.fromkeys(levels, float("nan"))
    return {level: float(np.mean(z <= norm.ppf(0.5 + level / 2))) for level in levels}


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
