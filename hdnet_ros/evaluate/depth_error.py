"""Relative depth error and coverage of the published sigma: pure functions of arrays."""

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
