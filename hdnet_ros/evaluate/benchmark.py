"""Estimators on labelled people: depth errors, coverage and joints, one row per person."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np

from hdnet_ros.core.camera import Camera
from hdnet_ros.core.types import Detection
from hdnet_ros.evaluate.depth_error import coverage, pck, summarise


@dataclass(frozen=True, eq=False)
class LabelledPicture:
    """A picture, its camera, and for each detection the true depth and what else is known.

    Attributes
    ----------
    image_rgb : (H, W, 3) uint8.
    detections : N boxes.
    depth_mm : (N,) true depth of the root.
    joints_px : (N, 17, 2) or None.
    joint_visible : (N, 17) bool or None.
    tight_longer_side_px : (N,) or None; the unit of PCK.
    groups : N sets of names this person counts in ("upright adult", "child", ...).
    """

    image_rgb: np.ndarray
    camera: Camera
    detections: Sequence[Detection]
    depth_mm: np.ndarray
    joints_px: np.ndarray | None = None
    joint_visible: np.ndarray | None = None
    tight_longer_side_px: np.ndarray | None = None
    groups: Sequence[frozenset[str]] = ()


@dataclass
class Rows:
    """Columns over all people, filled by `run`; `lost` counts the boxes without an estimate."""

    estimated_mm: list = field(default_factory=list)
    sigma_mm: list = field(default_factory=list)
    true_mm: list = field(default_factory=list)
    joints_px: list = field(default_factory=list)
    true_joints_px: list = field(default_factory=list)
    joint_visible: list = field(default_factory=list)
    longer_side_px: list = field(default_factory=list)
    groups: list = field(default_factory=list)
    lost: int = 0

    def table(self) -> dict[str, dict]:
        """Error summary for everyone and for each group, coverage included."""
        columns = (self.estimated_mm, self.sigma_mm, self.true_mm)
        estimated, sigma, true = (np.array(column, float) for column in columns)
        rows = {}
        for name in ("everyone", *sorted(set().union(*self.groups))):
            chosen = np.array([name == "everyone" or name in group for group in self.groups], bool)
            rows[name] = summarise(estimated[chosen], true[chosen])
            rows[name]["coverage"] = coverage(estimated[chosen], sigma[chosen], true[chosen])
        return rows

    def pck(self) -> np.ndarray | None:
        """PCK at 0.1 of the tight box's longer side per joint and overall, or None without joints."""
        if not self.true_joints_px:
            return None
        return pck(
            np.array(self.joints_px), np.array(self.true_joints_px),
            np.array(self.joint_visible), np.array(self.longer_side_px),
        )


def run(estimator, pictures: Iterable[LabelledPicture]) -> Rows:
    """Localise everyone in every picture; people the estimator rejects are counted in `lost`."""
    rows = Rows()
    for picture in pictures:
        named = [
            Detection(box_xywh_center_px=d.box_xywh_center_px, score=d.score, id=str(i))
            for i, d in enumerate(picture.detections)
        ]
        people = estimator.localize(picture.image_rgb, named, picture.camera)
        rows.lost += len(named) - len(people)
        for person in people:
            _append(rows, picture, int(person.id), person)
    return rows


def _append(rows: Rows, picture: LabelledPicture, i: int, person) -> None:
    rows.estimated_mm.append(person.root_camera_mm[2])
    rows.sigma_mm.append(person.depth_sigma_mm)
    rows.true_mm.append(picture.depth_mm[i])
    rows.groups.append(picture.groups[i] if picture.groups else frozenset())
    if picture.joints_px is not None:
        rows.joints_px.append(person.joints_px)
        rows.true_joints_px.append(picture.joints_px[i])
        rows.joint_visible.append(picture.joint_visible[i])
        rows.longer_side_px.append(picture.tight_longer_side_px[i])
