"""2D joints of people in pictures, labelled by hand: a file beside or apart from the pictures."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from hdnet_ros.core.boxes import intersection_over_union, xyxy_from_xywh_center
from hdnet_ros.core.skeleton import JOINT_NAMES
from hdnet_ros.data.labelled import LabelledPicture

_SAME_BOX_IOU = 0.5
_EXPECTED = (
    '{"pictures": {"<picture>": [{"id": "0", "box_xywh_center_px": [x, y, width, height], '
    '"joints_px": {"nose": [x, y]}}]}}'
)


class LabelledJointsError(ValueError):
    """The file of joints is not as it should be; says what was found and what belongs there."""


@dataclass(frozen=True, eq=False)
class LabelledPerson:
    """Joints of one person in a picture.

    Attributes
    ----------
    id : of the person's box
    box_xywh_center_px : (4,) px
    joints_px : (17, 2) in the order of core/skeleton; NaN where the joint is not labelled
    """

    id: str
    box_xywh_center_px: np.ndarray
    joints_px: np.ndarray


def load_joints(path: str | Path) -> dict[str, list[LabelledPerson]]:
    """Labelled people by the name of their picture (its path from the folder of pictures, without suffix).

    Raises
    ------
    LabelledJointsError : no JSON of that form, a joint that the skeleton has not, or one without a place
    """
    path = Path(path)
    try:
        pictures = json.loads(path.read_text(encoding="utf-8"))["pictures"]
        return {name: [_person(person) for person in people] for name, people in pictures.items()}
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise LabelledJointsError(f"{path}: {type(error).__name__}: {error}; expected {_EXPECTED}") from None


def with_joints(pictures: Sequence[LabelledPicture], path: str | Path) -> list[LabelledPicture]:
    """The pictures, and in each the labelled joints of its people; nobody else's joints are visible.

    PCK is measured in the longer side of a person's box. A picture that the file does not name stays, without
    joints.

    Raises
    ------
    LabelledJointsError : as `load_joints`; the file names none of the pictures, a person that a picture has
        not, or one whose box is elsewhere
    """
    labels = load_joints(path)
    if not any(picture.name in labels for picture in pictures):
        here = ", ".join(picture.name for picture in pictures[:3])
        raise LabelledJointsError(
            f"{path}: names none of the pictures; it has {', '.join(list(labels)[:3]) or 'nothing'}, the folder {here}"
        )
    return [_labelled(picture, labels.get(picture.name, []), path) for picture in pictures]


def _person(person: dict[str, Any]) -> LabelledPerson:
    joints_px = np.full((len(JOINT_NAMES), 2), np.nan)
    for name, place_px in person["joints_px"].items():
        if name not in JOINT_NAMES:
            raise ValueError(f"joint {name!r}, expected one of {', '.join(JOINT_NAMES)}")
        joints_px[JOINT_NAMES.index(name)] = _numbers(place_px, 2, name)
    box = _numbers(person["box_xywh_center_px"], 4, "box_xywh_center_px")
    return LabelledPerson(str(person["id"]), box, joints_px)


def _numbers(values: Any, count: int, name: str) -> np.ndarray:
    numbers = np.asarray(values, dtype=np.float64)
    if numbers.shape != (count,) or not np.isfinite(numbers).all():
        raise ValueError(f"{name} is {values}, expected {count} finite numbers")
    return numbers


def _labelled(picture: LabelledPicture, people: Sequence[LabelledPerson], path: str | Path) -> LabelledPicture:
    boxes = np.array([d.box_xywh_center_px for d in picture.detections], dtype=np.float64).reshape(-1, 4)
    joints_px = np.full((len(boxes), len(JOINT_NAMES), 2), np.nan)
    numbers = {detection.id: i for i, detection in enumerate(picture.detections)}
    for person in people:
        place = numbers.get(person.id)
        if place is None:
            raise LabelledJointsError(f"{path}: {picture.name} has no person {person.id!r}, but {', '.join(numbers)}")
        overlap = intersection_over_union(
            xyxy_from_xywh_center(person.box_xywh_center_px), xyxy_from_xywh_center(boxes[place : place + 1])
        )[0]
        if overlap < _SAME_BOX_IOU:
            raise LabelledJointsError(
                f"{path}: the box of {person.id!r} in {picture.name} is {person.box_xywh_center_px.tolist()}, in the "
                f"folder {boxes[place].tolist()} (overlap {overlap:.2f}): is it the same picture, in the same size?"
            )
        joints_px[place] = person.joints_px
    return replace(
        picture,
        joints_px=joints_px,
        joint_visible=np.isfinite(joints_px).all(axis=-1),
        tight_longer_side_px=boxes[:, 2:].max(axis=1, initial=0.0),
    )
