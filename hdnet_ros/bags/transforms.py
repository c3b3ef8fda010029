"""TF of a whole recording: where frames were at any time in it, interpolated as tf2 does."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable
from typing import Any, NamedTuple

import numpy as np
from scipy.spatial.transform import Rotation, Slerp

_MAX_DEPTH = 1000  # frames up to a root; more means a loop


class TransformError(LookupError):
    """Two frames cannot be related at a time; the message says why."""


class _Pose(NamedTuple):
    """A frame in its parent."""

    parent: str
    quaternion_xyzw: np.ndarray
    translation_m: np.ndarray

    def matrix(self) -> np.ndarray:
        matrix = np.eye(4)
        matrix[:3, :3] = Rotation.from_quat(self.quaternion_xyzw).as_matrix()
        matrix[:3, 3] = self.translation_m
        return matrix


class TransformTree:
    """Every transform of a recording.

    Parameters
    ----------
    stamped : geometry_msgs/TransformStamped of /tf
    fixed : those of /tf_static, which hold at all times; of two for a frame the last counts

    Attributes
    ----------
    frames : names of all frames
    """

    def __init__(self, stamped: Iterable[Any] = (), fixed: Iterable[Any] = ()):
        samples: dict[str, dict[int, _Pose]] = {}
        for message in stamped:
            stamp = message.header.stamp
            child = message.child_frame_id.lstrip("/")
            samples.setdefault(child, {})[stamp.sec * 1_000_000_000 + stamp.nanosec] = _pose(message)
        self._moving = {child: _History(by_stamp) for child, by_stamp in samples.items()}
        self._fixed = {message.child_frame_id.lstrip("/"): _pose(message) for message in fixed}
        self.frames = {pose.parent for pose in self._fixed.values()}
        self.frames.update(*(history.parents() for history in self._moving.values()))
        self.frames.update(self._fixed, self._moving)

    def __call__(self, stamp_ns: int, source: str, target: str) -> np.ndarray | None:
        """Return as `lookup`, None where that raises: what the node asks TF by."""
        try:
            return self.lookup(target, source, stamp_ns)
        except TransformError:
            return None

    def lookup(self, target: str, source: str, stamp_ns: int) -> np.ndarray:
        """Return the (4, 4) matrix that takes points of frame `source` to `target` at a time, m.

        Stamp 0 takes the last transform of every frame.

        Raises
        ------
        TransformError : a frame that is not there, frames of two trees, or a time before the
            first or after the last transform of a frame between the two
        """
        for frame in (target, source):
            if frame not in self.frames:
                raise TransformError(f"frame {frame!r} is not in the recording's TF")
        above_source, stop = self._to_root(source, stamp_ns)
        above_target, other_stop = self._to_root(target, stamp_ns)
        for frame, source_to_frame in above_source.items():
            if frame in above_target:
                return np.linalg.inv(above_target[frame]) @ source_to_frame
        raise TransformError(
            f"{source!r} to {target!r}: {stop or other_stop or 'they are not part of one tree'}"
        )

    def _to_root(self, frame: str, stamp_ns: int) -> tuple[dict[str, np.ndarray], str]:
        """Return the matrix into each frame above, and what ended the way before the root."""
        found = {frame: np.eye(4)}
        while len(found) < _MAX_DEPTH:
            try:
                pose = self._pose(frame, stamp_ns)
            except TransformError as error:
                return found, str(error)
            if pose is None:
                return found, ""
            if pose.parent in found:
                return found, f"the frames above {frame!r} form a loop"
            found[pose.parent] = pose.matrix() @ found[frame]
            frame = pose.parent
        return found, f"more than {_MAX_DEPTH} frames above each other"

    def _pose(self, frame: str, stamp_ns: int) -> _Pose | None:
        if frame in self._moving:
            return self._moving[frame].at(stamp_ns, frame)
        return self._fixed.get(frame)


class _History:
    """One child frame in its parent, by stamp."""

    def __init__(self, by_stamp_ns: dict[int, _Pose]):
        self._stamps_ns = sorted(by_stamp_ns)
        self._poses = [by_stamp_ns[stamp] for stamp in self._stamps_ns]

    def parents(self) -> set[str]:
        return {pose.parent for pose in self._poses}

    def at(self, stamp_ns: int, child: str) -> _Pose:
        """Return the pose at a time.

        Where the parent changes between two stamps there is nothing to interpolate: the older
        one holds.
        """
        stamps = self._stamps_ns
        if stamp_ns == 0:
            return self._poses[-1]
        index = bisect_right(stamps, stamp_ns)
        if index and stamps[index - 1] == stamp_ns:
            return self._poses[index - 1]
        if index in (0, len(stamps)):
            raise TransformError(
                f"{child!r} is known from {stamps[0] * 1e-9:.3f} to {stamps[-1] * 1e-9:.3f} s, "
                f"not at {stamp_ns * 1e-9:.3f} s"
            )
        older, newer = self._poses[index - 1], self._poses[index]
        if older.parent != newer.parent:
            return older
        share = (stamp_ns - stamps[index - 1]) / (stamps[index] - stamps[index - 1])
        ends = Rotation.from_quat([older.quaternion_xyzw, newer.quaternion_xyzw])
        between_m = (1.0 - share) * older.translation_m + share * newer.translation_m
        return _Pose(older.parent, Slerp([0.0, 1.0], ends)(share).as_quat(), between_m)


def _pose(message: Any) -> _Pose:
    offset, turn = message.transform.translation, message.transform.rotation
    quaternion = np.array([turn.x, turn.y, turn.z, turn.w])
    offset_m = np.array([offset.x, offset.y, offset.z])
    if not 0.0 < np.linalg.norm(quaternion) < np.inf:
        # No turn, no pose: NaN is told by name where somebody asks for it.
        quaternion, offset_m = np.array([0.0, 0.0, 0.0, 1.0]), np.full(3, np.nan)
    parent = message.header.frame_id.lstrip("/")
    return _Pose(parent, quaternion, offset_m)
