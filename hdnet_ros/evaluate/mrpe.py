"""Mean root position error (MRPE) in mm, along each axis and by action."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from hdnet_ros.core.camera import Camera

PROTOCOL = (
    "MRPE: mean distance of the estimated root from the true one over all people, mm, without any alignment; "
    "x, y, z are means of the absolute differences along the camera's axes. People whom the estimator "
    "rejects are not in the means; 'lost' counts them."
)


def mrpe(estimated_camera_mm: np.ndarray, true_camera_mm: np.ndarray) -> dict[str, float]:
    """Mean errors of roots.

    Parameters
    ----------
    estimated_camera_mm, true_camera_mm : (N, 3) mm; rows with a NaN on either side do not count

    Returns
    -------
    people, and mrpe, x, y, z in mm; NaN without anybody
    """
    estimated = np.asarray(estimated_camera_mm, dtype=np.float64).reshape(-1, 3)
    difference = estimated - np.asarray(true_camera_mm, dtype=np.float64).reshape(-1, 3)
    difference = difference[np.isfinite(difference).all(axis=1)]
    if not len(difference):
        return {"people": 0} | dict.fromkeys(("mrpe", "x", "y", "z"), float("nan"))
    x, y, z = np.abs(difference).mean(axis=0)
    total = np.linalg.norm(difference, axis=1).mean()
    return {"people": len(difference), "mrpe": float(total), "x": float(x), "y": float(y), "z": float(z)}


def mrpe_by_action(
    estimated_camera_mm: np.ndarray, true_camera_mm: np.ndarray, actions: Sequence[str]
) -> dict[str, dict[str, float]]:
    """`mrpe` of each action, in order of first appearance; people without an action are left out."""
    estimated, true = (np.asarray(a, float).reshape(-1, 3) for a in (estimated_camera_mm, true_camera_mm))
    names = np.asarray(actions, dtype=object)
    return {a: mrpe(estimated[names == a], true[names == a]) for a in dict.fromkeys(actions) if a}


def with_given_pixel(root_camera_mm: np.ndarray, root_px: np.ndarray, camera: Camera) -> np.ndarray:
    """Root (3,) at the estimate's depth on the ray of a given pixel (2,): another estimator's (u, v)."""
    return camera.backproject(root_px, root_camera_mm[2])
