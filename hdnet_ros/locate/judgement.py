"""What the estimates of one image say about their boxes: whether somebody is there, who is meant, and whether a child."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from hdnet_ros.core.boxes import xyxy_from_xywh_center
from hdnet_ros.core.types import PersonEstimate, PersonFlags

# Logistic regression on the logarithm of the relative sigma, of 474 boxes of people and 656 of nobody in
# synthetic pictures; the heatmaps' mass near the joints added nothing to it. Of ten boxes of a detector nine
# are taken to hold somebody: at 0.5, 0.6 % of those people are lost.
_SIGMA_WEIGHT, _OFFSET = -3.555, -6.919 + float(np.log(9.0))
# Joints of two people nearer to each other than this share of the smaller box's size are one joint.
_SAME_JOINT_SHARE = 0.12
# So much of the joints' confidence must lie on another's for the two boxes to share a body.
_SHARED = 0.5
# Boxes that cover each other alike: nobody can tell whose the body is.
_COVER_MARGIN = 0.1


def existence_of(logit: float | None, sigma_relative: float) -> float:
    """0..1, how likely somebody is in a box: by the network's logit, or where it has none by its sigma."""
    if logit is None or not np.isfinite(logit):
        return existence_from_sigma(sigma_relative)
    return _probability(logit)


def child_probability_of(logit: float | None) -> float:
    """0..1, how likely the person is a child below 16 years, by the network's logit; NaN where it has none."""
    return float("nan") if logit is None or not np.isfinite(logit) else _probability(logit)


def existence_from_sigma(sigma_relative: float) -> float:
    """0..1, how likely somebody is in a box, from how sure of the depth a network without an output
    for it is: one that was shown people alone answers every box, and of nobody it does not know how far.

    Parameters
    ----------
    sigma_relative : standard deviation of the depth over the depth
    """
    odds = np.exp(_OFFSET) * max(float(sigma_relative), 1e-6) ** _SIGMA_WEIGHT
    return float(odds / (1.0 + odds))


def with_shared_joints_flagged(people: Sequence[PersonEstimate]) -> list[PersonEstimate]:
    """The people of one image; SHARED_JOINTS is set where a box's joints lie on another box's person.

    Of two boxes that were answered with one body it is the one that lies more within the other: who
    stands behind shows less. Where both cover each other alike, both are flagged.
    """
    if len(people) < 2:
        return list(people)
    flagged = np.zeros(len(people), dtype=bool)
    cover = _covers(np.stack([person.box_xywh_center_px for person in people]))
    for i, j in np.argwhere(np.triu(cover > 0.0, 1)):
        if _share_of_joints(people[i], people[j]) >= _SHARED:
            flagged[i] |= cover[i, j] > cover[j, i] - _COVER_MARGIN
            flagged[j] |= cover[j, i] > cover[i, j] - _COVER_MARGIN
    return [
        replace(person, flags=person.flags | PersonFlags.SHARED_JOINTS) if is_flagged else person
        for person, is_flagged in zip(people, flagged)
    ]


def _probability(logit: float) -> float:
    return float(1.0 / (1.0 + np.exp(-np.clip(logit, -50.0, 50.0))))


def _covers(boxes_xywh: np.ndarray) -> np.ndarray:
    """(N, N) share of box i that box j covers, of N boxes (N, 4)."""
    boxes = xyxy_from_xywh_center(boxes_xywh)
    low = np.maximum(boxes[:, None, :2], boxes[None, :, :2])
    high = np.minimum(boxes[:, None, 2:], boxes[None, :, 2:])
    return np.prod(np.clip(high - low, 0.0, None), axis=2) / np.prod(boxes_xywh[:, None, 2:], axis=2)


def _share_of_joints(person: PersonEstimate, other: PersonEstimate) -> float:
    """Share 0..1 of two people's joints that lie on each other, by their confidences."""
    areas = (np.prod(each.box_xywh_center_px[2:]) for each in (person, other))
    near_px = _SAME_JOINT_SHARE * np.sqrt(min(areas))
    weights = person.joint_confidence * other.joint_confidence
    distances_px = np.linalg.norm(person.joints_px - other.joints_px, axis=1)
    known = np.isfinite(distances_px) & (weights > 0.0)
    if not known.any():
        return 0.0
    return float(np.average(distances_px[known] <= near_px, weights=weights[known]))
