"""Annotations in the style of COCO, with cameras and joints in 3D, as columns."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np

from hdnet_ros.core.skeleton import ROOT
from hdnet_ros.data.datasets.columns import Columns, offsets_by_group, rows_of_ids
from hdnet_ros.data.datasets.fields import field, numbers
from hdnet_ros.data.datasets.joints import fill_midpoints, skeleton_rows, to_skeleton
from hdnet_ros.data.datasets.json_stream import stream_items
from hdnet_ros.data.datasets.pictures import box_from_corner

_JOINTS_MM = ("keypoints_cam", "joint_cam")
_SHORTEST_MM = 50.0


def coco_table(
    path: Path, joint_names: tuple[str, ...], focal_centre: Callable[[str, dict], np.ndarray]
) -> dict[str, np.ndarray]:
    """Columns of a PictureTable, and `image_id` (F,).

    Images need id, file_name, width, height and what `focal_centre` reads; annotations need
    image_id and bbox (left, top, width, height), and may have keypoints_cam (J, 3) mm (or joint_cam,
    or root_cam alone), keypoints_img (J, 2) or COCO's keypoints (J, 3), keypoints_vis (J,) and
    is_valid. Crowds (iscrowd 1) are left out.

    Parameters
    ----------
    joint_names : of the J joints
    focal_centre : (place in the file, image) to (4,) fx, fy, cx, cy

    Raises
    ------
    FileNotFoundError, ValueError : the file or a key in it is missing; both are named
    """
    images = Columns(
        id=((), "i8"), file_name=((), "S200"), size_wh_px=((2,), "i4"), focal_centre_px=((4,), "f8")
    )
    people = Columns(
        image_id=((), "i8"), person_id=((), "i8"), box=((4,), "f8"), joints_camera_mm=((17, 3), "f4"),
        joints_px=((17, 2), "f4"), joint_visible=((17,), "?"), is_valid=((), "?"),
    )  # fmt: skip
    rows = skeleton_rows(joint_names)
    for key, item in stream_items(path):
        where = f"{path}: {key}"
        if key == "images":
            images.append(
                id=field(where, item, "id"),
                file_name=field(where, item, "file_name"),
                size_wh_px=(field(where, item, "width"), field(where, item, "height")),
                focal_centre_px=focal_centre(f"{where}, id {item['id']}", item),
            )
        elif key == "annotations" and isinstance(item, dict) and not item.get("iscrowd", 0):
            people.append(**_person(where, item, len(people), rows))
    for key, found in (("images", images), ("annotations", people)):
        if not len(found):
            raise ValueError(f"{path}: {key!r} is missing or empty")
    return _assembled(path, images.arrays(), people.arrays())


def _person(where: str, item: dict, number: int, rows: np.ndarray) -> dict:
    where = f"{where}, id {item.get('id', number)}"
    joints_mm, joints_px = _joints_mm(where, item, rows), np.full((17, 2), np.nan)
    visible = np.isfinite(joints_mm).all(-1)
    if "keypoints_img" in item:
        joints_px = to_skeleton(numbers(where, item, "keypoints_img").reshape(-1, 2), rows)
        visible = np.isfinite(joints_px).all(-1)
    elif "keypoints" in item:
        labelled = to_skeleton(numbers(where, item, "keypoints").reshape(-1, 3), rows)
        labelled = fill_midpoints(np.where(labelled[:, 2:] > 0, labelled, np.nan))
        joints_px, visible = labelled[:, :2], labelled[:, 2] == 2
    if "keypoints_vis" in item:
        flags = to_skeleton(numbers(where, item, "keypoints_vis").reshape(-1, 1), rows)[:, 0]
        visible = visible & (np.nan_to_num(flags) > 0)
    return {
        "image_id": field(where, item, "image_id"),
        "person_id": item.get("id", number),
        "box": box_from_corner(numbers(where, item, "bbox", 4).ravel()),
        "joints_camera_mm": joints_mm,
        "joints_px": joints_px,
        "joint_visible": visible,
        "is_valid": bool(item.get("is_valid", 1)),
    }


def _joints_mm(where: str, item: dict, rows: np.ndarray) -> np.ndarray:
    joints_mm = np.full((17, 3), np.nan)
    key = next((key for key in _JOINTS_MM if key in item), None)
    if key is not None:
        joints_mm = fill_midpoints(to_skeleton(numbers(where, item, key).reshape(-1, 3), rows))
    if "root_cam" in item:
        joints_mm[ROOT] = numbers(where, item, "root_cam", 3).ravel()
    if np.abs(joints_mm[ROOT]).max() < _SHORTEST_MM:
        raise ValueError(f"{where}: the root is at {joints_mm[ROOT].tolist()}, expected millimetres")
    return joints_mm


def _assembled(path: Path, images: dict, people: dict) -> dict[str, np.ndarray]:
    picture = rows_of_ids(images["id"], people.pop("image_id"))
    if (picture < 0).any():
        person = people["person_id"][picture < 0][0]
        raise ValueError(f"{path}: annotation {person} has an image_id that is not among the images")
    order = np.argsort(picture, kind="stable")
    people = {name: column[order] for name, column in people.items()}
    picture = picture[order]
    people["joints_px"] = _with_projections(people, images["focal_centre_px"][picture])
    return {
        "image_id": images.pop("id"),
        "box_xywh_center_px": people.pop("box"),
        "first_person": offsets_by_group(picture, len(images["file_name"])),
        **images,
        **people,
    }


def _with_projections(people: dict, focal_centre_px: np.ndarray) -> np.ndarray:
    """Joints in px; where only their places in 3D are annotated, these projected."""
    joints_mm = people["joints_camera_mm"]
    depth = np.where(joints_mm[..., 2:] > 0, joints_mm[..., 2:], np.nan)
    projected = joints_mm[..., :2] / depth * focal_centre_px[:, None, :2] + focal_centre_px[:, None, 2:]
    unknown = np.isnan(people["joints_px"])
    return np.where(unknown, projected, people["joints_px"]).astype(np.float32)
