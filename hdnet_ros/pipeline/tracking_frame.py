"""The frame that people are followed in, looked up at every image's stamp; nothing of ROS."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from hdnet_ros.pipeline.bad_input import BadInput

AUTO_FRAME = "odom"
_MOST_FRAMES = 16
_NAMED = 3
NO_FRAME = "none"
MM_PER_M = 1000.0
# UTM counts to 1e7 m; a double still tells tenths of a micrometre there.
FARTHEST_M = 2e7

# (stamp in ns, source frame, target frame) to (4, 4) that takes points of source to target, m;
# None: not there (yet). Stamp 0 asks for the latest there is.
TfLookup = Callable[[int, str, str], np.ndarray | None]


def pose_problem(pose: np.ndarray) -> str | None:
    """Return what is wrong with a pose (4, 4), m, or None where it can be used."""
    offset_m, rotation = pose[:3, 3], pose[:3, :3]
    if not np.isfinite(pose).all() or np.abs(offset_m).max() > FARTHEST_M:
        return f"is at {', '.join(f'{value:g}' for value in offset_m)} m, expected within {FARTHEST_M:g}"
    if not np.allclose(rotation @ rotation.T, np.eye(3), atol=1e-3):
        return f"is turned by {rotation.ravel().tolist()}, which is no rotation"
    return None


def wanted_frame(options: Mapping[str, Any]) -> str:
    """Return the frame that the node's parameters ask for; who follows nobody needs none."""
    return options["tracking_frame"].lstrip("/") if options["tracking"] else NO_FRAME


class TrackingFrame:
    """A frame that does not move with the cameras, or none.

    Parameters
    ----------
    wanted : str
        Name of the frame; empty: odom for each camera from when on TF leads from it to there, until
        then the camera's own optical frame; "none": the camera's own, TF is not asked.
    lookup : TfLookup, optional
        None: there is no TF.
    say : callable
        Told in a sentence which frame it is, and why; again where cameras have none in common.
    """

    def __init__(
        self, wanted: str, lookup: TfLookup | None = None, say: Callable[[str], None] = print
    ):
        self._lookup: TfLookup = lookup or (lambda stamp_ns, source, target: None)
        self._say = say
        self._is_auto = not wanted and lookup is not None
        self._wanted = "" if lookup is None or wanted in ("", NO_FRAME) else wanted
        self._in_auto_frame: dict[str, None] = {}  # camera frames from which TF led to odom
        self._told: dict[str, str] = {}  # by camera frame, the frame that was told

    def name(self, camera_frame: str) -> str:
        """Return the frame for people seen by a camera; empty: the camera's own."""
        is_asked = self._is_auto and camera_frame and camera_frame not in self._in_auto_frame
        if is_asked and self._lookup(0, camera_frame, AUTO_FRAME) is not None:
            self._in_auto_frame[camera_frame] = None
        frame = self._frame_of(camera_frame)
        self._tell(camera_frame, frame)
        return frame

    def camera_pose_mm(self, stamp_ns: int, camera_frame: str) -> np.ndarray | None:
        """Return the (4, 4) pose of a camera at a stamp, translation in mm; None: TF is not there.

        Raises
        ------
        BadInput : TF gives what is no pose, or one beyond the Earth
        """
        frame = self._frame_of(camera_frame)
        pose = self._lookup(stamp_ns, camera_frame, frame)
        if pose is None:
            return None
        pose = np.array(pose, dtype=np.float64)
        if problem := pose_problem(pose):
            raise BadInput("tf", f"{camera_frame!r} in {frame!r} {problem}: people told without tracks")
        pose[:3, 3] *= MM_PER_M
        return pose

    def _frame_of(self, camera_frame: str) -> str:
        return AUTO_FRAME if camera_frame in self._in_auto_frame else self._wanted

    def _tell(self, camera_frame: str, frame: str) -> None:
        if not camera_frame or self._told.get(camera_frame) == frame:
            return
        is_new = frame not in self._told.values()
        self._told[camera_frame] = frame
        # Ever new names of frames are somebody's mistake, and must not fill memory and log.
        for names in (self._told, self._in_auto_frame):
            while len(names) > _MOST_FRAMES:
                del names[next(iter(names))]
        if frame:
            if is_new:
                self._say(f"people are followed in {frame}")
        elif len(self._told) > 1:
            self._say(
                f"cameras {' and '.join(map(repr, list(self._told)[-_NAMED:]))} have no frame in common (so far): each "
                "follows its own people, who are nobody that another camera sees, and tracks come in "
                f"one frame or another by turns; give TF from every camera to {AUTO_FRAME!r} or to "
                "`tracking_frame`"
            )
        elif self._is_auto:
            self._say(
                f"people are followed in the camera's frame {camera_frame!r}: TF does not offer "
                f"{AUTO_FRAME!r} (so far); on a moving robot velocities are relative to the camera"
            )
        else:
            self._say(f"people are followed in the camera's frame {camera_frame!r}")
