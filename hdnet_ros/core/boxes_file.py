"""Person boxes of a whole clip in one JSON file (boxes.json)."""

import json
from pathlib import Path

import numpy as np

from hdnet_ros.core.types import Detection


class BoxesFileError(ValueError):
    """The file is not a boxes.json; the message names the file, the place and what belongs there."""


def load_boxes(path: str | Path, size_wh_px: tuple[int, int] | None = None) -> dict[int, list[Detection]]:
    """Read {"width", "height", "boxes": {"<frame>": [{"id", "xywh_center_px", "score"?}]}}.

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
        If the file is no JSON, misses a key, or holds a box that is not four finite numbers.
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
    return {_frame_number(path, key): _detections(path, key, rows) for key, rows in content["boxes"].items()}


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


def _detections(path: Path, key: str, rows: object) -> list[Detection]:
    if not isinstance(rows, list):
        raise BoxesFileError(f"{path}: frame {key} holds {type(rows).__name__}, expected a list of boxes")
    return [_detection(f"{path}: frame {key}, box {number}", row) for number, row in enumerate(rows)]


def _detection(place: str, row: object) -> Detection:
    if not isinstance(row, dict) or "xywh_center_px" not in row:
        raise BoxesFileError(f'{place}: expected an object with "xywh_center_px"')
    try:
        box = np.asarray(row["xywh_center_px"], dtype=np.float64)
        score = float(row.get("score", 1.0))
    except (TypeError, ValueError):
        raise BoxesFileError(f"{place}: {row} does not hold numbers") from None
    if box.shape != (4,) or not np.isfinite(box).all():
        raise BoxesFileError(f"{place}: {row['xywh_center_px']} is not [x centre, y centre, width, height] in px")
    return Detection(box_xywh_center_px=box, score=score, id=str(row.get("id", "")))
