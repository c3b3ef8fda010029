"""How many people a detector finds and how many of its boxes are nobody labelled, by distance."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np

from hdnet_ros.core.boxes import intersection_over_union, xyxy_from_xywh_center
from hdnet_ros.core.types import Detection
from hdnet_ros.data.measured_pictures import DISTANCES_M
from hdnet_ros.data.labelled import LabelledPicture

FOUND_IOU = 0.5


@dataclass
class DetectorRows:
    """One row per labelled person, one per box that is nobody labelled.

    Attributes
    ----------
    true_m : depth of each labelled person
    found : whether a box overlaps them by an IoU of 0.5 or more; a box counts for one person
    groups : names of the groups that each person counts in
    others : (picture, box x0 y0 x1 y1 px, score, estimated m, existence) of each further box
    gated_people, gated_others : how many of each the gate of existence takes for nobody
    pictures : with the boxes that found somebody in place of the labelled ones
    """

    true_m: list[float] = field(default_factory=list)
    found: list[bool] = field(default_factory=list)
    groups: list[frozenset[str]] = field(default_factory=list)
    others: list[tuple[str, list[float], float, float, float]] = field(default_factory=list)
    gated_people: int = 0
    gated_others: int = 0
    pictures: list[LabelledPicture] = field(default_factory=list)

    def figures(self, by_group: bool = True) -> dict:
        """Recall and precision, and both by distance; recall by group; boxes that are nobody labelled."""
        true_m, found = np.array(self.true_m), np.array(self.found, dtype=bool)
        other_m = np.array([other[3] for other in self.others])
        figures = {"all": _shares(found, len(self.others))}
        for low, high in zip(DISTANCES_M[:-1], DISTANCES_M[1:]):
            here, there = ((m >= low) & (m < high) for m in (true_m, other_m))
            if here.any():
                figures[f"{low:g} to {high:g} m"] = _shares(found[here], int(there.sum()))
        groups = set().union(*self.groups) - set(figures) if by_group else ()
        for name in sorted(groups):
            chosen = np.array([name in group for group in self.groups], dtype=bool)
            figures[name] = {"people": int(chosen.sum()), "recall": float(found[chosen].mean())}
        return figures | {
            "taken for nobody, of the people found": self.gated_people,
            "taken for nobody, of the other boxes": self.gated_others,
            "other boxes": {
                f"{n}: {picture}": f"x {box[0]:.0f}..{box[2]:.0f}, y {box[1]:.0f}..{box[3]:.0f} px, score "
                f"{score:.2f}, {metres:.1f} m, existence {existence:.2f}"
                for n, (picture, box, score, metres, existence) in enumerate(self.others, 1)
            },
        }


def run_detector(
    detect: Callable[[np.ndarray], Sequence[Detection]],
    judge,
    pictures: Iterable[LabelledPicture],
    min_existence: float,
) -> DetectorRows:
    """Detect in every picture and pair boxes with the labelled people, best score first.

    Parameters
    ----------
    judge : the estimator that says how far away a box is and whether somebody is in it
    """
    rows = DetectorRows()
    for number, picture in enumerate(pictures):
        boxes = list(detect(picture.image_rgb))
        owner = _owners(boxes, [d.box_xywh_center_px for d in picture.detections])
        _note_people(rows, picture, boxes, owner)
        named = [dataclasses.replace(box, id=str(i)) for i, box in enumerate(boxes)]
        for person in judge.localize(picture.image_rgb, named, picture.camera):
            i = int(person.id)
            is_nobody = person.existence < min_existence
            if owner[i] is not None:
                rows.gated_people += is_nobody
                continue
            rows.gated_others += is_nobody
            corners = xyxy_from_xywh_center(boxes[i].box_xywh_center_px).tolist()
            metres = float(person.root_camera_mm[2]) / 1000.0
            rows.others.append((picture.name or str(number), corners, boxes[i].score, metres, person.existence))
    return rows


def _owners(boxes: Sequence[Detection], labelled: Sequence[np.ndarray]) -> list[int | None]:
    """Number of the labelled person that each box found, None for boxes beside all."""
    free = set(range(len(labelled)))
    truth = xyxy_from_xywh_center(np.array(labelled, dtype=np.float64).reshape(-1, 4))
    owner: list[int | None] = [None] * len(boxes)
    for i in sorted(range(len(boxes)), key=lambda i: -boxes[i].score):
        iou = intersection_over_union(xyxy_from_xywh_center(boxes[i].box_xywh_center_px), truth)
        best = max(free, key=lambda k: iou[k], default=None)
        if best is not None and iou[best] >= FOUND_IOU:
            owner[i] = best
            free.discard(best)
    return owner


def _note_people(rows: DetectorRows, picture: LabelledPicture, boxes, owner: list[int | None]) -> None:
    found_by = {person: i for i, person in enumerate(owner) if person is not None}
    rows.true_m += (picture.depth_mm / 1000.0).tolist()
    rows.found += [k in found_by for k in range(len(picture.detections))]
    rows.groups += list(picture.groups) or [frozenset()] * len(picture.detections)
    kept = sorted(found_by)
    if kept:
        found = [boxes[found_by[k]] for k in kept]
        rows.pictures.append(dataclasses.replace(picture.of_people(kept), detections=found))


def _shares(found: np.ndarray, others: int) -> dict[str, float]:
    hits = int(found.sum())
    return {
        "people": len(found),
        "recall": hits / len(found) if len(found) else float("nan"),
        "boxes": hits + others,
        "precision": hits / (hits + others) if hits + others else float("nan"),
    }
