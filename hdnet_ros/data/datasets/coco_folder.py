"""Any folder of pictures annotated in the style of COCO, with camera intrinsics."""

from __future__ import annotations

from pathlib import Path, PurePosixPath

import numpy as np

from hdnet_ros.core.camera import Camera
from hdnet_ros.files.camera_files import load_camera
from hdnet_ros.core.keypoints import COCO_JOINTS
from hdnet_ros.data.datasets.coco_table import coco_table
from hdnet_ros.data.datasets.fields import numbers
from hdnet_ros.data.datasets.json_stream import stream_items
from hdnet_ros.data.datasets.pictures import Description, PictureSet, PictureTable

CAMERA_NAMES = ("camera.json", "camera.yaml", "camera.yml")


def coco_folder(root: str | Path, annotations: str | None = None) -> PictureSet:
    """The pictures of a COCO-style folder.

    Each image says its intrinsics, as intrinsic [fx, fy, cx, cy], f and c, K (3, 3), or cam_param
    with focal and princpt; or camera.json (or .yaml), as for the nodes, says them for all, lens
    included. Roots come from keypoints_cam, joint_cam or root_cam, mm; without them only 2D is known.

    Parameters
    ----------
    root : folder with one .json of annotations, in it or in annotations/, and the pictures, in it or
        in images/
    annotations : name of that .json below root, where there are several

    Raises
    ------
    FileNotFoundError, ValueError : the file or a key in it is missing, or an image has no intrinsics
    """
    root = Path(root)
    path = root / annotations if annotations else _annotations_in(root)
    camera = next((load_camera(root / name) for name in CAMERA_NAMES if (root / name).is_file()), None)
    table = coco_table(path, _joint_names(path), _reader_of(camera))
    del table["image_id"]
    return PictureSet(
        name=root.resolve().name,
        protocol=f"{path.name} of {root.resolve().name}, true boxes",
        table=PictureTable(**table),
        image_folders=(root / "images", root),
        describe=_describe,
        rows=np.arange(len(table["file_name"])),
        camera=camera,
    )


def _annotations_in(root: Path) -> Path:
    found = sorted(p for p in (*root.glob("*.json"), *root.glob("annotations/*.json")) if p.name not in CAMERA_NAMES)
    if not found:
        raise FileNotFoundError(f"{root}: no .json of annotations in it or in annotations/")
    if len(found) > 1:
        names = ", ".join(str(p.relative_to(root)) for p in found)
        raise ValueError(f"{root}: several files of annotations ({names}), expected one")
    return found[0]


def _joint_names(path: Path) -> tuple[str, ...]:
    """Of the first category that has keypoints; COCO's 17 where none says."""
    for key, item in stream_items(path):
        if key == "categories" and isinstance(item, dict) and item.get("keypoints"):
            return tuple(item["keypoints"])
    return COCO_JOINTS


def _reader_of(camera: Camera | None):
    def read(where: str, image: dict) -> np.ndarray:
        if camera is not None:
            return camera.K[[0, 1, 0, 1], [0, 1, 2, 2]]
        if "intrinsic" in image:
            return numbers(where, image, "intrinsic", 4).ravel()
        if "K" in image:
            return numbers(where, image, "K", 9).reshape(3, 3)[[0, 1, 0, 1], [0, 1, 2, 2]]
        if "cam_param" in image:
            image, names = image["cam_param"], ("focal", "princpt")
        elif "f" in image:
            names = ("f", "c")
        else:
            known = "'intrinsic', 'f' and 'c', 'K' or 'cam_param'"
            raise ValueError(f"{where}: no intrinsics, expected {known}, or a {CAMERA_NAMES[0]} in the folder")
        return np.concatenate([numbers(where, image, name, 2).ravel() for name in names])

    return read


def _describe(file_name: str) -> Description:
    parent = str(PurePosixPath(file_name).parent)
    return ("" if parent == "." else parent), "", None
