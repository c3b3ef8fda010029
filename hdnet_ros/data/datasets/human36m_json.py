"""Human3.6M in RootNet's three JSON files a subject."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from hdnet_ros.data.datasets.columns import Columns, rows_of_ids
from hdnet_ros.data.datasets.fields import field, numbers
from hdnet_ros.data.datasets.json_stream import stream_items
from hdnet_ros.data.datasets.pictures import box_from_corner

# Boxes enclose the projected joints, so a joint lies outside of its box by rounding at most.
_BOX_TOLERANCE_PX = 2.0


def subject_from_json(folder: Path, subject: int, every: int) -> dict[str, np.ndarray]:
    """Columns of one subject from Human36M_subjectN_{data,camera,joint_3d}.json; one person a picture.

    Raises
    ------
    FileNotFoundError, ValueError : a file or a key is missing, or no reading of the camera's `t`
        puts the joints into their boxes
    """
    start = folder / f"Human36M_subject{subject}"
    paths = {kind: Path(f"{start}_{kind}.json") for kind in ("data", "camera", "joint_3d")}
    pictures = _pictures(paths["data"], every)
    world_mm = _world_joints(paths["joint_3d"], pictures)
    cameras = dict(stream_items(paths["camera"]))
    joints_mm = np.empty((len(world_mm), 17, 3), np.float32)
    focal_centre = np.empty((len(world_mm), 4))
    for number in np.unique(pictures["camera"]):
        rows = pictures["camera"] == number
        where = f"{paths['camera']}: camera {number}"
        if str(number) not in cameras:
            raise ValueError(f"{where} is missing")
        camera = {n: numbers(where, cameras[str(number)], n) for n in ("R", "t", "f", "c")}
        focal_centre[rows] = *camera["f"].ravel(), *camera["c"].ravel()
        joints_mm[rows] = _in_camera(where, camera, world_mm[rows], pictures["box"][rows])
    return {
        "file_name": pictures["name"],
        "focal_centre_px": focal_centre,
        "size_wh_px": pictures["size"],
        "box_xywh_center_px": box_from_corner(pictures["box"]),
        "joints_px": _project(joints_mm, focal_centre[:, None]).astype(np.float32),
        "joints_camera_mm": joints_mm,
    }


def _pictures(path: Path, every: int) -> dict[str, np.ndarray]:
    images = Columns(
        id=((), "i8"), name=((), "S80"), size=((2,), "i4"), action=((), "i4"), subaction=((), "i4"),
        camera=((), "i4"), frame=((), "i4"),
    )  # fmt: skip
    people = Columns(image_id=((), "i8"), box=((4,), "f8"))
    for key, item in stream_items(path):
        where = f"{path}: {key}"
        if key == "images" and field(where, item, "frame_idx") % every == 0:
            images.append(
                id=field(where, item, "id"),
                name=field(where, item, "file_name"),
                size=(field(where, item, "width"), field(where, item, "height")),
                action=field(where, item, "action_idx"),
                subaction=field(where, item, "subaction_idx"),
                camera=field(where, item, "cam_idx"),
                frame=item["frame_idx"],
            )
        elif key == "annotations":
            people.append(image_id=field(where, item, "image_id"), box=numbers(where, item, "bbox", 4))
    if not len(images):
        raise ValueError(f"{path}: no images, expected a list under 'images'")
    result, found = images.arrays(), people.arrays()
    rows = rows_of_ids(found["image_id"], result["id"])
    if (rows < 0).any():
        missing = result["id"][rows < 0][0]
        raise ValueError(f"{path}: annotations has nobody with image_id {missing}")
    return result | {"box": found["box"][rows]}


def _world_joints(path: Path, pictures: dict[str, np.ndarray]) -> np.ndarray:
    """(P, 17, 3) mm in the world; the file holds action, take and frame, nested by their numbers."""
    world_mm = np.full((len(pictures["id"]), 17, 3), np.nan, np.float32)
    for action, takes in stream_items(path):
        for row in np.flatnonzero(pictures["action"] == int(action)):
            keys = str(pictures["subaction"][row]), str(pictures["frame"][row])
            frames = field(f"{path}: {action}", takes, keys[0])
            place = f"{path}: {action}/{keys[0]}"
            world_mm[row] = numbers(place, frames, keys[1], 51).reshape(17, 3)
    unknown = np.isnan(world_mm[:, 0, 0])
    if unknown.any():
        raise ValueError(f"{path}: action {pictures['action'][unknown][0]} is missing")
    return world_mm


def _in_camera(where: str, camera: dict, world_mm: np.ndarray, box_xywh_px: np.ndarray) -> np.ndarray:
    """Joints (P, 17, 3) in the camera frame, mm.

    `t` is a translation (R x + t) in the files that RootNet's authors hand out and the camera's
    position (R (x - t)) in those made with PoseNet's script; the boxes tell which.
    """
    rotation, t = camera["R"].reshape(3, 3), camera["t"].ravel()
    focal_centre = np.concatenate([camera["f"].ravel(), camera["c"].ravel()])
    for joints_mm in (world_mm @ rotation.T + t, (world_mm - t) @ rotation.T):
        low, high = box_xywh_px[:, None, :2], box_xywh_px[:, None, :2] + box_xywh_px[:, None, 2:]
        px = _project(joints_mm, focal_centre)
        inside = (px > low - _BOX_TOLERANCE_PX) & (px < high + _BOX_TOLERANCE_PX)
        if inside.all(axis=(1, 2)).mean() > 0.5:
            return joints_mm
    raise ValueError(f"{where}: neither R x + t nor R (x - t) puts the joints into their boxes")


def _project(joints_mm: np.ndarray, focal_centre_px: np.ndarray) -> np.ndarray:
    depth = np.where(joints_mm[..., 2:] > 0, joints_mm[..., 2:], np.nan)
    return joints_mm[..., :2] / depth * focal_centre_px[..., :2] + focal_centre_px[..., 2:]
