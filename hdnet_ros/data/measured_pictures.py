"""Pictures of people at measured distances: a folder of images, camera files, boxes and true depths."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from hdnet_ros.core.boxes import touches_border
from hdnet_ros.core.camera import check_image_size
from hdnet_ros.core.types import Detection
from hdnet_ros.data.labelled import LabelledPicture
from hdnet_ros.files.boxes_file import load_boxes
from hdnet_ros.files.camera_files import load_camera
from hdnet_ros.files.frames import FrameSource, natural_key

TRUTH_SUFFIX = ".truth.json"
_PICTURE_SUFFIXES = (".jpg", ".jpeg", ".png")
_FRAME = 0
DISTANCES_M = (0.0, 1.5, 3.0, 6.0, 10.0, 20.0, 30.0, 50.0, 1000.0)
"""Borders of the groups that people are reported in."""


class MeasuredPicturesError(ValueError):
    """The folder is not as it should be; says which file, what was found and what belongs there."""


def measured_pictures(root: str | Path) -> list[LabelledPicture]:
    """The pictures of a folder and of the folders in it, in the order of their names.

    Beside `<stem>.jpg` (or .png) lie

    - `<stem>.camera.yaml`, or one `camera.yaml` for the whole folder: camera_info;
    - `<stem>.boxes.json`: boxes of frame "0" as `hdnet localize --boxes` takes them, each with an id;
    - `<stem>.truth.json`: {"people": [{"id", "z_m", "cut"?, "occluded"?, "kind"?}]}, `z_m` the depth of
      the pelvis along the optical axis in metres, `cut` and `occluded` what hides part of the person
      (empty: nothing), `kind` a name of a group of your own.

    Groups of each person: what cuts or hides them, how far away they are, and the kind.

    Raises
    ------
    MeasuredPicturesError : no truth file, a file that lies alone, an id without a box, a depth that is none
    """
    root = Path(root)
    truths = sorted(root.rglob("*" + TRUTH_SUFFIX), key=lambda path: (str(path.parent), natural_key(path)))
    if not truths:
        raise MeasuredPicturesError(
            f"{root}: no file <picture>{TRUTH_SUFFIX} in it or below; docs/measure_your_camera.md says how "
            "to make one"
        )
    return [_picture(path, root) for path in truths]


def _picture(truth_path: Path, root: Path) -> LabelledPicture:
    stem = truth_path.with_name(truth_path.name.removesuffix(TRUTH_SUFFIX))
    image_path = _beside(stem, _PICTURE_SUFFIXES, "the picture")
    camera_path = stem.with_name(stem.name + ".camera.yaml")
    camera = load_camera(camera_path if camera_path.is_file() else stem.with_name("camera.yaml"))
    image_rgb = next(iter(FrameSource(image_path))).image_rgb
    check_image_size(image_rgb, camera)
    boxes_path = _beside(stem, (".boxes.json",), "the boxes")
    boxes = {box.id: box for box in load_boxes(boxes_path, camera.size_wh_px).get(_FRAME, [])}
    people = list(_people(truth_path, boxes))
    cut = [bool(person.get("cut")) for person in people]
    detections = [boxes[person["id"]] for person in people]
    return LabelledPicture(
        image_rgb=image_rgb,
        camera=camera,
        detections=[Detection(box.box_xywh_center_px, id=box.id) for box in detections],
        depth_mm=np.array([1000.0 * person["z_m"] for person in people]),
        groups=[_groups(person) for person in people],
        truncated=np.array(
            [c or touches_border(d.box_xywh_center_px, camera.size_wh_px) for c, d in zip(cut, detections)]
        ),
        name=str(stem.relative_to(root)),
    )


def _people(path: Path, boxes: dict[str, Detection]) -> Iterator[dict[str, Any]]:
    try:
        people = json.loads(path.read_text(encoding="utf-8"))["people"]
        people = [{**person, "id": str(person["id"]), "z_m": float(person["z_m"])} for person in people]
    except (ValueError, KeyError, TypeError) as error:
        raise MeasuredPicturesError(
            f'{path}: expected {{"people": [{{"id": "0", "z_m": 2.31}}]}} ({type(error).__name__}: {error})'
        ) from None
    for person in people:
        if not 0.0 < person["z_m"] < DISTANCES_M[-1]:
            raise MeasuredPicturesError(
                f"{path}: z_m of {person['id']!r} is {person['z_m']}, expected metres, above 0 and below "
                f"{DISTANCES_M[-1]:g}"
            )
        if person["id"] not in boxes:
            raise MeasuredPicturesError(
                f"{path}: id {person['id']!r} has no box; the boxes file has {', '.join(sorted(boxes)) or 'none'}"
            )
    yield from people


def _groups(person: dict[str, Any]) -> frozenset[str]:
    cut = "cut by the picture" if person.get("cut") else ""
    hidden = "" if str(person.get("occluded") or "0") in ("", "0") else "hidden by something"
    whole = "" if cut or hidden else "whole and unhidden"
    far = next(
        f"{low:g} to {high:g} m" for low, high in zip(DISTANCES_M[:-1], DISTANCES_M[1:]) if person["z_m"] < high
    )
    return frozenset(filter(None, (cut, hidden, whole, far, str(person.get("kind") or ""))))


def _beside(stem: Path, suffixes: tuple[str, ...], what: str) -> Path:
    for suffix in suffixes:
        path = stem.with_name(stem.name + suffix)
        if path.is_file():
            return path
    expected = " or ".join(stem.name + suffix for suffix in suffixes)
    raise MeasuredPicturesError(f"{stem}{TRUTH_SUFFIX} lies alone: {what} should be {expected} beside it")
