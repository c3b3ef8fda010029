"""One person whom two cameras have taken for two: found by where both tracks are, and made one."""

from __future__ import annotations

import numpy as np
from scipy.stats import chi2

from hdnet_ros.tracking.track import Track

# Both tracks must have been about the same place for so long, each seen by a camera of its own.
TOGETHER_S = 0.5
_NEAR_SQUARE = float(chi2.ppf(0.90, 3))
_RECENT_NS = 1_000_000_000


class TrackMerger:
    """Finds tracks that are one person. Two people whom one camera sees are never merged."""

    def __init__(self):
        self._together_since_ns: dict[tuple[int, int], int] = {}

    def merge(self, tracks: list[Track], stamp_ns: int) -> list[Track]:
        """Return the tracks without those that are somebody else's double; the older one stays."""
        pairs = [
            (first, second)
            for i, first in enumerate(tracks)
            for second in tracks[i + 1 :]
            if self._may_be_one(first, second, stamp_ns)
        ]
        since = {
            (a.number, b.number): self._together_since_ns.get((a.number, b.number), stamp_ns)
            for a, b in pairs
        }
        gone: set[int] = set()
        for first, second in sorted(pairs, key=lambda pair: _distance_square(*pair)):
            is_free = not {first.number, second.number} & gone
            if is_free and stamp_ns - since[first.number, second.number] >= TOGETHER_S * 1e9:
                first.adopt(second)
                gone.add(second.number)
        self._together_since_ns = {pair: ns for pair, ns in since.items() if not gone & set(pair)}
        return [track for track in tracks if track.number not in gone]

    def _may_be_one(self, first: Track, second: Track, stamp_ns: int) -> bool:
        cameras = [
            {name for name, seen_ns in track.seen_by.items() if stamp_ns - seen_ns <= _RECENT_NS}
            for track in (first, second)
        ]
        if not all(cameras) or cameras[0] & cameras[1]:
            return False
        return _distance_square(first, second) <= _NEAR_SQUARE


def _distance_square(first: Track, second: Track) -> float:
    difference_mm = first.filter.position_mm - second.filter.position_mm
    spread = first.filter.covariance[:3, :3] + second.filter.covariance[:3, :3]
    try:
        return float(difference_mm @ np.linalg.solve(spread, difference_mm))
    except np.linalg.LinAlgError:
        return np.inf
