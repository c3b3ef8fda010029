"""Person boxes of a whole clip in one JSON file (boxes.json)."""

from pathlib import Path

import numpy as np

from hdnet_ros.core.keypoints import SKELETONS, joints_of
from hdnet_ros.core.types import Detection
from hdnet_ros.files.limited_text import MOST_JSON_BYTES, parse_json, read_text


_MOST_DIGITS = 12
_MOST_ID = 80


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
        content = parse_json(path, read_text(path, MOST_JSON_BYTES))
    except ValueError as error:
        raise BoxesFileError(str(error)) from None
    if not isinstance(content, dict) or not isinstance(content.get("boxes"), dict):
        raise BoxesFileError(f'{path}: expected an object with "boxes": {{"<frame number>": [...]}}')
    _check_size(path, content, size_wh_px)
    skeleton = content.get("skeleton")
    if skeleton is not None and (not isinstance(skeleton, str) or skeleton not in SKELETONS):
        raise BoxesFileError(f'{path}: "skeleton" is {_cut(skeleton)}, expected one of {", ".join(SKELETONS)}')
    return {_frame_number(path, key): _detections(path, key, rows, skeleton) for key, rows in content["boxes"].items()}


def _check_size(path: Path, content: dict, size_wh_px: tuple[int, int] | None) -> None:
    named = (content.get("width"), content.get("height"))
    if size_wh_px is not None and None not in named and tuple(named) != tuple(size_wh_px):
        raise BoxesFileError(
            f"{path}: boxes were drawn on {_cut(named[0])} x {_cut(named[1])} px pictures, these are {size_wh_px[0]} x {size_wh_px[1]} px"
        )


def _frame_number(path: Path, key: str) -> int:
    if not (key.isdecimal() and key.isascii() and len(key) <= _MOST_DIGITS):
        raise BoxesFileError(f'{path}: frame "{key[:80]}" is not a number counted from 0')
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
    except (TypeError, ValueError, OverflowError):
        raise BoxesFileError(f"{place}: {_cut(row)} does not hold numbers") from None
    if not 0.0 <= score <= 1.0:
        raise BoxesFileError(f"{place}: score is {score:g}, expected 0 to 1")
    if box.shape != (4,) or not np.isfinite(box).all():
        raise BoxesFileError(f"{place}: {_cut(row['xywh_center_px'])} is not [x centre, y centre, width, height] in px")
    joints_px = None if row.get("keypoints") is None else _joints_px(place, row["keypoints"], skeleton)
    return Detection(box_xywh_center_px=box, score=score, id=str(row.get("id", ""))[:_MOST_ID], joints_px=joints_px)


def _joints_px(place: str, keypoints: object, skeleton: str | None) -> np.ndarray:
    if skeleton is None:
        raise BoxesFileError(f'{place}: has keypoints, but the file names no "skeleton"; expected one of {", ".join(SKELETONS)}')
    try:
        return joints_of(skeleton, np.array([_joint_px(point) for point in keypoints]))
    except (TypeError, ValueError, OverflowError) as error:
        raise BoxesFileError(f"{place}: keypoints are not 17 of [u, v], [u, v, score] or null ({error})") from None


def _joint_px(point: object) -> tuple[float, float]:
    if point is None:
        return np.nan, np.nan
    u, v, score = point if len(point) == 3 else (*point, 1.0)
    u, v, score = float(u), float(v), float(score)
    if not np.isfinite((u, v, score)).all():
        raise ValueError(f"{[u, v, score]} is not finite")
    return (u, v) if score > 0.0 else (np.nan, np.nan)


def _cut(value: object) -> str:
    told = repr(value)
    return told if len(told) <= 120 else told[:117] + "..."
