"""What goes into an estimator and what comes out of it; millimetres, source pixels, camera frame."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from enum import IntFlag

import numpy as np

from hdnet_ros.core.human_size import STATURE_SIGMA_RELATIVE
from hdnet_ros.core.skeleton import JOINT_NAMES


# Nobody is recognised as a person from farther away.
FARTHEST_MM = 1e8
# What arithmetic throws at numbers that are too large, too small or singular.
NUMERIC_ERRORS = (ArithmeticError, ValueError, np.linalg.LinAlgError)


class PersonFlags(IntFlag):
    """Reasons to trust an estimate less; the values are those of PersonRoot.msg."""

    NONE = 0
    TRUNCATED_BOX = 1
    OUT_OF_TRAINED_RANGE = 2
    IMPLAUSIBLE_HEIGHT = 4
    UNTRACKED_ID = 8
    SHARED_JOINTS = 16
    NOBODY = 32


@dataclass(frozen=True, eq=False)
class Detection:
    """One person's box; pixel centres lie at integer coordinates.

    Parameters
    ----------
    box_xywh_center_px : (4,) centre x, centre y, width, height in px of the image
    score : the detector's confidence, 0..1
    id : the detector's track id, empty when it does not track
    joints_px : (17, 2) joints from another 2D pose estimator in px of the image, NaN where it has
        none; or None
    """

    box_xywh_center_px: np.ndarray
    score: float = 1.0
    id: str = ""
    joints_px: np.ndarray | None = None

    def __post_init__(self) -> None:
        box = np.array(self.box_xywh_center_px, dtype=np.float64)
        if box.shape != (4,):
            raise ValueError(f"box has shape {box.shape}, expected (4,): x, y, width, height")
        object.__setattr__(self, "box_xywh_center_px", box)
        if self.joints_px is not None:
            joints = np.array(self.joints_px, dtype=np.float64)
            if joints.shape != (len(JOINT_NAMES), 2):
                raise ValueError(f"joints_px has shape {joints.shape}, expected (17, 2)")
            object.__setattr__(self, "joints_px", joints)


@dataclass(frozen=True, eq=False)
class PersonEstimate:
    """One person located in the camera frame.

    Parameters
    ----------
    id, score, box_xywh_center_px : as detected
    root_camera_mm : (3,) root joint in the camera's optical frame, mm
    depth_sigma_mm : one standard deviation of root_camera_mm[2], mm
    normalised_depth : r = depth / f_in * 0.001 * input px, mm per px of the paper's patch
    focal_px : sqrt(fx fy) of the source camera, px
    patch_px : side P of the square patch, in source px
    patch_focal_px : focal length of the network's input, in its own px
    joints_px : (17, 2) source px, NaN where there is no estimate
    joint_confidence : (17,) 0..1
    joints_camera_mm : (17, 3) mm, or None without a 3D pose
    root_network_camera_mm : (3,) where the joints are those of the detection, the root at the
        network's own pixel; else None
    box_ray_camera, turned_box_wh_px : (3,) and (2,) of a fisheye's box, see `turned_box` in
        core/boxes.py; None where box_xywh_center_px is taken for a pinhole's
    flags : reasons to trust the estimate less
    stature_mm : body height over the floor, mm; NaN where no floor is known (core/ground.py)
    existence : 0..1, that somebody is in the box at all, as the estimator judges it; 1 where it does not
    child_probability : 0..1, that the person is a child below 16 years; NaN where the estimator does not say
    estimator_share : weight of the estimator in root_camera_mm[2]; below 1 where the floor has the rest
    """

    id: str
    score: float
    box_xywh_center_px: np.ndarray
    root_camera_mm: np.ndarray
    depth_sigma_mm: float
    normalised_depth: float
    focal_px: float
    patch_px: float
    patch_focal_px: float
    joints_px: np.ndarray = field(default_factory=lambda: np.full((len(JOINT_NAMES), 2), np.nan))
    joint_confidence: np.ndarray = field(default_factory=lambda: np.zeros(len(JOINT_NAMES)))
    joints_camera_mm: np.ndarray | None = None
    root_network_camera_mm: np.ndarray | None = None
    box_ray_camera: np.ndarray | None = None
    turned_box_wh_px: np.ndarray | None = None
    flags: PersonFlags = PersonFlags.NONE
    stature_mm: float = np.nan
    estimator_share: float = 1.0
    existence: float = 1.0
    child_probability: float = np.nan

    def problem(self) -> str | None:
        """Why this cannot be somebody's place, in words with its values, or None when it can."""
        root, sigma_mm = self.root_camera_mm, self.depth_sigma_mm
        others = (sigma_mm, self.normalised_depth, self.focal_px, self.patch_px, self.patch_focal_px, self.score)
        if not (np.isfinite(root).all() and np.isfinite(others).all()):
            return "the result is not finite"
        if not (root[2] > 0.0 and sigma_mm > 0.0):
            return f"the result is a depth of {root[2]:g} mm with a sigma of {sigma_mm:g} mm, expected above 0"
        if max(np.abs(root).max(), sigma_mm) > FARTHEST_MM:
            return f"the result is {np.abs(root).max() / 1e6:g} km away, expected below {FARTHEST_MM / 1e6:g}"
        return None

    def moved(self, offset_mm: Sequence[float]) -> PersonEstimate:
        """The same person in a frame whose origin is at -offset_mm (3,), axes kept.

        With a camera's `centre_mm`: from its optical centre to the frame that results are told in.
        """
        if not any(offset_mm):
            return self
        offset = np.asarray(offset_mm)
        joints, own_root = (
            None if points is None else points + offset
            for points in (self.joints_camera_mm, self.root_network_camera_mm)
        )
        root = self.root_camera_mm + offset
        return replace(self, root_camera_mm=root, joints_camera_mm=joints, root_network_camera_mm=own_root)


@dataclass(frozen=True)
class SigmaCalibration:
    """How the spread of the predicted bins becomes a sigma of depth.

    Parameters
    ----------
    temperature : divides the bin logits before the spread is taken
    floor_relative : share of the depth that no prediction undercuts; 0.056 is the RMS error that
        unknown body heights of adults leave to any monocular method
    """

    temperature: float = 1.0
    floor_relative: float = STATURE_SIGMA_RELATIVE

    def __post_init__(self) -> None:
        if not (np.isfinite(self.temperature) and self.temperature > 0.0):
            raise ValueError(f"temperature is {self.temperature}, expected a positive number")
        if not (np.isfinite(self.floor_relative) and self.floor_relative >= 0.0):
            raise ValueError(f"floor_relative is {self.floor_relative}, expected at least 0")

    def sigma_mm(self, depth_mm, spread_log):
        """Sigma of depth in mm from the depth and the std of its logarithm."""
        return np.sqrt(np.square(spread_log) + self.floor_relative**2) * depth_mm
