"""The 17 joints of Human3.6M, their links, and the adjacency of the skeleton graph."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

JOINT_NAMES = (
    "pelvis",
    "right_hip",
    "right_knee",
    "right_ankle",
    "left_hip",
    "left_knee",
    "left_ankle",
    "spine",
    "thorax",
    "nose",
    "head_top",
    "left_shoulder",
    "left_elbow",
    "left_wrist",
    "right_shoulder",
    "right_elbow",
    "right_wrist",
)

ROOT = 0

LINKS = (
    (0, 1), (1, 2), (2, 3),
    (0, 4), (4, 5), (5, 6),
    (0, 7), (7, 8), (8, 9), (9, 10),
    (8, 11), (11, 12), (12, 13),
    (8, 14), (14, 15), (15, 16),
)  # fmt: skip

LEFT_RIGHT_PAIRS = ((4, 1), (5, 2), (6, 3), (11, 14), (12, 15), (13, 16))

_OTHER_SIDE = {a: b for pair in LEFT_RIGHT_PAIRS for a, b in (pair, pair[::-1])}
MIRRORED_JOINTS = tuple(_OTHER_SIDE.get(joint, joint) for joint in range(len(JOINT_NAMES)))
"""Which joint of a person each joint of the person's mirror image is."""


def adjacency(
    joint_count: int = len(JOINT_NAMES), links: Sequence[tuple[int, int]] = LINKS
) -> np.ndarray:
    """Adjacency of the skeleton graph with self links, each row summing to one.

    Parameters
    ----------
    joint_count : number of joints J, at least 1
    links : pairs of joint indices, undirected

    Returns
    -------
    (J, J) float64, the L1-normalised adjacency of equation 5

    Raises
    ------
    ValueError : a link names a joint outside 0..J-1
    """
    if joint_count < 1:
        raise ValueError(f"joint_count is {joint_count}, expected at least 1")
    matrix = np.eye(joint_count)
    for first, second in links:
        if not (0 <= first < joint_count and 0 <= second < joint_count):
            raise ValueError(f"link ({first}, {second}) outside joints 0..{joint_count - 1}")
        matrix[first, second] = matrix[second, first] = 1.0
    return matrix / matrix.sum(axis=1, keepdims=True)
