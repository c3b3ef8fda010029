"""The frame that people are followed in: chosen once, looked up at every image's stamp; nothing of ROS."""

from collections.abc import Callable

import numpy as np

AUTO_FRAME = "odom"
NO_FRAME = "none"
MM_PER_M = 1000.0

# (stamp in ns, source frame, target frame) to (4, 4) that takes points of source to target, m;
# None: not there (yet). Stamp 0 asks for the latest there is.
TfLookup = Callable[[int, str, str], np.ndarray | None]


class TrackingFrame:
    """A frame that does not move with the camera, or none.

    Parameters
    ----------
    wanted : str
        Name of the frame; empty: odom from when on TF offers it, until then the camera's own
        optical frame; "none": the camera's own, TF is not asked.
    lookup : TfLookup, optional
        None: there is no TF.
    say : callable
        Told in a sentence which frame it is, and why; once, and again where cameras have none in common.
    """

    def __init__(
        self, wanted: str, lookup: TfLookup | None = None, say: Callable[[str], None] = print
    ):
        self._lookup = lookup
        self._say = say
        self._is_auto = not wanted and lookup is not None
        self._frame = "" if lookup is None or wanted in ("", NO_FRAME) else wanted
        self._told: list[str] = []  # camera frames that a sentence was said about

    def name(self, camera_frame: str) -> str:
        """Return the frame for people seen by a camera; empty: the camera's own."""
        if self._is_auto and camera_frame and self._lookup(0, camera_frame, AUTO_FRAME) is not None:
            self._frame, self._is_auto, self._told = AUTO_FRAME, False, []
        self._tell(camera_frame)
        return self._frame

    def camera_pose_mm(self, stamp_ns: int, camera_frame: str) -> np.ndarray | None:
        """Return the (4, 4) pose of a camera at a stamp, translation in mm; None: TF is not there."""
        pose = self._lookup(stamp_ns, camera_frame, self._frame)
        if pose is None:
            return None
        pose = np.array(pose, dtype=np.float64)
        pose[:3, 3] *= MM_PER_M
        return pose

    def _tell(self, camera_frame: str) -> None:
        is_known = camera_frame in self._told or not camera_frame
        if self._told and (self._frame or is_known):
            return
        self._told.append(camera_frame)
        if self._frame:
            self._say(f"people are followed in {self._frame}")
        elif len(self._told) > 1:
            self._say(
                f"cameras {' and '.join(map(repr, self._told))} have no frame in common: each follows its "
                "own people, who are nobody that another camera sees, and tracks come in either frame "
                f"by turns; give TF from every camera to {AUTO_FRAME!r} or to `tracking_frame`"
            )
        elif self._is_auto:
            self._say(
                f"people are followed in the camera's frame {camera_frame!r}: TF does not offer "
                f"{AUTO_FRAME!r} (so far); on a moving robot velocities are relative to the camera"
            )
        else:
            self._say(f"people are followed in the camera's frame {camera_frame!r}")
