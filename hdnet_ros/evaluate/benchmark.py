"""Estimators on labelled people: depth errors, coverage and joints, one row per person."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np

from hdnet_ros.core.camera import Camera
from hdnet_ros.core.skeleton import JOINT_NAMES
from hdnet_ros.core.types import Detection, PersonEstimate
from hdnet_ros.evaluate.depth_error import coverage, pck, summarise
from hdnet_ros.evaluate.pose_error import pose_errors


@dataclass(frozen=True, eq=False)
class Truth:
    """Everybody annotated in a picture, whether or not a detection found them.

    Joints are in the order of core/skeleton; NaN where the annotation has no such joint.

    Attributes
    ----------
    root_camera_mm : (G, 3).
    joints_camera_mm : (G, 17, 3).
    joints_px : (G, 17, 2).
    is_valid : (G,) bool; the others are annotated but do not count.
    joint_occluded : (G, 17) bool, or None where the files do not say.
    universal_joints_mm : (G, 17, 3) joints of the skeleton of universal size, or None.
    """

    root_camera_mm: np.ndarray
    joints_camera_mm: np.ndarray
    joints_px: np.ndarray
    is_valid: np.ndarray
    joint_occluded: np.ndarray | None = None
    universal_joints_mm: np.ndarray | None = None


@dataclass(frozen=True, eq=False)
class LabelledPicture:
    """A picture, its camera, and for each detection the true depth and what else is known.

    Attributes
    ----------
    image_rgb : (H, W, 3) uint8.
    detections : N boxes.
    depth_mm : (N,) true depth of the root, NaN where the detection is nobody annotated.
    joints_px : (N, 17, 2) or None.
    joint_visible : (N, 17) bool or None.
    tight_longer_side_px : (N,) or None; the unit of PCK.
    groups : N sets of names this person counts in ("upright adult", "child", ...).
    root_camera_mm : (N, 3) or None; the whole root, where more than its depth is known.
    stature_mm, visible_fraction : (N,) or None; body height, and the share of the body that shows.
    truncated : (N,) bool or None; the picture's edge cuts the person.
    name : what the picture is called in a report.
    joints_camera_mm : (N, 17, 3) true joints, NaN where unknown, or None.
    given_joints_px : (N, 17, 2) joints that another 2D estimator found and the files bring, or None.
    ids : N names of the people in the annotation, or empty.
    sequence, action : what the picture belongs to; empty where the set has no such thing.
    frame : number in its sequence, or None.
    truth : everybody annotated, for metrics that pair people themselves, or None.
    """

    image_rgb: np.ndarray
    camera: Camera
    detections: Sequence[Detection]
    depth_mm: np.ndarray
    joints_px: np.ndarray | None = None
    joint_visible: np.ndarray | None = None
    tight_longer_side_px: np.ndarray | None = None
    groups: Sequence[frozenset[str]] = ()
    root_camera_mm: np.ndarray | None = None
    stature_mm: np.ndarray | None = None
    visible_fraction: np.ndarray | None = None
    truncated: np.ndarray | None = None
    name: str = ""
    joints_camera_mm: np.ndarray | None = None
    given_joints_px: np.ndarray | None = None
    ids: Sequence[str] = ()
    sequence: str = ""
    action: str = ""
    frame: int | None = None
    truth: Truth | None = None


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
        if not self.true_joints_px:
            return None
        return pck(
            np.array(self.joints_px), np.array(self.true_joints_px),
            np.array(self.joint_visible), np.array(self.longer_side_px),
        )

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
    rows.joints_px.append(person.joints_px)
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
