"""What markers show of a person: plain numbers, neither a message nor a core type."""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True, eq=False)
class PersonView:
    """One person in the frame of the image's header, in metres.

    Parameters
    ----------
    number : unique to the track within a run; becomes the marker id
    id : the track's id, as text
    root_m : (3,) root joint
    depth_sigma_m : one standard deviation of root_m[2]
    joints_m : (J, 3) joints, NaN where unknown; without a 3D pose all lie at the root's depth
    """

    number: int
    id: str
    root_m: np.ndarray
    depth_sigma_m: float
    joints_m: np.ndarray


@dataclass(frozen=True, eq=False)
class TrackView:
    """One followed person in the tracking frame, in metres.

    Parameters
    ----------
    number : as in PersonView
    position_m, velocity_m_s : (3,)
    covariance_m2 : (3, 3) of the position
    is_moving : whether the velocity is worth an arrow
    is_seen : False while coasting
    """

    number: int
    position_m: np.ndarray
    velocity_m_s: np.ndarray
    covariance_m2: np.ndarray
    is_moving: bool
    is_seen: bool
