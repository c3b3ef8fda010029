"""True roots of people on a ground plane, from a fixed camera's pose and boxes made by hand.

A standing person's feet are the middle of the box's lower edge: its ray, undistorted, met with the
ground, and 0.92 m up from there, is the root.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from hdnet_ros.core.boxes import xyxy_from_xywh_center
from hdnet_ros.files.boxes_file import load_boxes
from hdnet_ros.core.camera import Camera
from hdnet_ros.files.camera_files import load_camera, load_camera_pose
from hdnet_ros.core.types import Detection

ROOT_HEIGHT_MM = 920.0


@dataclass(frozen=True, eq=False)
class GroundPlaneClip:
    """A clip of a fixed camera over the plane z = 0 of the world.

    Parameters
    ----------
    camera : with its lens
    rotation_world_to_camera : (3, 3)
    translation_world_to_camera_mm : (3,)
    boxes : frame number to the boxes made by hand, with track ids
    """

    camera: Camera
    rotation_world_to_camera: np.ndarray
    translation_world_to_camera_mm: np.ndarray
    boxes: dict[int, list[Detection]]

    def true_root_camera_mm(self, box_xywh_center_px: np.ndarray) -> np.ndarray:
        """Root (3,) in the camera frame, mm, of the person standing in a box.

        NaN where the ray of the box's lower edge does not meet the ground in front of the camera.
        """
        x, y, _, height = np.asarray(box_xywh_center_px, dtype=np.float64)
        return root_above_ground_mm(
            self.camera,
            self.rotation_world_to_camera,
            self.translation_world_to_camera_mm,
            np.array([x, y + 0.5 * height]),
        )

    def whole_in_picture(self, box_xywh_center_px: np.ndarray, margin_px: float = 0.0) -> bool:
        """Whether a box keeps at least a margin from the border of the image."""
        x0, y0, x1, y1 = xyxy_from_xywh_center(box_xywh_center_px)
        width, height = self.camera.size_wh_px
        return bool(
            x0 >= margin_px
            and y0 >= margin_px
            and x1 <= width - 1 - margin_px
            and y1 <= height - 1 - margin_px
        )

    def true_roots_camera_mm(self) -> dict[tuple[int, str], np.ndarray]:
        """Roots (3,) in the camera frame, mm, by (frame, track id)."""
        return {
            (frame, person.id): self.true_root_camera_mm(person.box_xywh_center_px)
            for frame, people in self.boxes.items()
            for person in people
        }


def load_ground_plane_clip(folder: str | Path, boxes_name: str | None = None) -> GroundPlaneClip:
    """Clip from a folder with camera.json and boxes*.json.

    Parameters
    ----------
    boxes_name : file of boxes in the folder; None takes the first boxes*.json

    Raises
    ------
    ValueError : a file is missing or malformed, or the camera file holds no pose
    """
    folder = Path(folder)
    camera = load_camera(folder / "camera.json")
    pose = load_camera_pose(folder / "camera.json")
    if pose is None:
        raise ValueError(f"{folder / 'camera.json'}: no pose of the camera in the world")
    found = [folder / boxes_name] if boxes_name else sorted(folder.glob("boxes*.json"))
    if not found:
        raise ValueError(f"{folder}: no boxes*.json")
    return GroundPlaneClip(camera, *pose, load_boxes(found[0], camera.size_wh_px))


def root_above_ground_mm(
    camera: Camera,
    rotation_world_to_camera: np.ndarray,
    translation_world_to_camera_mm: np.ndarray,
    feet_px: np.ndarray,
    root_height_mm: float = ROOT_HEIGHT_MM,
) -> np.ndarray:
    """Roots (..., 3) in the camera frame, mm, of people whose feet show at pixels (..., 2).

    NaN where a ray does not meet the ground z = 0 in front of the camera.
    """
    rays_world = camera.rays(feet_px) @ rotation_world_to_camera
    camera_world_mm = -rotation_world_to_camera.T @ translation_world_to_camera_mm
    with np.errstate(all="ignore"):
        depth_mm = -camera_world_mm[2] / rays_world[..., 2]
        depth_mm = np.where(depth_mm > 0.0, depth_mm, np.nan)
    root_world_mm = camera_world_mm + rays_world * depth_mm[..., None]
    root_world_mm = root_world_mm + np.array([0.0, 0.0, root_height_mm])
    return root_world_mm @ rotation_world_to_camera.T + translation_world_to_camera_mm
