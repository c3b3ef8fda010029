"""Errors of 3D poses: MPJPE and 3DPCK at 150 mm, absolute and root-relative, and of the heading."""

from __future__ import annotations

import numpy as np

from hdnet_ros.core.heading import CAMERA_UP, JOINT_SIGMA_MM, heading_of
from hdnet_ros.core.skeleton import JOINT_NAMES, ROOT

THRESHOLD_MM = 150.0
PROTOCOL = (
    "3D pose: mean distance of all 17 joints from the true ones (MPJPE, mm) and share nearer than 150 mm (3DPCK), "
    "without any alignment or rescaling; 'absolute' in the camera frame, 'relative' after both pelvises are put at "
    "the origin. Joints that are hidden count. 'heading' is the angle between the level directions out of the "
    "chest, from hips and shoulders, with the camera taken to be level, of those people who have one."
)


def pose_errors(joints_camera_mm: np.ndarray, true_joints_camera_mm: np.ndarray) -> dict[str, float]:
    """Mean errors of N people's poses.

    Parameters
    ----------
    joints_camera_mm, true_joints_camera_mm : (N, 17, 3) mm; a joint that is NaN on either side does
        not count, nor does a person without any

    Returns
    -------
    people; mpjpe_absolute_mm, mpjpe_relative_mm and, of the latter, depth_relative_mm along z;
    pck_absolute, pck_relative 0 to 1; heading_known, the share of true headings that have an
    estimate, and of those heading_median_deg, heading_p90_deg and heading_joint_sigma_mm, the
    `JOINT_SIGMA_MM` of core/heading with which 68 % of the headings would be within one sigma;
    NaN without anybody
    """
    found = np.asarray(joints_camera_mm, np.float64).reshape(-1, len(JOINT_NAMES), 3)
    true = np.asarray(true_joints_camera_mm, np.float64).reshape(found.shape)
    kept = np.isfinite(found + true).all(axis=-1).any(axis=-1)
    found, true = found[kept], true[kept]
    relative = (found - found[:, ROOT : ROOT + 1]) - (true - true[:, ROOT : ROOT + 1])
    absolute_mm, relative_mm = (np.linalg.norm(d, axis=-1) for d in (found - true, relative))
    # The pelvis is at the origin by definition; it would only make the mean look better.
    relative_mm, depth_mm = np.delete(relative_mm, ROOT, 1), np.delete(np.abs(relative[..., 2]), ROOT, 1)
    turned_deg, sigma_deg = heading_errors_deg(found, true)
    has_heading = np.isfinite(turned_deg)
    turned_deg, sigma_deg = turned_deg[has_heading], sigma_deg[has_heading]
    return {
        "people": len(found),
        "mpjpe_absolute_mm": _mean(absolute_mm),
        "mpjpe_relative_mm": _mean(relative_mm),
        "depth_relative_mm": _mean(depth_mm),
        "pck_absolute": _share_within(absolute_mm),
        "pck_relative": _share_within(relative_mm),
        "heading_known": float(has_heading.mean()) if has_heading.size else float("nan"),
        "heading_median_deg": _percentile(turned_deg, 50),
        "heading_p90_deg": _percentile(turned_deg, 90),
        "heading_joint_sigma_mm": _percentile(turned_deg / sigma_deg, 68) * JOINT_SIGMA_MM,
    }


def heading_errors_deg(
    joints_camera_mm: np.ndarray, true_joints_camera_mm: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Angles (M,) between true and estimated headings, 0 to 180, and the sigmas (M,) of the estimates.

    Of those of N people whose true pose has a heading; NaN where the estimated one has none.
    """
    errors, sigmas = [], []
    for joints in zip(joints_camera_mm, true_joints_camera_mm, strict=True):
        found, true = (heading_of(pose_mm, CAMERA_UP) for pose_mm in joints)
        if true is not None:
            cosine = np.nan if found is None else np.clip(found.forward @ true.forward, -1.0, 1.0)
            errors.append(np.degrees(np.arccos(cosine)))
            sigmas.append(np.nan if found is None else np.degrees(found.sigma_rad))
    return np.array(errors), np.array(sigmas)


def _mean(values: np.ndarray) -> float:
    values = values[np.isfinite(values)]
    return float(values.mean()) if values.size else float("nan")


def _share_within(distances_mm: np.ndarray) -> float:
    known = distances_mm[np.isfinite(distances_mm)]
    return float((known < THRESHOLD_MM).mean()) if known.size else float("nan")


def _percentile(values: np.ndarray, share: float) -> float:
    return float(np.percentile(values, share)) if values.size else float("nan")
