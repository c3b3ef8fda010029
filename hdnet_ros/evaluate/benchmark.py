"""Estimators on labelled people: depth errors, coverage and joints, one row per person."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable
from dataclasses import dataclass, field

import numpy as np

from hdnet_ros.core.skeleton import JOINT_NAMES
from hdnet_ros.core.types import PersonEstimate
from hdnet_ros.data.labelled import LabelledPicture
from hdnet_ros.evaluate.depth_error import coverage, summarise
from hdnet_ros.evaluate.joint_error import joint_errors, pck
from hdnet_ros.evaluate.pose_error import pose_errors


@dataclass
class Rows:
    """Columns over all people, filled by `run`; `lost` counts the boxes without an estimate.

    `key` is (picture, detection). What a picture does not know is NaN (`truncated`: None); the
    columns of the true joints stay empty where the pictures have none.
    """

    key: list = field(default_factory=list)
    estimated_mm: list = field(default_factory=list)
    sigma_mm: list = field(default_factory=list)
    true_mm: list = field(default_factory=list)
    joints_px: list = field(default_factory=list)
    true_joints_px: list = field(default_factory=list)
    joint_visible: list = field(default_factory=list)
    longer_side_px: list = field(default_factory=list)
    groups: list = field(default_factory=list)
    joints_camera_mm: list = field(default_factory=list)
    true_joints_camera_mm: list = field(default_factory=list)
    root_camera_mm: list = field(default_factory=list)
    true_root_camera_mm: list = field(default_factory=list)
    stature_mm: list = field(default_factory=list)
    visible_fraction: list = field(default_factory=list)
    truncated: list = field(default_factory=list)
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
        columns = self._joint_columns()
        return None if columns is None else pck(*columns)

    def joints(self) -> dict[str, float] | None:
        """Errors of the joints in the picture as `joint_errors`, or None without joints."""
        columns = self._joint_columns()
        return None if columns is None else joint_errors(*columns)

    def _joint_columns(self) -> tuple[np.ndarray, ...] | None:
        if not np.any(self.joint_visible) or not np.isfinite(np.array(self.joints_px, float)).any():
            return None
        names = ("joints_px", "true_joints_px", "joint_visible", "longer_side_px")
        return tuple(np.array(getattr(self, name)) for name in names)

    def pose(self) -> dict[str, dict] | None:
        """Errors of the 3D pose for everyone and for each group, or None where nobody has one."""
        found, true = (np.array(c, float) for c in (self.joints_camera_mm, self.true_joints_camera_mm))
        if not np.isfinite(found).any() or not np.isfinite(true).any():
            return None
        errors = {"everyone": pose_errors(found, true)}
        for name in sorted(set().union(*self.groups)):
            chosen = np.array([name in group for group in self.groups], bool)
            errors[name] = pose_errors(found[chosen], true[chosen])
        return errors


def run(estimator, pictures: Iterable[LabelledPicture]) -> Rows:
    """Localise everyone in every picture; people the estimator rejects are counted in `lost`.

    Detections that are nobody annotated (depth NaN) count nowhere.
    """
    rows = Rows()
    for number, picture in enumerate(pictures):
        known = np.isfinite(picture.depth_mm)
        people = [(i, person) for i, person in localize_all(estimator, picture) if known[i]]
        rows.lost += int(known.sum()) - len(people)
        for i, person in people:
            _append(rows, picture, (number, i), person)
    return rows


def localize_all(estimator, picture: LabelledPicture) -> list[tuple[int, PersonEstimate]]:
    """(number of the detection, estimate) of everyone that the estimator locates in a picture."""
    named = [dataclasses.replace(d, id=str(i)) for i, d in enumerate(picture.detections)]
    people = estimator.localize(picture.image_rgb, named, picture.camera)
    return [(int(person.id), person) for person in people]


def _append(rows: Rows, picture: LabelledPicture, key: tuple[int, int], person) -> None:
    i = key[1]
    rows.key.append(key)
    rows.estimated_mm.append(person.root_camera_mm[2])
    rows.sigma_mm.append(person.depth_sigma_mm)
    rows.true_mm.append(picture.depth_mm[i])
    rows.groups.append(picture.groups[i] if picture.groups else frozenset())
    rows.root_camera_mm.append(person.root_camera_mm)
    rows.true_root_camera_mm.append(_of(picture.root_camera_mm, i, np.full(3, np.nan)))
    rows.joints_px.append(np.full((len(JOINT_NAMES), 2), np.nan) if person.joints_px is None else person.joints_px)
    no_pose = np.full((len(JOINT_NAMES), 3), np.nan)
    rows.joints_camera_mm.append(no_pose if person.joints_camera_mm is None else person.joints_camera_mm)
    rows.true_joints_camera_mm.append(_of(picture.joints_camera_mm, i, no_pose))
    rows.stature_mm.append(_of(picture.stature_mm, i, np.nan))
    rows.visible_fraction.append(_of(picture.visible_fraction, i, np.nan))
    rows.truncated.append(_of(picture.truncated, i, None))
    if picture.joints_px is not None:
        rows.true_joints_px.append(picture.joints_px[i])
        rows.joint_visible.append(picture.joint_visible[i])
        rows.longer_side_px.append(picture.tight_longer_side_px[i])


def _of(column, i: int, missing):
    return missing if column is None else column[i]
