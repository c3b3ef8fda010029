"""Captured motions: DeepMimic's humanoid clips as poses.

Source and licence: PyPI's `pybullet` 3.2.7 ships the clips in pybullet_data/data/motions; its LICENSE.txt
puts the repository under the zlib licence. They come from the DeepMimic project (Peng et al., SIGGRAPH 2018),
whose author has stated that the recordings they were made from are no longer on record. Only joint angles are
read here, at run time, and nothing is copied into this repository; `load_motions` returns nothing where
pybullet_data is absent, and people then take procedural poses only.

A frame has 44 numbers: duration, root position, then rotations (quaternions w x y z; knees and elbows one angle) of
root, chest, neck, right hip, knee, ankle, shoulder, elbow, and the same left. Axes: x forward, y up, z right.
"""

from __future__ import annotations

import json
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from hdnet_ros.data.synthetic.pose_math import PoseBuilder, turn
from hdnet_ros.data.synthetic.poses import DrawnPose
from hdnet_ros.data.synthetic.rig import POSE_INDEX

FRAME_NUMBERS = 44
CLIPS = {
    "train": ("walk", "run", "jump", "punch", "kick", "dance_b", "crawl", "getup_faceup", "spin", "roll"),
    "holdout": ("dance_a", "spinkick", "getup_facedown", "cartwheel"),
}
FEET_CLIPS = frozenset({"walk", "run", "jump", "punch", "kick", "dance_a", "dance_b", "spin", "spinkick"})
_SPHERICAL = {"pelvis": 4, "spine": 8, "neck": 12, "right_hip": 16, "right_ankle": 21, "right_shoulder": 25,
              "left_hip": 30, "left_ankle": 35, "left_shoulder": 39}
_HINGES = {"right_knee": 20, "right_elbow": 29, "left_knee": 34, "left_elbow": 43}
_CLIP_TO_PERSON = np.array([[1.0, 0.0, 0.0], [0.0, 0.0, -1.0], [0.0, 1.0, 0.0]])


def motion_directory() -> Path | None:
    """Folder of the clips in the installed pybullet_data, None where it is not installed."""
    spec = find_spec("pybullet_data")
    if spec is None or not spec.submodule_search_locations:
        return None
    folder = Path(next(iter(spec.submodule_search_locations))) / "data" / "motions"
    return folder if folder.is_dir() else None


@lru_cache(maxsize=4)
def load_motions(split: str) -> tuple[tuple[str, NDArray], ...]:
    """Clips (name, (N, 44)) of a split ("train" or "holdout"); empty without pybullet_data."""
    if split not in CLIPS:
        raise ValueError(f"split is {split!r}, expected one of {sorted(CLIPS)}")
    folder = motion_directory()
    if folder is None:
        return ()
    clips = []
    for name in CLIPS[split]:
        frames = np.array(json.loads((folder / f"humanoid3d_{name}.txt").read_text())["Frames"], dtype=np.float64)
        if frames.shape[1] != FRAME_NUMBERS:
            raise ValueError(f"{name} has {frames.shape[1]} numbers a frame, expected {FRAME_NUMBERS}")
        clips.append((name, frames))
    return tuple(clips)


def _rotation(quaternion: NDArray) -> NDArray:
    w, x, y, z = quaternion / np.linalg.norm(quaternion)
    matrix = np.array([
        [1 - 2 * (y * y + z * z), 2 * (x * y - w * z), 2 * (x * z + w * y)],
        [2 * (x * y + w * z), 1 - 2 * (x * x + z * z), 2 * (y * z - w * x)],
        [2 * (x * z - w * y), 2 * (y * z + w * x), 1 - 2 * (x * x + y * y)]])
    return _CLIP_TO_PERSON @ matrix @ _CLIP_TO_PERSON.T


def pose_of_frame(frame: NDArray) -> NDArray:
    """Pose (P, 3, 3) of one frame (44,), turned so that the pelvis faces +x."""
    builder = PoseBuilder()
    for name, start in _SPHERICAL.items():
        builder.pose[POSE_INDEX[name]] = _rotation(frame[start:start + 4])
    for name, column in _HINGES.items():
        # The clip's hinge axis z points right, the person's y left.
        builder.pose[POSE_INDEX[name]] = turn("y", -np.degrees(frame[column]))
    pelvis = builder.pose[POSE_INDEX["pelvis"]]
    heading = np.degrees(np.arctan2(pelvis[1, 0], pelvis[0, 0]))
    builder.pose[POSE_INDEX["pelvis"]] = turn("z", -heading) @ pelvis
    return builder.pose


def mirrored(pose: NDArray) -> NDArray:
    """The pose with left and right exchanged."""
    flip = np.diag([1.0, -1.0, 1.0])
    result = np.empty_like(pose)
    for name, index in POSE_INDEX.items():
        swap = {"left": "right", "right": "left"}
        side, _, part = name.partition("_")
        source = POSE_INDEX[f"{swap[side]}_{part}"] if side in swap else index
        result[index] = flip @ pose[source] @ flip
    return result


def draw_motion(rng: np.random.Generator, motions: tuple[tuple[str, NDArray], ...]) -> DrawnPose:
    """A random frame of a random clip, sometimes mirrored, with a little noise."""
    name, frames = motions[int(rng.integers(len(motions)))]
    builder = PoseBuilder()
    builder.pose = pose_of_frame(frames[int(rng.integers(len(frames)))])
    if rng.random() < 0.5:
        builder.pose = mirrored(builder.pose)
    for side, sign in (("left", -1.0), ("right", 1.0)):
        builder.pose[POSE_INDEX[f"{side}_fingers"]] = turn("x", sign * rng.uniform(10, 60))
    contact = "feet" if name in FEET_CLIPS else "lowest"
    return DrawnPose("motion", builder.with_noise(rng, 2.5).pose, contact=contact, activity=name)
