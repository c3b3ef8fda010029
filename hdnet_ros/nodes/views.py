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
