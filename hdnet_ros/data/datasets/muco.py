"""MuCo-3DHP as RootNet's authors composed and annotated it: one to four people a picture, for training."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from hdnet_ros.core.skeleton import ROOT
from hdnet_ros.data.datasets.coco_table import coco_table
from hdnet_ros.data.datasets.fields import numbers
from hdnet_ros.data.datasets.joints import MUCO_JOINTS
from hdnet_ros.data.datasets.paths import first_file
from hdnet_ros.data.datasets.pictures import Description, PictureSet, PictureTable

LEAST_SIDEWAYS_MM = 500.0
DEPTH_RANGE_MM = (1500.0, 7500.0)


def muco(root: str | Path) -> PictureSet:
    """The pictures of MuCo-3DHP.json.

    Parameters
    ----------
    root : folder with MuCo-3DHP.json, augmented_set/ and unaugmented_set/, or the one above that
        has them in data/. Images have f and c, annotations keypoints_cam (21, 3) mm.

    Raises
    ------
    FileNotFoundError, ValueError : the file or a key in it is missing; both are named
    """
    path = first_file(Path(root), "MuCo-3DHP.json", "data/MuCo-3DHP.json")
    table = coco_table(path, MUCO_JOINTS, _focal_centre)
    del table["image_id"]
    roots_mm = table["joints_camera_mm"][:, ROOT].astype(np.float64)
    table["is_valid"] &= trainable(roots_mm, table["first_person"])
    counts = np.add.reduceat(table["is_valid"], np.minimum(table["first_person"][:-1], len(roots_mm) - 1))
    has_people = np.diff(table["first_person"]) > 0
    return PictureSet(
        name="MuCo-3DHP",
        protocol="MuCo-3DHP with RootNet's choice of people: the nearest, and those whose roots are "
        "500 mm or more beside everybody else's; roots 1.5 to 7.5 m deep",
        table=PictureTable(**table),
        image_folders=(path.parent,),
        describe=_describe,
        rows=np.flatnonzero(has_people & (counts > 0)),
    )


def trainable(roots_camera_mm: np.ndarray, first_person: np.ndarray) -> np.ndarray:
    """(P,) whether RootNet trains on a person; people far enough from one another hide little.

    Parameters
    ----------
    roots_camera_mm : (P, 3), people of picture i in rows first_person[i] to first_person[i + 1]
    first_person : (F + 1,)
    """
    count = np.diff(first_person)
    slot = np.arange(len(roots_camera_mm)) - np.repeat(first_person[:-1], count)
    picture = np.repeat(np.arange(len(count)), count)
    padded = np.full((len(count), count.max(initial=1), 3), np.nan)
    padded[picture, slot] = roots_camera_mm
    sideways = np.linalg.norm(padded[:, :, None, :2] - padded[:, None, :, :2], axis=-1)
    sideways[:, np.arange(padded.shape[1]), np.arange(padded.shape[1])] = np.inf
    clear = ~(sideways < LEAST_SIDEWAYS_MM).any(axis=2)
    depth = np.where(np.isnan(padded[..., 2]), np.inf, padded[..., 2])
    clear[np.arange(len(count)), depth.argmin(axis=1)] = True
    in_range = (depth >= DEPTH_RANGE_MM[0]) & (depth <= DEPTH_RANGE_MM[1])
    return (clear & in_range)[picture, slot]


def _focal_centre(where: str, image: dict) -> np.ndarray:
    return np.concatenate([numbers(where, image, "f", 2).ravel(), numbers(where, image, "c", 2).ravel()])


def _describe(file_name: str) -> Description:
    return file_name.partition("/")[0], "", None
