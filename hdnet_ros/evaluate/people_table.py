"""Located people as columns, and how the depth error depends on distance, truncation, occlusion and stature."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from hdnet_ros.evaluate.benchmark import Rows
from hdnet_ros.evaluate.depth_error import coverage, relative_error, summarise
from hdnet_ros.evaluate.mrpe import mrpe

DISTANCES_M = (0.0, 2.0, 4.0, 6.0, 8.0, 12.0, 16.0, 20.0, 25.0, 30.0, 40.0, 60.0)
STATURES_M = (0.0, 1.2, 1.4, 1.6, 1.7, 1.8, 1.9, 3.0)
VISIBLE_PERCENT = (0.0, 50.0, 70.0, 90.0, 100.1)
CURVE_LEVELS = tuple(round(0.05 * step, 2) for step in range(1, 20))


@dataclass(frozen=True, eq=False)
class PeopleTable:
    """One row per located person; what is unknown is NaN.

    Parameters
    ----------
    estimated_mm, sigma_mm, true_mm : (N,) depth along the optical axis
    root_camera_mm, true_root_camera_mm : (N, 3)
    stature_mm, visible_fraction, truncated : (N,); truncated is 0 or 1
    """

    estimated_mm: np.ndarray
    sigma_mm: np.ndarray
    true_mm: np.ndarray
    root_camera_mm: np.ndarray
    true_root_camera_mm: np.ndarray
    stature_mm: np.ndarray
    visible_fraction: np.ndarray
    truncated: np.ndarray

    @property
    def relative(self) -> np.ndarray:
        """Signed relative depth error, (N,)."""
        return relative_error(self.estimated_mm, self.true_mm)

    def part(self, chosen: np.ndarray) -> dict[str, float]:
        """Error summary of the people of a mask (N,), coverage included."""
        numbers = self.estimated_mm[chosen], self.true_mm[chosen]
        return summarise(*numbers) | {"coverage": coverage(numbers[0], self.sigma_mm[chosen], numbers[1])}

    def by(self, values: np.ndarray, edges: Sequence[float], label: str) -> dict[str, dict]:
        """Summaries of the people between neighbouring edges; empty bins and NaN are left out.

        `label` is a format of the two edges, "{:g} to {:g} m" say.
        """
        found = {}
        for low, high in zip(edges[:-1], edges[1:]):
            chosen = (values >= low) & (values < high)
            if chosen.any():
                found[label.format(low, high)] = self.part(chosen)
        return found

    def by_distance(self) -> dict[str, dict]:
        return self.by(self.true_mm / 1000, DISTANCES_M, "{:g} to {:g} m")

    def by_stature(self) -> dict[str, dict]:
        return self.by(self.stature_mm / 1000, STATURES_M, "{:g} to {:g} m")

    def by_occlusion(self) -> dict[str, dict]:
        found = self.by(100 * self.visible_fraction, VISIBLE_PERCENT, "{:g} to {:.0f} % visible")
        return dict(reversed(found.items()))

    def by_truncation(self) -> dict[str, dict]:
        masks = {"whole in the picture": self.truncated == 0, "cut by the picture's edge": self.truncated == 1}
        return {name: self.part(chosen) for name, chosen in masks.items() if chosen.any()}

    def breakdowns(self) -> dict[str, dict[str, dict]]:
        """Every breakdown that the data allows: name to label to summary."""
        found = {
            "distance": self.by_distance(),
            "truncation": self.by_truncation(),
            "occlusion": self.by_occlusion(),
            "stature": self.by_stature(),
        }
        return {name: rows for name, rows in found.items() if rows}

    def coverage_curve(self) -> dict[float, float]:
        """Share of true depths inside the central interval of each level from 5 to 95 %."""
        return coverage(self.estimated_mm, self.sigma_mm, self.true_mm, CURVE_LEVELS)

    def mrpe(self) -> dict[str, float]:
        """Mean root position error and its x, y, z, in mm, of people whose whole true root is known."""
        return mrpe(self.root_camera_mm, self.true_root_camera_mm)


def table_of_rows(rows: Rows) -> PeopleTable:
    """The columns of a benchmark's rows."""
    return PeopleTable(
        **{name: np.array(getattr(rows, name), float) for name in _SCALARS},
        **{name: np.array(getattr(rows, name), float).reshape(-1, 3) for name in _POINTS},
        truncated=np.array([np.nan if value is None else float(value) for value in rows.truncated]),
    )


def table_of_people(people: Sequence[Mapping]) -> PeopleTable:
    """The columns of people given one by one, as the datasets' suite lists them."""
    roots = {name: np.array([p[name] for p in people], float).reshape(-1, 3) for name in _POINTS}
    return PeopleTable(
        estimated_mm=roots["root_camera_mm"][:, 2],
        true_mm=roots["true_root_camera_mm"][:, 2],
        sigma_mm=np.array([p["sigma_mm"] for p in people], float),
        **{n: np.array([p[n] for p in people], float) for n in ("stature_mm", "visible_fraction")},
        truncated=np.array([p["truncated"] for p in people], float),
        **roots,
    )


_SCALARS = ("estimated_mm", "sigma_mm", "true_mm", "stature_mm", "visible_fraction")
_POINTS = ("root_camera_mm", "true_root_camera_mm")
