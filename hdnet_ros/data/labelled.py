"""Pictures of people with the truth about them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from hdnet_ros.core.camera import Camera
from hdnet_ros.core.types import Detection, PersonEstimate


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

    def of_people(self, chosen: Sequence[int]) -> LabelledPicture:
        """The same picture with some of its detections, by number, and what is known of those."""
        columns = {name: getattr(self, name) for name in _COLUMNS if getattr(self, name) is not None}
        arrays = {name: column[list(chosen)] for name, column in columns.items()}
        lists = {name: [getattr(self, name)[i] for i in chosen] for name in _LISTS if len(getattr(self, name))}
        return replace(self, **arrays, **lists)


_LISTS = ("detections", "groups", "ids")
_COLUMNS = (
    "depth_mm", "joints_px", "joint_visible", "tight_longer_side_px", "root_camera_mm", "stature_mm",
    "visible_fraction", "truncated", "joints_camera_mm", "given_joints_px",
)  # fmt: skip


@dataclass(frozen=True, eq=False)
class TruePerson:
    """Where somebody is and how they move, tracking frame, mm and mm/s; velocity NaN where unknown."""

    position_mm: np.ndarray
    velocity_mm_s: np.ndarray


@dataclass(frozen=True, eq=False)
class TrackingPicture:
    """What a tracker gets of one picture, and the truth about it.

    Parameters
    ----------
    stamp_ns : of the picture
    camera_to_tracking : (4, 4) pose of the camera, mm
    persons : estimates without ids
    true_ids : for each estimate whose box it is; empty for a false one
    truth : everybody who is to be followed in this picture, by id
    """

    stamp_ns: int
    camera_to_tracking: np.ndarray
    persons: Sequence[PersonEstimate]
    true_ids: Sequence[str]
    truth: dict[str, TruePerson]
