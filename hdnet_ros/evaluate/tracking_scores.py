"""How well people are followed: ids kept, errors of position and velocity, and whether the covariance is honest."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np
from scipy.stats import chi2

from hdnet_ros.tracking.track import TrackState
from hdnet_ros.tracking.tracking import PersonTracker, TrackerConfig
from hdnet_ros.data.labelled import TrackingPicture

# A filter that has just begun knows little, and says so; it is judged from then on.
SETTLED_S = 1.0
LEVEL = 0.95


@dataclass
class _Rows:
    """One row per settled track and picture."""

    true_id: list = field(default_factory=list)
    position_error_mm: list = field(default_factory=list)
    position_nees: list = field(default_factory=list)
    velocity_error_mm_s: list = field(default_factory=list)
    velocity_nees: list = field(default_factory=list)
    is_moving: list = field(default_factory=list)
    true_speed_mm_s: list = field(default_factory=list)


def score_tracks(
    pictures: Iterable[TrackingPicture], config: TrackerConfig | None = None
) -> dict[str, float | int | dict]:
    """Follow everybody through a sequence and compare with the truth.

    Returns
    -------
    ids : idf1, switches, tracks and people; by motmetrics, a sighting belongs to the person whose
        box it is
    position, velocity : median and 95th percentile of the error in m and m/s, and the NEES: its mean
        per degree of freedom (1 is honest, above is overconfident), the band in which 95 % of such
        means lie when every person counts as one independent sample (the errors of one person
        hang together), and the share of rows inside their own 95 % region
    moving : share of walkers (above 0.5 m/s) and of standers (below 0.1 m/s) said to move

    Raises
    ------
    ImportError : motmetrics is not installed
    """
    tracker = PersonTracker(config)
    ids, rows = _IdScores(), _Rows()
    for picture in pictures:
        tracker.update(picture.stamp_ns, picture.persons, picture.camera_to_tracking)
        tracks = tracker.tracks()
        ids.add(picture, tracks)
        for track in tracks:
            _append(rows, picture, track)
    return {
        "ids": ids.scores(),
        "position": _errors(rows.position_error_mm, rows.position_nees, rows.true_id),
        "velocity": _errors(rows.velocity_error_mm_s, rows.velocity_nees, rows.true_id),
        "moving": _moving(rows),
    }


def nees_band(count: int, dimensions: int, level: float = LEVEL) -> tuple[float, float]:
    """Band of the mean NEES per degree of freedom of `count` independent samples."""
    degrees = max(count, 1) * dimensions
    low, high = chi2.ppf([0.5 - level / 2, 0.5 + level / 2], degrees) / degrees
    return float(low), float(high)


class _IdScores:
    """IDF1 and switches, counted by motmetrics."""

    def __init__(self):
        try:
            import motmetrics
        except ImportError as error:
            raise ImportError(
                f"scores of ids need the Python package motmetrics (pip install motmetrics): {error}"
            ) from error
        self._metrics = motmetrics
        self._accumulator = motmetrics.MOTAccumulator(auto_id=True)
        self._numbers: dict[str, int] = {}

    def add(self, picture: TrackingPicture, tracks: Sequence[TrackState]) -> None:
        seen = [track for track in tracks if track.person_index >= 0]
        names = list(picture.truth)
        distances = np.full((len(names), len(seen)), np.nan)
        for column, track in enumerate(seen):
            true_id = picture.true_ids[track.person_index]
            if true_id in picture.truth:
                distances[names.index(true_id), column] = 0.0
        # motmetrics 1.4 does not take ids that are text with pandas 3.
        numbers = [self._numbers.setdefault(name, len(self._numbers)) for name in names]
        self._accumulator.update(numbers, [track.number for track in seen], distances)

    def scores(self) -> dict[str, float | int]:
        wanted = ["idf1", "num_switches", "num_unique_objects", "num_misses", "num_false_positives"]
        table = self._metrics.metrics.create().compute(self._accumulator, metrics=wanted)
        idf1, switches, people, misses, false = table.iloc[0].tolist()
        return {
            "idf1": float(idf1),
            "switches": int(switches),
            "people": int(people),
            "missed": int(misses),
            "false": int(false),
        }


def _append(rows: _Rows, picture: TrackingPicture, track: TrackState) -> None:
    if track.person_index < 0 or track.age_s < SETTLED_S:
        return
    true_id = picture.true_ids[track.person_index]
    truth = picture.truth.get(true_id)
    if truth is None or not np.isfinite(truth.velocity_mm_s).all():
        return
    for error, covariance, errors, squares in (
        (track.position_mm - truth.position_mm, track.covariance[:3, :3],
         rows.position_error_mm, rows.position_nees),
        (track.velocity_mm_s - truth.velocity_mm_s, track.covariance[3:, 3:],
         rows.velocity_error_mm_s, rows.velocity_nees),
    ):  # fmt: skip
        errors.append(float(np.linalg.norm(error)))
        squares.append(float(error @ np.linalg.solve(covariance, error)))
    rows.true_id.append(true_id)
    rows.is_moving.append(track.is_moving)
    rows.true_speed_mm_s.append(float(np.linalg.norm(truth.velocity_mm_s)))


def _errors(errors_mm: list, squares: list, true_ids: list) -> dict:
    if not errors_mm:
        return {"rows": 0}
    squares = np.array(squares)
    low, high = nees_band(len(set(true_ids)), 3)
    return {
        "rows": len(errors_mm),
        "median_m": float(np.median(errors_mm)) / 1000.0,
        "p95_m": float(np.percentile(errors_mm, 95)) / 1000.0,
        "nees_mean": float(squares.mean() / 3.0),
        "nees_band_low": low,
        "nees_band_high": high,
        "inside_95": float(np.mean(squares <= chi2.ppf(LEVEL, 3))),
    }


def _moving(rows: _Rows) -> dict[str, float]:
    moving, speed = np.array(rows.is_moving, bool), np.array(rows.true_speed_mm_s)
    groups = {"walkers": speed > 500.0, "standers": speed < 100.0}
    return {
        name: float(moving[chosen].mean()) if chosen.any() else float("nan")
        for name, chosen in groups.items()
    }
