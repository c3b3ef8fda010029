"""Whom to look at when not everybody can be looked at in time."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from hdnet_ros.core.boxes import intersection_over_union, xyxy_from_xywh_center
from hdnet_ros.core.types import Detection

# Boxes of two images that overlap at least so much are the same person's.
_SAME_BOX_IOU = 0.3
# Somebody never seen counts as one who waited for so many images: before those who are known, but not
# before those who wait for ever, or boxes that come and go would starve them.
_WAITED_OF_NEW = 10.0
# Share of the newest image in what a look is expected to take.
_NEWEST_SHARE = 0.2


class LookBudget:
    """Chooses the people of each image of one camera; who is not chosen is coasted by the tracker.

    First comes whoever waited longest for a look, waiting counted by the height of the box, so that
    the near are looked at more often. Everybody's turn comes, for waiting has no upper end; and at
    least one is looked at in every image.
    """

    def __init__(self) -> None:
        self._boxes_xyxy = np.zeros((0, 4))
        self._waited = np.zeros(0)
        self._ms_per_look: float | None = None

    def chosen(self, detections: Sequence[Detection], budget_ms: float) -> list[int]:
        """Indices of the people to look at, in order.

        Parameters
        ----------
        budget_ms : for the looks of one image; 0 or below looks at everybody, and so does the
            first image, which shows what a look takes
        """
        if not detections:
            return []
        boxes = xyxy_from_xywh_center(np.stack([d.box_xywh_center_px for d in detections]).astype(float))
        waited = self._waited_until_now(boxes)
        count = len(detections)
        if budget_ms > 0.0 and self._ms_per_look:
            count = int(np.clip(budget_ms / self._ms_per_look, 1, count))
        heights = np.nan_to_num(boxes[:, 3] - boxes[:, 1])
        urgency = waited * heights / max(float(heights.max()), 1e-9)
        chosen = np.sort(np.argsort(-urgency, kind="stable")[:count])
        waited[chosen] = 0.0
        self._boxes_xyxy, self._waited = boxes, waited
        return chosen.tolist()

    def spent(self, ms: float, looks: int) -> None:
        """Learn from a batch of so many looks how long one takes."""
        if looks < 1:
            return
        each = ms / looks
        before = each if self._ms_per_look is None else self._ms_per_look
        self._ms_per_look = (1.0 - _NEWEST_SHARE) * before + _NEWEST_SHARE * each

    def _waited_until_now(self, boxes_xyxy: np.ndarray) -> np.ndarray:
        """Images since each person of these boxes was looked at, this one counted."""
        waited = np.full(len(boxes_xyxy), _WAITED_OF_NEW)
        if len(self._boxes_xyxy) == 0:
            return waited
        for number, box in enumerate(boxes_xyxy):
            overlaps = intersection_over_union(box, self._boxes_xyxy)
            best = int(np.argmax(overlaps))
            if overlaps[best] >= _SAME_BOX_IOU:
                waited[number] = self._waited[best] + 1.0
        return waited
