"""Who is who: sightings of one picture to tracks, by Mahalanobis distance and the detector's word."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy.optimize import linear_sum_assignment

from hdnet_ros.tracking.root_noise import RootMeasurement
from hdnet_ros.tracking.track import Track

# The detector's id says "the same person": it may be this much farther away, and wins over
# anybody who is near. It is no proof, for detectors swap ids.
HINT_GATE_FACTOR = 3.0
HINT_GAIN = 30.0
# Costs are twice a negative log likelihood. Somebody unknown costs this more than the gate, so
# that a person who was hidden is found again though nobody knows well where to look.
_NEWCOMER_COST = 12.0
_IMPOSSIBLE = 1e9
# Boxes of one person differ in height by this much (log) from picture to picture; beyond three
# sigma it may be somebody who bends down or is half hidden, and says no more.
HEIGHT_LOG_SIGMA = 0.08
_MOST_HEIGHT_COST = 9.0
# The root of somebody who is half hidden may be the other one's, the box is their own.
_MOST_BEARING_COST = 25.0


def assign(
    tracks: Sequence[Track],
    measurements: Sequence[RootMeasurement],
    names: Sequence[str],
    camera: str,
    gate_sigmas: float,
    delay_s: float = 0.0,
) -> list[Track | None]:
    """Return the track of each sighting, None for somebody unknown; nobody is taken twice.

    The sum of the costs over all pairs is least (Hungarian method). A pair costs the square of its
    Mahalanobis distance and the log of how much wider than the measurement the search is:
    otherwise a track that nobody has seen for long would be near to everybody.

    Parameters
    ----------
    names : the detector's ids, empty where it has none
    camera : whose detector; its ids mean nothing to another one
    """
    if not tracks or not measurements:
        return [None] * len(measurements)
    newcomer = gate_sigmas**2 + _NEWCOMER_COST
    costs = np.full((len(measurements), len(tracks) + len(measurements)), newcomer)
    costs[:, : len(tracks)] = _IMPOSSIBLE
    white = np.array([measurement.white_covariance_mm2 for measurement in measurements])
    white_log = np.linalg.slogdet(white)[1]
    for column, track in enumerate(tracks):
        try:
            pair = _pair_costs(track, measurements, names, camera, gate_sigmas, delay_s, white_log)
        except np.linalg.LinAlgError:
            # One person's numbers must not cost the others their tracks.
            continue
        costs[:, column] = np.where(np.isfinite(pair), pair, _IMPOSSIBLE)
    rows, columns = linear_sum_assignment(costs)
    found: list[Track | None] = [None] * len(measurements)
    for row, column in zip(rows, columns):
        if column < len(tracks) and costs[row, column] < newcomer:
            found[row] = tracks[column]
    return found


def _pair_costs(
    track: Track, measurements: Sequence[RootMeasurement], names: Sequence[str], camera: str,
    gate_sigmas: float, delay_s: float, white_log: np.ndarray,
) -> np.ndarray:  # fmt: skip
    """Return what it costs that each sighting (N,) is a track's; infinite beyond the gate."""
    residuals_mm, spreads = track.filter.innovations(measurements, delay_s)
    squares = np.einsum(
        "ni,ni->n", residuals_mm, np.linalg.solve(spreads, residuals_mm[..., None])[..., 0]
    )
    wider = np.linalg.slogdet(spreads)[1] - white_log
    known = track.detector_names.get(camera)
    hinted = np.array([bool(name) and name == known for name in names])
    reach = gate_sigmas * np.where(hinted, HINT_GATE_FACTOR, 1.0)
    pair = np.where(hinted, squares / HINT_GATE_FACTOR**2 - HINT_GAIN, squares + wider)
    heights = track.height_surprises(measurements)
    pair = pair + np.nan_to_num(np.minimum((heights / HEIGHT_LOG_SIGMA) ** 2, _MOST_HEIGHT_COST))
    beside = track.bearing_surprises(measurements)
    pair = pair + np.nan_to_num(np.minimum(beside**2, _MOST_BEARING_COST))
    return np.where(squares <= reach**2, pair, np.inf)
