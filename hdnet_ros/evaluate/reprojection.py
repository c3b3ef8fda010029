"""The root by optimisation: where a known 3D pose must stand to project onto its 2D joints.

The baselines of Table 1 (first in Moon et al., ICCV 2019): a 2D pose and a root-relative 3D pose,
and the translation between them that minimises the reprojection error, over all joints, over the
torso alone, or over whichever joints agree (RANSAC). All scale errors of the 3D pose go into depth.
"""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass

import numpy as np
from scipy.optimize import least_squares

from hdnet_ros.core.camera import Camera
from hdnet_ros.core.skeleton import JOINT_NAMES

VARIANTS = ("all", "torso", "ransac")
TORSO = tuple(
    JOINT_NAMES.index(name)
    for name in ("pelvis", "right_hip", "left_hip", "spine", "thorax", "left_shoulder", "right_shoulder")
)
"""The joints of "without limb joints"."""

_LEAST_JOINTS = 2
_LEAST_DEPTH_MM = 1.0
# A few joints that were all found at one place fit best infinitely far, as do poses upside down.
_FARTHEST_MM = 1e6


@dataclass(frozen=True)
class Ransac:
    """Settings of the variant "ransac".

    Parameters
    ----------
    subset : joints that each trial fits
    trials : most trials; all subsets are tried where there are no more than these
    inlier_share : a joint agrees when it is off by less than this share of the longer side of the
        2D joints' bounding box
    seed : of the subsets
    """

    subset: int = 4
    trials: int = 200
    inlier_share: float = 0.03
    seed: int = 0

    def __post_init__(self) -> None:
        if self.subset < _LEAST_JOINTS or self.trials < 1 or not self.inlier_share > 0.0:
            raise ValueError(f"{self}, expected subset >= {_LEAST_JOINTS}, trials >= 1, inlier_share > 0")


@dataclass(frozen=True, eq=False)
class RootFit:
    """Where the root must be.

    Attributes
    ----------
    root_camera_mm : (3,) in the camera's optical frame
    used : (J,) bool, the joints that it was fitted to
    residual_px : root mean square distance of the used joints, px
    """

    root_camera_mm: np.ndarray
    used: np.ndarray
    residual_px: float


def fit_root(
    joints_px: np.ndarray,
    pose_mm: np.ndarray,
    camera: Camera,
    variant: str = "all",
    confidence: np.ndarray | None = None,
    least_confidence: float = 0.1,
    ransac: Ransac = Ransac(),
) -> RootFit:
    """The root position that minimises the reprojection error of a root-relative pose.

    A closed form (reprojection times depth is linear in the root) starts SciPy's least squares on
    the reprojection itself, in px of the image without its lens distortion.

    Parameters
    ----------
    joints_px : (17, 2) px of the camera's image; NaN where unknown
    pose_mm : (17, 3) joints minus the root, along the axes of the camera's optical frame, mm; NaN
        where unknown
    variant : one of `VARIANTS`
    confidence : (17,) of the 2D joints; those below `least_confidence` count as unknown

    Raises
    ------
    ValueError : an unknown variant, wrong shapes, fewer than two usable joints, or a pose that fits
        nowhere within a kilometre
    """
    joints_px, pose_mm = _checked(joints_px, pose_mm, variant)
    rays = camera.rays(joints_px)[:, :2]
    usable = np.isfinite(rays).all(axis=1) & np.isfinite(pose_mm).all(axis=1)
    if confidence is not None:
        usable &= np.asarray(confidence, dtype=np.float64) >= least_confidence
    if variant == "torso":
        usable &= np.isin(np.arange(len(usable)), TORSO)
    if usable.sum() < _LEAST_JOINTS:
        raise ValueError(f"{usable.sum()} usable joints, expected at least {_LEAST_JOINTS}")
    focal_px = camera.K[[0, 1], [0, 1]]
    if variant == "ransac":
        usable[usable] = _agreeing(rays[usable], pose_mm[usable], focal_px, ransac)
    root_mm, residual_px = _refined(rays[usable], pose_mm[usable], focal_px)
    if root_mm[2] > _FARTHEST_MM:
        raise ValueError(f"the pose fits {root_mm[2] / 1e6:.3g} km away: its 2D joints do not tell a depth")
    return RootFit(root_mm, usable, residual_px)


def _checked(joints_px, pose_mm, variant: str) -> tuple[np.ndarray, np.ndarray]:
    if variant not in VARIANTS:
        raise ValueError(f"variant is {variant!r}, expected one of {', '.join(VARIANTS)}")
    joints_px, pose_mm = (np.asarray(values, dtype=np.float64) for values in (joints_px, pose_mm))
    count = len(JOINT_NAMES)
    if joints_px.shape != (count, 2) or pose_mm.shape != (count, 3):
        raise ValueError(
            f"joints_px is {joints_px.shape}, pose_mm {pose_mm.shape}, expected ({count}, 2), ({count}, 3)"
        )
    return joints_px, pose_mm


def _closed_form(rays: np.ndarray, pose_mm: np.ndarray) -> np.ndarray:
    """Roots (..., 3) from rays (..., n, 2) with z = 1 and poses (..., n, 3).

    x (Z + t_z) = X + t_x and the same in y: two linear equations a joint. Where the rays leave the
    depth open (all of them the same), the smallest solution.
    """
    rows = np.zeros((*rays.shape, 3))
    rows[..., 0, 0] = rows[..., 1, 1] = 1.0
    rows[..., 2] = -rays
    wanted = rays * pose_mm[..., 2:] - pose_mm[..., :2]
    rows, wanted = rows.reshape(*rays.shape[:-2], -1, 3), wanted.reshape(*rays.shape[:-2], -1, 1)
    return (np.linalg.pinv(rows) @ wanted)[..., 0]


def _errors_px(roots_mm: np.ndarray, rays: np.ndarray, pose_mm: np.ndarray, focal_px) -> np.ndarray:
    """Reprojection errors (..., n, 2) px of n joints for roots (..., 3); infinite behind the camera."""
    points = pose_mm + roots_mm[..., None, :]
    depth = points[..., 2:]
    with np.errstate(all="ignore"):
        errors = (points[..., :2] / depth - rays) * focal_px
    return np.where(depth > 0.0, errors, np.inf)


def _refined(rays: np.ndarray, pose_mm: np.ndarray, focal_px) -> tuple[np.ndarray, float]:
    least_depth_mm = _LEAST_DEPTH_MM - pose_mm[:, 2].min()
    start = _closed_form(rays, pose_mm)
    # A pose that fits nowhere can be solved best behind the camera: start where all of it shows.
    start[2] = max(start[2], least_depth_mm + np.ptp(pose_mm, axis=0).max() + _LEAST_DEPTH_MM)
    result = least_squares(
        lambda root: _errors_px(root, rays, pose_mm, focal_px).ravel(),
        start,
        bounds=([-np.inf, -np.inf, least_depth_mm], np.inf),
        x_scale=np.full(3, start[2] - least_depth_mm),
    )
    return result.x, float(np.sqrt(2.0 * result.cost / len(rays)))


def _agreeing(rays: np.ndarray, pose_mm: np.ndarray, focal_px, settings: Ransac) -> np.ndarray:
    """(n,) bool: the joints that the best trial explains; its own where it explains none besides.

    The best trial has the least sum of squared errors, each cut off at the inlier threshold.
    """
    count = len(rays)
    subsets = _subsets(count, min(settings.subset, count), settings)
    roots_mm = _closed_form(rays[subsets], pose_mm[subsets])
    error_px = np.linalg.norm(_errors_px(roots_mm, rays, pose_mm, focal_px), axis=-1)
    threshold_px = settings.inlier_share * float(np.ptp(rays * focal_px, axis=0).max())
    best = int((np.minimum(error_px, threshold_px) ** 2).sum(axis=1).argmin())
    agreeing = error_px[best] <= threshold_px
    if agreeing.sum() < _LEAST_JOINTS:
        agreeing[subsets[best]] = True
    return agreeing


def _subsets(count: int, size: int, settings: Ransac) -> np.ndarray:
    """(trials, size) joint numbers, each row without repetition."""
    if math.comb(count, size) <= settings.trials:
        return np.array(list(itertools.combinations(range(count), size)))
    keys = np.random.default_rng(settings.seed).random((settings.trials, count))
    return np.argsort(keys, axis=1)[:, :size]
