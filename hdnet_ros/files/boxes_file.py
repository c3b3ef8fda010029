"""Person boxes of a whole clip in one JSON file (boxes.json)."""

import json
from pathlib import Path

import numpy as np

from hdnet_ros.core.keypoints import SKELETONS, joints_of
from hdnet_ros.core.types import Detection


class BoxesFileError(ValueError):
    """The file is not a boxes.json; the message names the file, the place and what belongs there."""


def load_boxes(path: str | Path, size_wh_px: tuple[int, int] | None = None) -> dict[int, list[Detection]]:
    """Read {"width", "height", "boxes": {"<frame>": [{"id", "xywh_center_px", "score"?, "keypoints"?}]}}.

    Keypoints are the joints of another 2D pose estimator, 17 of [u, v] or [u, v, score] in px, null
    or a score of 0 for one that was not found. Whose order they are in must be said beside "boxes":
    "skeleton" is "coco17" or "human36m17".

    Parameters
    ----------
    path : str or Path
        The file. "width" and "height" are those of the pictures the boxes were drawn on.
    size_wh_px : (int, int), optional
        Size of the pictures at hand; where the file names another one, that is an error.

    Returns
    -------
    dict
        Frame number to detections, boxes as (centre x, centre y, width, height) in px. Frames
        that the file does not name are absent: nobody looked at them.

    Raises
    ------
    BoxesFileError
        If the file is no JSON, misses a key, or holds a box that is not four finite numbers or
        keypoints that are not 17 of a named skeleton.
    """
    path = Path(path)
    try:
        content = json.loads(path.read_text())
    except FileNotFoundError:
        raise BoxesFileError(f"{path}: no such file") from None
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        raise BoxesFileError(f"{path}: not JSON ({error})") from None
    if not isinstance(content, dict) or not isinstance(content.get("boxes"), dict):
        raise BoxesFileError(f'{path}: expected an object with "boxes": {{"<frame number>": [...]}}')
    _check_size(path, content, size_wh_px)
    skeleton = content.get("skeleton")
    if skeleton is not None and skeleton not in SKELETONS:
        raise BoxesFileError(f'{path}: "skeleton" is {skeleton!r}, expected one of {", ".join(SKELETONS)}')
    return {_frame_number(path, key): _detections(path, key, rows, skeleton) for key, rows in content["boxes"].items()}


def _check_size(path: Path, content: dict, size_wh_px: tuple[int, int] | None) -> None:
    named = (content.get("width"), content.get("height"))
    if size_wh_px is not None and None not in named and tuple(named) != tuple(size_wh_px):
        raise BoxesFileError(
            f"{path}: boxes were drawn on {named[0]} x {named[1]} px pictures, these are {size_wh_px[0]} x {size_wh_px[1]} px"
        )


def _frame_number(path: Path, key: str) -> int:
    if not key.isdecimal():
        raise BoxesFileError(f'{path}: frame "{key}" is not a number counted from 0')
    return int(key)


def _detections(path: Path, key: str, rows: object, skeleton: str | None) -> list[Detection]:
    if not isinstance(rows, list):
        raise BoxesFileError(f"{path}: frame {key} holds {type(rows).__name__}, expected a list of boxes")
    return [_detection(f"{path}: frame {key}, box {number}", row, skeleton) for number, row in enumerate(rows)]


def _detection(place: str, row: object, skeleton: str | None) -> Detection:
    if not isinstance(row, dict) or "xywh_center_px" not in row:
        raise BoxesFileError(f'{place}: expected an object with "xywh_center_px"')
    try:
        box = np.asarray(row["xywh_center_px"], dtype=np.float64)
        score = float(row.get("score", 1.0))
    except (TypeError, ValueError):
        raise BoxesFileError(f"{place}: {row} does not hold numbers") from None
    if box.shape != (4,) or not np.isfinite(box).all():
        raise BoxesFileError(f"{place}: {row['xywh_center_px']} is not [x centre, y centre, width, height] in px")
    joints_px = None if row.get("keypoints") is None else _joints_px(place, row["keypoints"], skeleton)
    return Detection(box_xywh_center_px=box, score=score, id=str(row.get("id", "")), joints_px=joints_px)


def _joints_px(place: str, keypoints: object, skeleton: str | None) -> np.ndarray:
    if skeleton is None:
        raise BoxesFileError(f'{place}: has keypoints, but the file names no "skeleton"; expected one of {", ".join(SKELETONS)}')
    try:
        return joints_of(skeleton, np.array([_joint_px(point) for point in keypoints]))
    except (TypeError, ValueError) as error:
        raise BoxesFileError(f"{place}: keypoints are not 17 of [u, v], [u, v, score] or null ({error})") from None


def _joint_px(point: object) -> tuple[float, float]:
    if point is None:
        return np.nan, np.nan
    u, v, score = point if len(point) == 3 else (*point, 1.0)
    return (float(u), float(v)) if float(score) > 0.0 else (np.nan, np.nan)
