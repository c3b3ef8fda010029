"""MuPoTS-3D: twenty sequences, one to three people each, for testing.

Read from RootNet's MuPoTS-3D.json (with its detector's boxes), from the official annot.mat and
occlusion.mat of each sequence, or from both: the official files alone have the skeleton of universal
size, RootNet's alone have intrinsics.
"""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np

from hdnet_ros.core.skeleton import ROOT
from hdnet_ros.data.datasets.coco_table import coco_table
from hdnet_ros.data.datasets.columns import Columns, offsets_by_group, rows_of_ids
from hdnet_ros.data.datasets.fields import field, numbers
from hdnet_ros.data.datasets.joints import MUPOTS_JOINTS
from hdnet_ros.data.datasets.json_stream import stream_items
from hdnet_ros.data.datasets.mupots_official import official_table, sequences_in
from hdnet_ros.data.datasets.paths import first_file
from hdnet_ros.data.datasets.pictures import Description, PictureSet, PictureTable, box_from_corner

_NAME = re.compile(r"(TS\d+)/img_(\d+)")
_JSON = ("MuPoTS-3D.json", "data/MuPoTS-3D.json")
_IMAGES = ("MultiPersonTestSet", "data/MultiPersonTestSet")
_BOXES = ("bbox_mupots_output.json", "bbox/bbox_mupots_output.json")
_SAME_PERSON_MM = 1.0


def mupots(root: str | Path, detected_boxes: bool = False) -> PictureSet:
    """The pictures of MuPoTS-3D.

    Parameters
    ----------
    root : folder with MultiPersonTestSet/TS1 to TS20 and MuPoTS-3D.json, or the one above that has
        them in data/. Without MuPoTS-3D.json the sequences' annot.mat and occlusion.mat are read.
    detected_boxes : take the boxes of bbox_mupots_output.json, in the folder or in bbox/

    Raises
    ------
    FileNotFoundError, ValueError : a file or a key in it is missing; both are named
    """
    root = Path(root)
    images = first_file(root, *_IMAGES)
    has_json = any((root / name).is_file() for name in _JSON)
    if has_json or detected_boxes:  # the boxes name pictures by MuPoTS-3D.json's ids
        path = first_file(root, *_JSON)
        table = coco_table(path, MUPOTS_JOINTS, _focal_centre)
        image_id = table.pop("image_id")
        if detected_boxes:
            table |= _detections(first_file(root, *_BOXES), image_id)
        if any((images / name / "annot.mat").is_file() for name in sequences_in(images)):
            table |= _official_extras(table, official_table(images))
        form = "RootNet's annotation"
    else:
        table, form = official_table(images), "official annotation"
    boxes = "boxes of RootNet's detector" if detected_boxes else "true boxes"
    return PictureSet(
        name="MuPoTS-3D",
        protocol=f"MuPoTS-3D, {form}, {boxes}",
        table=PictureTable(**table),
        image_folders=(images,),
        describe=describe,
        rows=np.arange(len(table["file_name"])),
    )


def describe(file_name: str) -> Description:
    """Sequence and frame (counted from 0) in the name of a picture.

    Raises
    ------
    ValueError : the name is not TSx/img_NNNNNN.jpg
    """
    found = _NAME.search(file_name)
    if found is None:
        raise ValueError(f"{file_name}: expected TSx/img_NNNNNN.jpg")
    return found[1], "", int(found[2])


def _focal_centre(where: str, image: dict) -> np.ndarray:
    return numbers(where, image, "intrinsic", 4).ravel()


def _detections(path: Path, image_id: np.ndarray) -> dict[str, np.ndarray]:
    found = Columns(image_id=((), "i8"), box=((4,), "f8"), score=((), "f8"))
    for number, (_, item) in enumerate(stream_items(path)):
        where = f"{path}: box {number}"
        found.append(
            image_id=field(where, item, "image_id"),
            box=box_from_corner(numbers(where, item, "bbox", 4).ravel()),
            score=field(where, item, "score"),
        )
    columns = found.arrays()
    picture = rows_of_ids(image_id, columns["image_id"])
    if (picture < 0).any():
        unknown = columns["image_id"][picture < 0][0]
        raise ValueError(f"{path}: image_id {unknown} is not in MuPoTS-3D.json")
    order = np.argsort(picture, kind="stable")
    return {
        "first_detection": offsets_by_group(picture[order], len(image_id)),
        "detection_box_xywh_center_px": columns["box"][order],
        "detection_score": columns["score"][order],
    }


def _official_extras(table: dict, official: dict) -> dict[str, np.ndarray]:
    """Universal skeletons and occlusion for the people of RootNet's file, found by their metric root."""
    rows = {name: i for i, name in enumerate(official["file_name"])}
    count = len(table["person_id"])
    universal = np.full((count, 17, 3), np.nan, np.float32)
    occluded = np.zeros((count, 17), bool)
    for picture, name in enumerate(table["file_name"]):
        if name not in rows:
            continue
        theirs = slice(*official["first_person"][rows[name] : rows[name] + 2])
        roots_mm = official["joints_camera_mm"][theirs, ROOT]
        for person in range(*table["first_person"][picture : picture + 2]):
            away = np.linalg.norm(roots_mm - table["joints_camera_mm"][person, ROOT], axis=1)
            if len(away) and away.min() < _SAME_PERSON_MM:
                universal[person] = official["universal_joints_mm"][theirs][away.argmin()]
                occluded[person] = official["joint_occluded"][theirs][away.argmin()]
    return {"universal_joints_mm": universal, "joint_occluded": occluded}
