"""Heads as large as people's of the age: Anny's children have those of small adults.

How large the head is beside the body is what tells a child from an adult farther away.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import ConvexHull

from hdnet_ros.data.synthetic.rig import Rig
from hdnet_ros.data.synthetic.statures import FEMALE, MALE

# Medians: at 2 and 3 years those of the NCHS growth charts; beyond the charts, estimates on a smooth way
# to adults' 57 and 55 cm.
_AGES_YEARS = np.array([2.0, 3.0, 4.0, 5.0, 6.0, 8.0, 10.0, 12.0, 14.0, 16.0, 18.0])
CIRCUMFERENCE_M = {
    MALE: np.array([49.2, 50.5, 51.0, 51.4, 51.9, 52.6, 53.4, 54.2, 55.3, 56.2, 56.9]) / 100.0,
    FEMALE: np.array([48.1, 49.3, 49.9, 50.4, 50.9, 51.7, 52.5, 53.5, 54.4, 54.8, 55.0]) / 100.0,
}
CIRCUMFERENCE_SPREAD = 0.026  # standard deviation of the logarithm: 1.4 cm


def median_circumference_m(gender: str, age_years: float) -> float:
    """Median circumference of the head, over the brow, in metres."""
    return float(np.interp(age_years, _AGES_YEARS, CIRCUMFERENCE_M[gender]))


class Skulls:
    """Measures the skulls of rest bodies, and gives them another size.

    Parameters
    ----------
    rig : of the bodies
    template, template_heads : rest vertices (V, 3) and bone heads (B, 3) of the average body
    weights : (V, B) skinning weights
    """

    def __init__(self, rig: Rig, template: NDArray, template_heads: NDArray, weights: NDArray) -> None:
        self._base = rig.index("head")
        self._bones = [bone for bone in range(len(rig.parents)) if self._base in _ancestors(rig, bone)]
        self._share = weights[:, self._bones].sum(axis=1)
        eye_m = template_heads[rig.index("eye.L"), 2]
        above_eyes = (template[:, 2] - eye_m) / (template[self._share > 0.5, 2].max() - eye_m)
        self._brow = np.flatnonzero((self._share > 0.5) & (above_eyes > 0.15) & (above_eyes < 0.65))

    def circumference_m(self, vertices: NDArray) -> float:
        """Length of a tape around the skull over the brow, of one body's rest vertices (V, 3) in metres."""
        return float(ConvexHull(vertices[self._brow, :2]).area)  # of a plane hull, scipy's area is the perimeter

    def resized(self, vertices: NDArray, heads: NDArray, factor: float) -> tuple[NDArray, NDArray]:
        """Vertices (V, 3) and bone heads (B, 3) with the skull `factor` times as large; the head's bone stays."""
        centre = heads[self._base]
        vertices = vertices + (factor - 1.0) * self._share[:, None] * (vertices - centre)
        heads = heads.copy()
        heads[self._bones] = centre + factor * (heads[self._bones] - centre)
        return vertices, heads


def _ancestors(rig: Rig, bone: int) -> list[int]:
    """The bone itself and those above it."""
    found = []
    while bone >= 0:
        found.append(bone)
        bone = int(rig.parents[bone])
    return found
