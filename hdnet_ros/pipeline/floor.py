"""The floor, found through TF, and what it says about people before they are tracked."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from hdnet_ros.core.camera import Camera
from hdnet_ros.core.ground import Ground, GroundConfig, apply_ground
from hdnet_ros.core.types import PersonEstimate
from hdnet_ros.pipeline.tracking_frame import MM_PER_M, TfLookup, pose_problem

# TF needs a moment after the start, and nobody wants to read about that.
_MISSES_BEFORE_WORDS = 20


class Floor(NamedTuple):
    """The points X of a frame with up . X = offset_m."""

    up: np.ndarray  # (3,) unit vector
    offset_m: float

    def below(self, point_m: np.ndarray) -> np.ndarray:
        """Return the point (3,) of the floor below a point (3,), m."""
        return point_m - (float(self.up @ point_m) - self.offset_m) * self.up


class FloorFinder:
    """Look the plane z = 0 of the parameter ground_frame up in the frames that are asked for.

    Parameters
    ----------
    lookup : (stamp ns, source frame, target frame) to the pose (4, 4), m, of the source in the
        target, or None where TF does not have it; None: there is no TF
    options : the node's parameters, read anew for every image
    say : told once when the floor is needed and TF does not give it
    """

    def __init__(
        self, lookup: TfLookup | None, options: Mapping[str, Any], say: Callable[[str], None]
    ):
        self._lookup = lookup
        self._options = options
        self._say = say
        self._misses = 0

    def in_frame(self, stamp_ns: int, frame_id: str) -> Floor | None:
        """Return the floor in a frame at a stamp; None where TF does not give it."""
        name = self._options["ground_frame"]
        pose = None
        if self._lookup is not None and name and frame_id and stamp_ns > 0:
            pose = self._lookup(stamp_ns, name, frame_id)
        if pose is None or pose_problem(pose):
            self._missed(name, frame_id)
            return None
        self._misses = 0
        return Floor(pose[:3, 2], float(pose[:3, 2] @ pose[:3, 3]))

    def for_discs(self, stamp_ns: int, frame_id: str) -> Floor | None:
        """Return the floor where the parameter outputs asks for points on it."""
        wanted = "ground_points" in self._options["outputs"]
        return self.in_frame(stamp_ns, frame_id) if wanted else None

    def applied(
        self, people: Sequence[PersonEstimate], camera: Camera, stamp_ns: int, frame_id: str
    ) -> list[PersonEstimate]:
        """Return people with what the floor says; as they are where it is not known.

        Parameters
        ----------
        camera : whose optical frame `frame_id` is
        """
        floor = self.in_frame(stamp_ns, frame_id) if people else None
        # A base frame over the camera is a mistake in somebody's TF; in_frame cannot tell.
        if floor is None or not floor.offset_m < 0.0:
            return list(people)
        config = GroundConfig(
            pitch_sigma_rad=self._options["ground_pitch_sigma_rad"],
            fuse_depth=self._options["ground_depth"],
        )
        return apply_ground(people, camera, Ground(floor.up, -MM_PER_M * floor.offset_m), config)

    def _missed(self, name: str, frame_id: str) -> None:
        wanted = self._options["ground_depth"] or "ground_points" in self._options["outputs"]
        self._misses += wanted
        if wanted and self._misses == _MISSES_BEFORE_WORDS:
            self._say(
                f"TF does not give the floor, frame {name!r}, in {frame_id!r}: ground_depth and "
                "ground_points do nothing; set parameter ground_frame"
            )
