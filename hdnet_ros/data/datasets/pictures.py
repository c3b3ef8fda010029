"""A data set's annotations as numpy columns, and the labelled pictures they become on access."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from hdnet_ros.core.camera import Camera
from hdnet_ros.core.skeleton import ROOT
from hdnet_ros.core.types import Detection
from hdnet_ros.data.labelled import LabelledPicture, Truth
from hdnet_ros.data.clip import pair_boxes


@dataclass(frozen=True, eq=False)
class PictureTable:
    """Annotations of F pictures with P people, in the pictures' order, and D detections.

    Attributes
    ----------
    file_name : (F,) bytes, below one of the image folders.
    focal_centre_px : (F, 4) fx, fy, cx, cy.
    size_wh_px : (F, 2), 0 where the files do not say.
    first_person : (F + 1,) people of picture i are rows first_person[i] to first_person[i + 1].
    box_xywh_center_px : (P, 4).
    joints_px, joints_camera_mm : (P, 17, 2) and (P, 17, 3) in the order of core/skeleton, NaN where
        the set has no such joint.
    joint_visible : (P, 17) bool.
    is_valid : (P,) bool, whether the person counts.
    person_id : (P,) of the annotation.
    given_joints_px : (P, 17, 2) of another 2D estimator.
    joint_occluded : (P, 17) bool.
    universal_joints_mm : (P, 17, 3).
    first_detection, detection_box_xywh_center_px, detection_score : (F + 1,), (D, 4), (D,); None
        takes the boxes of the people that count.
    """

    file_name: np.ndarray
    focal_centre_px: np.ndarray
    size_wh_px: np.ndarray
    first_person: np.ndarray
    box_xywh_center_px: np.ndarray
    joints_px: np.ndarray
    joints_camera_mm: np.ndarray
    joint_visible: np.ndarray
    is_valid: np.ndarray
    person_id: np.ndarray
    given_joints_px: np.ndarray | None = None
    joint_occluded: np.ndarray | None = None
    universal_joints_mm: np.ndarray | None = None
    first_detection: np.ndarray | None = None
    detection_box_xywh_center_px: np.ndarray | None = None
    detection_score: np.ndarray | None = None


Description = tuple[str, str, "int | None"]


@dataclass(frozen=True, eq=False)
class PictureSet(Sequence):
    """Labelled pictures that read their image when they are taken.

    Iterate over it rather than making a list of it, which would hold every image.

    Attributes
    ----------
    name, protocol : of the set, for reports.
    table : its annotations.
    image_folders : where file names are looked for, in order.
    describe : file name to (sequence, action, frame).
    rows : (M,) pictures of the table that belong to the set.
    cameras : one camera with its lens for every picture, instead of the table's pinholes.
    """

    name: str
    protocol: str
    table: PictureTable
    image_folders: tuple[Path, ...]
    describe: Callable[[str], Description]
    rows: np.ndarray
    camera: Camera | None = None

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, index):
        if isinstance(index, slice):
            return dataclasses.replace(self, rows=self.rows[index])
        return self._picture(int(self.rows[index]))

    def __iter__(self) -> Iterator[LabelledPicture]:
        return (self._picture(int(row)) for row in self.rows)

    def _picture(self, row: int) -> LabelledPicture:
        table = self.table
        name = table.file_name[row].decode()
        image = read_image(self.image_folders, name)
        camera = self.camera or _camera(table, row, image, name)
        people = np.arange(table.first_person[row], table.first_person[row + 1])
        valid = people[table.is_valid[people]]
        detections, person = self._detections(row, valid)
        sequence, action, frame = self.describe(name)
        joints_mm = _rows(table.joints_camera_mm, person)
        joints_px = _rows(table.joints_px, person)
        return LabelledPicture(
            image_rgb=image,
            camera=camera,
            detections=detections,
            depth_mm=joints_mm[:, ROOT, 2],
            root_camera_mm=joints_mm[:, ROOT],
            joints_camera_mm=joints_mm,
            joints_px=joints_px,
            joint_visible=table.joint_visible[person] & np.isfinite(joints_px).all(-1) & (person >= 0)[:, None],
            tight_longer_side_px=_longer_sides(joints_px),
            groups=[_groups(table, p, action or sequence) for p in person],
            given_joints_px=None if table.given_joints_px is None else _rows(table.given_joints_px, person),
            ids=[str(table.person_id[p]) if p >= 0 else "" for p in person],
            name=name,
            sequence=sequence,
            action=action,
            frame=frame,
            truth=_truth(table, people),
        )

    def _detections(self, row: int, valid: np.ndarray) -> tuple[list[Detection], np.ndarray]:
        """Detections of a picture, and for each the row of its person, -1 for nobody."""
        table = self.table
        if table.first_detection is None:
            return [Detection(box) for box in table.box_xywh_center_px[valid]], valid
        found = np.arange(table.first_detection[row], table.first_detection[row + 1])
        boxes = table.detection_box_xywh_center_px[found]
        matched = pair_boxes(boxes, table.box_xywh_center_px[valid])
        person = np.array([valid[j] if j >= 0 else -1 for j in matched], dtype=int)
        scores = table.detection_score[found]
        return [Detection(b, score=float(s)) for b, s in zip(boxes, scores, strict=True)], person


def read_image(folders: Sequence[Path], name: str) -> np.ndarray:
    """(H, W, 3) uint8 RGB of the first folder that has the file; its EXIF orientation is ignored.

    Raises
    ------
    FileNotFoundError : no folder has it
    ValueError : it is no image
    """
    path = next((folder / name for folder in folders if (folder / name).is_file()), None)
    if path is None:
        raise FileNotFoundError(f"{name}: no such image in {' or '.join(str(f) for f in folders)}")
    image = cv2.imread(str(path), cv2.IMREAD_COLOR | cv2.IMREAD_IGNORE_ORIENTATION)
    if image is None:
        raise ValueError(f"{path}: not an image")
    return cv2.cvtColor(image, cv2.COLOR_BGR2RGB)


def box_around_joints(joints_px: np.ndarray, enlargement: float = 1.2) -> np.ndarray:
    """(..., 4) boxes around joints (..., 17, 2), centre, width and height, enlarged as RootNet's are."""
    low, high = np.nanmin(joints_px, axis=-2), np.nanmax(joints_px, axis=-2)
    return np.concatenate([0.5 * (low + high), enlargement * (high - low)], axis=-1)


def box_from_corner(box_xywh_px: np.ndarray) -> np.ndarray:
    """(..., 4) centre, width, height of COCO's (..., 4) left, top, width, height."""
    box = np.asarray(box_xywh_px, dtype=np.float64)
    return np.concatenate([box[..., :2] + 0.5 * box[..., 2:], box[..., 2:]], axis=-1)


def _camera(table: PictureTable, row: int, image: np.ndarray, name: str) -> Camera:
    fx, fy, cx, cy = table.focal_centre_px[row]
    size = image.shape[1], image.shape[0]
    said = tuple(int(side) for side in table.size_wh_px[row])
    if all(said) and said != size:
        raise ValueError(f"{name} is {size[0]} x {size[1]} px, its annotation says {said[0]} x {said[1]} px")
    return Camera(np.array([[fx, 0.0, cx], [0.0, fy, cy], [0.0, 0.0, 1.0]]), size)


def _rows(column: np.ndarray, person: np.ndarray) -> np.ndarray:
    """Rows of a float column, NaN for the rows of nobody (-1)."""
    if not len(column):
        return np.full((len(person), *column.shape[1:]), np.nan)
    nobody = (person < 0).reshape(-1, *[1] * (column.ndim - 1))
    return np.where(nobody, np.nan, column[person].astype(np.float64))


def _longer_sides(joints_px: np.ndarray) -> np.ndarray:
    known = np.isfinite(joints_px)
    low = np.where(known, joints_px, np.inf).min(axis=1, initial=np.inf)
    high = np.where(known, joints_px, -np.inf).max(axis=1, initial=-np.inf)
    return np.where(np.isfinite(high - low), high - low, np.nan).max(axis=1)


def _groups(table: PictureTable, person: int, name: str) -> frozenset[str]:
    groups = {name} if name else set()
    if person >= 0 and table.joint_occluded is not None and table.joint_occluded[person].mean() > 0.25:
        groups.add("over a quarter of the joints occluded")
    return frozenset(groups)


def _truth(table: PictureTable, people: np.ndarray) -> Truth:
    def of(column):
        return None if column is None else column[people]

    joints_mm = _rows(table.joints_camera_mm, people)
    return Truth(
        root_camera_mm=joints_mm[:, ROOT],
        joints_camera_mm=joints_mm,
        joints_px=_rows(table.joints_px, people),
        is_valid=table.is_valid[people],
        joint_occluded=of(table.joint_occluded),
        universal_joints_mm=of(table.universal_joints_mm),
    )
