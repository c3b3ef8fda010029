"""The rendered drive: pictures of a camera on a robot that passes walking people, and what is true of them.

data/synthetic/drive.py makes such a folder.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from hdnet_ros.core.camera import Camera
from hdnet_ros.data.labelled import TruePerson

SCENE_FILE, VIDEO_FILE = "drive.json", "drive.mp4"


@dataclass(frozen=True, eq=False)
class DrivePerson:
    """Somebody in one picture.

    Parameters
    ----------
    truth : the pelvis in odom, and its velocity
    visible : share of the body's surface that shows
    box_xywh_center_px : around what shows; None where too little does for a detector
    """

    truth: TruePerson
    visible: float
    box_xywh_center_px: np.ndarray | None


@dataclass(frozen=True, eq=False)
class DriveFrame:
    """One picture's time, the pose x, y (m), yaw (rad) of base_footprint in odom, and everybody by name."""

    time_s: float
    base_in_odom: tuple[float, float, float]
    people: dict[str, DrivePerson]

    @property
    def boxes(self) -> dict[str, np.ndarray]:
        """What a detector finds, by the name of the person: (4,) x centre, y centre, width, height px."""
        boxes = {name: person.box_xywh_center_px for name, person in self.people.items()}
        return {name: box for name, box in boxes.items() if box is not None}


@dataclass(frozen=True, eq=False)
class DrivingScene:
    """A drive: its video, the camera and its pose (4, 4), m, in base_footprint, everybody's stature in m."""

    video: Path
    camera: Camera
    camera_to_base: np.ndarray
    stature_m: dict[str, float]
    frames: list[DriveFrame]

    def camera_to_odom(self, frame: DriveFrame) -> np.ndarray:
        """(4, 4) pose of the optical frame in odom, m."""
        return base_to_odom(frame.base_in_odom) @ self.camera_to_base

    def pictures(self, every: int = 1) -> Iterator[tuple[DriveFrame, np.ndarray]]:
        """Each n-th frame with its picture, (H, W, 3) uint8 RGB.

        Raises
        ------
        OSError : the video ends early or cannot be read
        """
        video = cv2.VideoCapture(str(self.video))
        for number, frame in enumerate(self.frames):
            is_there, image_bgr = video.read()
            if not is_there:
                raise OSError(f"{self.video} has {number} readable pictures, expected {len(self.frames)}")
            if number % every == 0:
                yield frame, np.ascontiguousarray(image_bgr[..., ::-1])


def base_to_odom(base_in_odom: tuple[float, float, float]) -> np.ndarray:
    """(4, 4) pose, m, of a base at x, y (m) that is turned by yaw (rad)."""
    x, y, yaw_rad = base_in_odom
    pose = np.eye(4)
    pose[:2, :2] = [[np.cos(yaw_rad), -np.sin(yaw_rad)], [np.sin(yaw_rad), np.cos(yaw_rad)]]
    pose[:2, 3] = x, y
    return pose


def load_driving_scene(folder: str | Path) -> DrivingScene:
    """Read a drive's folder, the video only when its pictures are asked for."""
    content = json.loads((Path(folder) / SCENE_FILE).read_text())
    frames = [
        DriveFrame(
            entry["time_s"],
            tuple(entry["base_in_odom"]),
            {name: _person(person) for name, person in entry["people"].items()},
        )
        for entry in content["frames"]
    ]
    return DrivingScene(
        Path(folder) / VIDEO_FILE,
        Camera.from_matrix(np.array(content["K"]), tuple(content["size_wh_px"])),
        np.array(content["camera_to_base"]),
        content["stature_m"],
        frames,
    )


def pose_mm(pose_m: np.ndarray) -> np.ndarray:
    """A pose (4, 4) in m with its translation in mm."""
    pose_mm = pose_m.copy()
    pose_mm[:3, 3] *= 1000.0
    return pose_mm


def _person(entry: dict) -> DrivePerson:
    truth = TruePerson(1000.0 * np.array(entry["root_m"]), 1000.0 * np.array([*entry["velocity_m_s"], 0.0]))
    box = entry["box_xywh_center_px"]
    return DrivePerson(truth, entry["visible"], None if box is None else np.array(box))
