"""RViz markers of tracks, in the tracking frame: where people came from, how fast, how sure."""

from collections import deque
from collections.abc import Sequence

import numpy as np
from scipy.spatial.transform import Rotation

from hdnet_ros.messages.markers import marker_of
from hdnet_ros.messages.message_types import (
    Header,
    Marker,
    MarkerArray,
    Point,
    Quaternion,
    Vector3,
)
from hdnet_ros.messages.views import TrackView

TRACK_NAMESPACES = ("tail", "velocity", "ellipsoid")
TAIL_POINTS = 60
TAIL_STEP_M = 0.1
TAIL_WIDTH_M = 0.05
# An arrow ends where the person will be in a second.
ARROW_SHAFT_M, ARROW_HEAD_M = 0.08, 0.2
ELLIPSOID_SIGMAS = 2.0
SEEN_ALPHA, COASTING_ALPHA = 0.25, 0.12


class TrackMarkers:
    """Build the markers of tracks; remember tails and whom to delete.

    Cameras without a common frame tell tracks of their own, and must not delete each other's.

    Parameters
    ----------
    lifetime_s : after this long without news RViz drops a marker by itself; 0: never
    """

    def __init__(self, lifetime_s: float):
        self._lifetime_s = lifetime_s
        self.reset()

    def reset(self) -> None:
        """Forget everybody, after a DELETEALL."""
        self._tails: dict[int, deque] = {}
        self._shown: dict[str, set[tuple[str, int]]] = {}

    def markers(
        self, header: Header, tracks: Sequence[TrackView], camera: str = ""
    ) -> MarkerArray:
        """Return markers of the tracks that a camera tells, and DELETE for what it told before and
        does not now."""
        self._tails |= {track.number: self._tail_of(track) for track in tracks}
        array = MarkerArray()
        for track in tracks:
            array.markers.append(self._ellipsoid(header, track))
            if len(self._tails[track.number]) > 1:
                array.markers.append(self._tail(header, track))
            if track.is_moving:
                array.markers.append(self._arrow(header, track))
        now = {(marker.ns, marker.id) for marker in array.markers}
        gone = self._shown.get(camera, set()) - now
        for name, number in sorted(gone):
            array.markers.append(Marker(header=header, ns=name, id=number, action=Marker.DELETE))
        self._shown = {other: shown - gone for other, shown in self._shown.items()} | {camera: now}
        followed = {number for shown in self._shown.values() for _, number in shown}
        self._tails = {number: self._tails[number] for number in followed}
        return array

    def _tail_of(self, track: TrackView) -> deque:
        tail = self._tails.get(track.number) or deque(maxlen=TAIL_POINTS)
        if not tail or np.linalg.norm(track.position_m - tail[-1]) >= TAIL_STEP_M:
            tail.append(track.position_m)
        return tail

    def _marker(self, header: Header, name: str, kind: int, track: TrackView) -> Marker:
        return marker_of(header, name, kind, track.number, self._lifetime_s)

    def _tail(self, header: Header, track: TrackView) -> Marker:
        marker = self._marker(header, "tail", Marker.LINE_STRIP, track)
        marker.scale.x = TAIL_WIDTH_M
        marker.points = [_point(point_m) for point_m in self._tails[track.number]]
        return marker

    def _arrow(self, header: Header, track: TrackView) -> Marker:
        marker = self._marker(header, "velocity", Marker.ARROW, track)
        marker.scale = Vector3(x=ARROW_SHAFT_M, y=ARROW_HEAD_M, z=ARROW_HEAD_M)
        marker.points = [_point(track.position_m), _point(track.position_m + track.velocity_m_s)]
        return marker

    def _ellipsoid(self, header: Header, track: TrackView) -> Marker:
        """Return where the root is at two sigma of each axis; paler while nobody sees it."""
        marker = self._marker(header, "ellipsoid", Marker.SPHERE, track)
        variances_m2, axes = np.linalg.eigh(track.covariance_m2)
        if np.linalg.det(axes) < 0.0:
            axes = axes * [1.0, 1.0, -1.0]
        x, y, z, w = (float(value) for value in Rotation.from_matrix(axes).as_quat())
        marker.pose.position = _point(track.position_m)
        marker.pose.orientation = Quaternion(x=x, y=y, z=z, w=w)
        sizes_m = 2.0 * ELLIPSOID_SIGMAS * np.sqrt(np.maximum(variances_m2, 1e-6))
        marker.scale = Vector3(x=float(sizes_m[0]), y=float(sizes_m[1]), z=float(sizes_m[2]))
        marker.color.a = SEEN_ALPHA if track.is_seen else COASTING_ALPHA
        return marker


def _point(point_m: np.ndarray) -> Point:
    x, y, z = (float(value) for value in point_m)
    return Point(x=x, y=y, z=z)
