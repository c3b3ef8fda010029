"""What the real clip says beyond single depths: people followed over time, and feet on the floor."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from hdnet_ros.locate.detectors import make_detector
from hdnet_ros.core.ground import GroundConfig
from hdnet_ros.data.clip import pictures_of_clip
from hdnet_ros.evaluate.ground_depth import before_and_after, ground_of_clip
from hdnet_ros.data.ground_plane import load_ground_plane_clip
from hdnet_ros.evaluate.tracking_clip import tracking_pictures
from hdnet_ros.evaluate.tracking_scores import score_tracks

_PITCH_ERRORS_RAD = tuple(np.radians((0.0, -0.5, 0.5)))


def tracks_of_clip(estimator, folder: Path, video: Path, every: int) -> dict[str, dict]:
    """`score_tracks` with hand-made boxes and with the bundled detector's."""
    clip = load_ground_plane_clip(folder)
    return {
        f"tracks, {boxes}": score_tracks(tracking_pictures(video, clip, estimator, every=every, detect=detect))
        for boxes, detect in _boxes().items()
    }


def floor_of_clip(estimator, folder: Path, video: Path, every: int) -> dict[str, dict]:
    """`before_and_after` with hand-made boxes and with the bundled detector's.

    The clip's true depths are made from the lower edges of the hand-made boxes on the same floor.
    """
    clip = load_ground_plane_clip(folder)
    ground = ground_of_clip(clip)
    return {
        f"floor, {boxes}": before_and_after(
            estimator,
            list(pictures_of_clip(video, clip, every=every, detect=detect)),
            ground,
            GroundConfig(),
            _PITCH_ERRORS_RAD,
        )
        for boxes, detect in _boxes().items()
    }


def _boxes() -> dict:
    return {"hand-made boxes": None, "NanoDet boxes": make_detector("nanodet").detect}
