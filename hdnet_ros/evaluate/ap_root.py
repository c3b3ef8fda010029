"""Average precision and recall of the root in 3D, counted as RootNet's script counts them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

THRESHOLDS_MM = (250.0, 200.0, 150.0, 100.0)

PROTOCOL = (
    "AP and AR of the root within 25, 20, 15 and 10 cm, counted as RootNet's script does: predictions of all "
    "pictures in order of their score; each is compared with the nearest valid person of its picture only; a "
    "second hit of the same person is a false positive; pictures without valid people are skipped. AP is the "
    "sum of P[n+1] (R[n+1] - R[n]) from the first prediction on, so that a perfect result over G people scores "
    "1 - 1/G; ap_from_zero has that first step too. AR is the recall after the last prediction."
)


@dataclass(frozen=True, eq=False)
class RootPredictions:
    """P predicted and G annotated roots of several pictures.

    Attributes
    ----------
    picture, true_picture : (P,) and (G,) number of the picture.
    root_camera_mm, true_root_camera_mm : (P, 3) and (G, 3).
    score : (P,); higher is more certain.
    is_valid : (G,) bool; the others are annotated but do not count.
    """

    picture: np.ndarray
    root_camera_mm: np.ndarray
    score: np.ndarray
    true_picture: np.ndarray
    true_root_camera_mm: np.ndarray
    is_valid: np.ndarray


def ap_root(
    roots: RootPredictions, thresholds_mm: Sequence[float] = THRESHOLDS_MM
) -> dict[str, dict[str, float]]:
    """Threshold in cm ("25") to ap, ap_from_zero and ar, 0 to 1; NaN without any valid person.

    A prediction hits when it is nearer than the threshold. Equal scores keep their order.
    """
    nearest, distance_mm = _nearest_valid(roots)
    order = np.argsort(-np.asarray(roots.score, dtype=np.float64), kind="stable")
    order = order[nearest[order] >= 0]
    people = int(np.sum(roots.is_valid))
    return {
        f"{threshold / 10:g}": _precision_recall(nearest[order], distance_mm[order] < threshold, people)
        for threshold in thresholds_mm
    }


def _nearest_valid(roots: RootPredictions) -> tuple[np.ndarray, np.ndarray]:
    """For each prediction the valid person nearest to it in its picture, -1 for none, and how far, mm."""
    valid = np.flatnonzero(roots.is_valid)
    valid = valid[np.argsort(roots.true_picture[valid], kind="stable")]
    pictures = roots.true_picture[valid]
    first = np.searchsorted(pictures, roots.picture, side="left")
    last = np.searchsorted(pictures, roots.picture, side="right")
    nearest = np.full(len(roots.picture), -1)
    distance_mm = np.full(len(roots.picture), np.inf)
    for i in np.flatnonzero(last > first):
        people = valid[first[i] : last[i]]
        away = np.linalg.norm(roots.true_root_camera_mm[people] - roots.root_camera_mm[i], axis=1)
        nearest[i], distance_mm[i] = people[away.argmin()], away.min()
    return nearest, distance_mm


def _precision_recall(person: np.ndarray, is_near: np.ndarray, people: int) -> dict[str, float]:
    if not people:
        return dict.fromkeys(("ap", "ap_from_zero", "ar"), float("nan"))
    hit = np.zeros(len(person), bool)
    near = np.flatnonzero(is_near)
    hit[near[np.unique(person[near], return_index=True)[1]]] = True
    hits = np.cumsum(hit)
    precision = hits / np.arange(1, len(hit) + 1)
    recall = hits / people
    from_zero = precision * np.diff(recall, prepend=0.0)
    return {
        "ap": float(from_zero[1:].sum()),
        "ap_from_zero": float(from_zero.sum()),
        "ar": float(recall[-1]) if len(recall) else 0.0,
    }
