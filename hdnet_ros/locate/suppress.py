"""One box a person: doubles go, two people who stand close stay."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from hdnet_ros.core.boxes import intersection_over_union

# Doubles of one person differ in size, sit on each other or are doubtful; two people side by side differ
# in place.
_ALIKE = 0.85
_APART = 0.2
_SIDE_BY_SIDE_IOU = 0.7
_CERTAIN = 0.6
# Of two who walk side by side a third box may reach around both.
_MOSTLY = 0.7
_GRID = 24


def suppress_duplicates(
    boxes_xyxy: np.ndarray, scores: Sequence[float] | np.ndarray, iou_limit: float = 0.5
) -> list[int]:
    """Indices of the boxes that are nobody's second, best score first.

    A box is a second where a better one overlaps it by more than `iou_limit`. Two of like size whose
    middles lie a fifth of their width apart or more are two people, up to an overlap of 0.7 and where
    the lesser one's score is 0.6 or more. A box around several people whose own boxes are there is nobody's.

    Parameters
    ----------
    boxes_xyxy : (N, 4) x0, y0, x1, y1, px
    scores : (N,)
    """
    boxes = np.asarray(boxes_xyxy, dtype=np.float64).reshape(-1, 4)
    scores = np.asarray(scores, dtype=np.float64)
    order = np.argsort(-scores, kind="stable")
    kept: list[int] = []
    while len(order):
        best, order = int(order[0]), order[1:]
        kept.append(best)
        iou = intersection_over_union(boxes[best], boxes[order])
        is_other = (iou <= _SIDE_BY_SIDE_IOU) & _side_by_side(boxes[best], boxes[order])
        is_other &= scores[order] >= _CERTAIN
        order = order[(iou <= iou_limit) | is_other]
    return [index for index in kept if not _is_around_several(boxes[index], boxes[kept])]


def _is_around_several(box: np.ndarray, boxes: np.ndarray) -> bool:
    """Whether two or more others lie in a box and fill it; it is among the boxes itself."""
    low, high = np.maximum(box[:2], boxes[:, :2]), np.minimum(box[2:], boxes[:, 2:])
    shared = np.prod(np.clip(high - low, 0.0, None), axis=1)
    areas = np.prod(boxes[:, 2:] - boxes[:, :2], axis=1)
    is_smaller = areas < np.prod(box[2:] - box[:2])
    inside = boxes[is_smaller & (shared >= _MOSTLY * areas)]
    if len(inside) < 2:
        return False
    x, y = (np.linspace(box[axis], box[axis + 2], _GRID) for axis in (0, 1))
    columns = (x >= inside[:, :1]) & (x <= inside[:, 2:3])
    rows = (y >= inside[:, 1:2]) & (y <= inside[:, 3:])
    return bool((columns[:, :, None] & rows[:, None, :]).any(axis=0).mean() >= _MOSTLY)


def _side_by_side(box: np.ndarray, others: np.ndarray) -> np.ndarray:
    size, sizes = box[2:] - box[:2], others[:, 2:] - others[:, :2]
    smaller, larger = np.minimum(size, sizes), np.maximum(size, sizes)
    alike = (smaller >= _ALIKE * larger).all(axis=1)
    apart = 0.5 * np.abs(box[0] + box[2] - others[:, 0] - others[:, 2])
    return alike & (apart >= _APART * smaller[:, 0])
