"""Where a person faces, from the hips and shoulders of a 3D pose."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from hdnet_ros.core.skeleton import JOINT_NAMES

# (left, right) joints whose line crosses the body.
_ACROSS = tuple(
    (JOINT_NAMES.index(f"left_{name}"), JOINT_NAMES.index(f"right_{name}"))
    for name in ("hip", "shoulder")
)
# With it 68 % of the headings of hdnet_lite on the hold-out lie within one sigma (`hdnet eval`).
JOINT_SIGMA_MM = 84.0
_LARGEST_SIGMA_RAD = 1.0

CAMERA_UP = (0.0, -1.0, 0.0)


@dataclass(frozen=True, eq=False)
class Heading:
    """The direction out of a body, level, and how sure it is.

    Parameters
    ----------
    forward : (3,) unit vector out of the chest, perpendicular to `up`
    up : (3,) unit vector
    sigma_rad : one standard deviation of the angle about `up`
    """

    forward: np.ndarray
    up: np.ndarray
    sigma_rad: float


def heading_of(
    joints_mm: np.ndarray, up: np.ndarray, joint_sigma_mm: float = JOINT_SIGMA_MM
) -> Heading | None:
    """Heading of a body, perpendicular to the lines through its hips and its shoulders.

    Parameters
    ----------
    joints_mm : (17, 3) in any right-handed frame; NaN where unknown
    up : (3,) direction away from the ground in the same frame, any length; `CAMERA_UP` for a level
        camera's optical frame
    joint_sigma_mm : one standard deviation of a joint, along each axis

    Returns
    -------
    None where hips and shoulders are unknown, or their lines are too upright (a person who lies on
    the side) or too short to say more than 1 rad of standard deviation

    Raises
    ------
    ValueError : `up` has no direction, or a sigma that is not positive
    """
    up = np.asarray(up, dtype=np.float64)
    length = float(np.linalg.norm(up))
    if up.shape != (3,) or not np.isfinite(length) or length == 0.0:
        raise ValueError(f"up is {up.tolist()}, expected three numbers that are not all 0")
    if not (np.isfinite(joint_sigma_mm) and joint_sigma_mm > 0.0):
        raise ValueError(f"joint_sigma_mm is {joint_sigma_mm}, expected above 0")
    up = up / length
    joints = np.asarray(joints_mm, dtype=np.float64)
    lines = np.array([joints[left] - joints[right] for left, right in _ACROSS])
    known = np.isfinite(lines).all(axis=1)
    # The longer line has the more precise direction; a sum weighs it so.
    to_the_left = lines[known].sum(axis=0)
    to_the_left = to_the_left - (to_the_left @ up) * up
    width_mm = float(np.linalg.norm(to_the_left))
    noise_mm = joint_sigma_mm * np.sqrt(2.0 * np.count_nonzero(known))
    if not known.any() or width_mm * _LARGEST_SIGMA_RAD < noise_mm:
        return None
    forward = np.cross(to_the_left / width_mm, up)
    return Heading(forward, up, float(noise_mm / width_mm))
