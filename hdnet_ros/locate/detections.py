"""Boxes and joints that other people's detectors give, as this package counts them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from hdnet_ros.core.boxes import xywh_center_from_xyxy
from hdnet_ros.core.keypoints import joints_of
from hdnet_ros.core.types import Detection

_COCO_PERSON = 1
_YOLO_PERSON = 0
# Others count px from the image's upper left border, this package from the first pixel's centre.
_BORDER_TO_CENTRE_PX = -0.5


class Detections(Sequence[Detection]):
    """The people that a detector found in one image.

    Parameters
    ----------
    items : in this package's convention: px with pixel centres at integers, boxes by their centre
    """

    def __init__(self, items: Iterable[Detection] = ()) -> None:
        self._items = tuple(items)

    def __len__(self) -> int:
        return len(self._items)

    def __iter__(self) -> Iterator[Detection]:
        return iter(self._items)

    def __getitem__(self, index):
        return self._items[index]

    @classmethod
    def from_xyxy(
        cls,
        boxes_xyxy_px: Any,
        scores: Sequence[float] | None = None,
        ids: Sequence[str | int] | None = None,
        coco17_px: Any = None,
    ) -> Detections:
        """Boxes by their corners, as torchvision, Ultralytics (`boxes.xyxy`) and most others give them.

        Parameters
        ----------
        boxes_xyxy_px : (N, 4) left, top, right, bottom in px from the image's upper left border
        scores : (N,) 0..1; None: 1
        ids : (N,) of a tracker; None: it does not track
        coco17_px : (N, 17, 2) joints in COCO's order, NaN where unknown; None: it finds none

        Raises
        ------
        ValueError : another shape, or lists of different lengths
        """
        boxes = np.asarray(boxes_xyxy_px, dtype=np.float64)
        boxes = boxes.reshape(0, 4) if boxes.size == 0 else boxes
        if boxes.ndim != 2 or boxes.shape[1] != 4:
            raise ValueError(f"boxes have shape {boxes.shape}, expected (N, 4): left, top, right, bottom")
        count = len(boxes)
        joints = [None] * count if coco17_px is None else list(np.asarray(coco17_px, dtype=np.float64))
        columns = {
            "scores": [1.0] * count if scores is None else list(scores),
            "ids": [""] * count if ids is None else list(ids),
            "coco17_px": joints,
        }
        for name, column in columns.items():
            if len(column) != count:
                raise ValueError(f"{name} has {len(column)} entries, expected {count}, one a box")
        return cls(
            Detection(
                xywh_center_from_xyxy(box + _BORDER_TO_CENTRE_PX),
                float(score),
                str(name),
                None if points is None else joints_of("coco17", points + _BORDER_TO_CENTRE_PX),
            )
            for box, score, name, points in zip(boxes, *columns.values(), strict=True)
        )

    @classmethod
    def from_coco(cls, annotations: Iterable[Mapping[str, Any]]) -> Detections:
        """The people among the results or annotations of one image in COCO's format.

        Parameters
        ----------
        annotations : each with "bbox" [left, top, width, height] px and, where there are any, "score",
            "category_id" (1 is a person; without it everybody is one) and "keypoints" (51 numbers
            x, y, v; v = 0 is unknown)

        Raises
        ------
        ValueError : a bbox or keypoints of another length
        """
        people = [a for a in annotations if a.get("category_id", _COCO_PERSON) == _COCO_PERSON]
        boxes, joints = [], []
        for annotation in people:
            box = np.asarray(annotation["bbox"], dtype=np.float64)
            if box.shape != (4,):
                raise ValueError(f"bbox is {annotation['bbox']}, expected [left, top, width, height]")
            boxes.append([*box[:2], *(box[:2] + box[2:])])
            joints.append(_coco_joints(annotation.get("keypoints")))
        scores = [annotation.get("score", 1.0) for annotation in people]
        return cls.from_xyxy(boxes, scores, coco17_px=np.reshape(joints, (-1, 17, 2)))

    @classmethod
    def from_yolo(cls, rows: Any, size_wh_px: tuple[int, int]) -> Detections:
        """The people among the lines of a YOLO label file.

        Parameters
        ----------
        rows : (N, 5) or (N, 6): class (0 is a person), centre x, centre y, width, height in shares of
            the image, and the score; or the text of the file
        size_wh_px : of the image

        Raises
        ------
        ValueError : another number of columns, or numbers that are no shares
        """
        if isinstance(rows, str):
            rows = [[float(word) for word in line.split()] for line in rows.splitlines() if line.strip()]
        table = np.asarray(rows, dtype=np.float64)
        table = table.reshape(0, 6) if table.size == 0 else table
        if table.ndim != 2 or table.shape[1] not in (5, 6):
            raise ValueError(f"rows have shape {table.shape}, expected (N, 5) or (N, 6)")
        table = table[table[:, 0] == _YOLO_PERSON]
        if table.size and not (np.abs(table[:, 1:5]) <= 2.0).all():
            raise ValueError("boxes are not in shares of the image (0 to 1); for px use from_xyxy")
        centre, half = table[:, 1:3] * size_wh_px, 0.5 * table[:, 3:5] * size_wh_px
        scores = table[:, 5] if table.shape[1] == 6 else None
        return cls.from_xyxy(np.concatenate([centre - half, centre + half], axis=1), scores)


def _coco_joints(keypoints: Sequence[float] | None) -> np.ndarray:
    """(17, 2) px, NaN where unknown."""
    if keypoints is None:
        return np.full((17, 2), np.nan)
    points = np.asarray(keypoints, dtype=np.float64)
    if points.shape != (51,):
        raise ValueError(f"keypoints have {points.size} numbers, expected 51: x, y, v of 17 joints")
    points = points.reshape(17, 3)
    return np.where(points[:, 2:] > 0.0, points[:, :2], np.nan)
