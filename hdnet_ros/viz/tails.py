"""Where everybody has been lately."""

from collections import deque
from collections.abc import Mapping, Sequence

import numpy as np

from hdnet_ros.core.types import PersonEstimate

_REACH_FRAMES = 3


class Tails:
    """Remember each id's roots for `seconds`; whoever is unseen for `keep_s` has no tail any more.

    A tail is the mean over three frames to each side (fewer towards its ends, so that it ends in
    the root itself): single frames jitter along the ray by a good part of a sigma, and what a
    tail is to show is the way. People without an id have none: nothing says which point belongs
    to whom.
    """

    def __init__(self, seconds: float = 5.0, keep_s: float = 1.0):
        self._length_ns = round(seconds * 1e9)
        self._keep_ns = round(keep_s * 1e9)
        self._points: dict[str, deque[tuple[int, np.ndarray]]] = {}

    def update(self, stamp_ns: int, persons: Sequence[PersonEstimate]) -> Mapping[str, np.ndarray]:
        """Add a frame and return id -> (N, 3) roots in mm (optical frame), oldest first.

        A stamp earlier than one already seen (a clip that starts over) clears everything.
        """
        newest = max((points[-1][0] for points in self._points.values()), default=stamp_ns)
        if stamp_ns < newest:
            self._points.clear()
        for person in persons:
            if person.id:
                points = self._points.setdefault(person.id, deque())
                points.append((stamp_ns, np.asarray(person.root_camera_mm)))
        for person_id in list(self._points):
            points = self._points[person_id]
            while points and points[0][0] < stamp_ns - self._length_ns:
                points.popleft()
            if not points or points[-1][0] < stamp_ns - self._keep_ns:
                del self._points[person_id]
        return {
            person_id: smoothed(np.stack([root for _, root in points]))
            for person_id, points in self._points.items()
        }


def smoothed(points_mm: np.ndarray, reach: int = _REACH_FRAMES) -> np.ndarray:
    """Return the centred mean of (N, 3) points over `reach` to each side, less at both ends."""
    count = len(points_mm)
    means = []
    for index in range(count):
        side = min(reach, index, count - 1 - index)
        means.append(points_mm[index - side : index + side + 1].mean(axis=0))
    return np.array(means)
