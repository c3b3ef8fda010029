"""JSON lines of people in camera space: one line a frame, the output of `hdnet localize`."""

import json
import math
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import numpy as np

from hdnet_ros.core.types import PersonEstimate, PersonFlags


def frame_record(index: int, stamp_ns: int, persons: Sequence[PersonEstimate]) -> dict:
    """Return the JSON object of one frame; nobody there is an empty list of persons."""
    return {"frame": int(index), "stamp_ns": int(stamp_ns), "persons": [person_record(p) for p in persons]}


def person_record(person: PersonEstimate) -> dict:
    """Return the JSON object of one person; joints that were not estimated are [null, null].

    Units: px of the source picture and millimetres in the camera's optical frame. "joints_camera_mm"
    is there only where the network has a 3D pose, "root_network_camera_mm" only where the joints are
    not the network's own.
    """
    return {
        "id": person.id,
        "score": _number(person.score, 4),
        "existence": _number(person.existence, 4),
        "child_probability": _number(person.child_probability, 4),
        "flags": int(person.flags),
        "box_xywh_center_px": _numbers(person.box_xywh_center_px, 2),
        "root_camera_mm": _numbers(person.root_camera_mm, 1),
        "depth_sigma_mm": _number(person.depth_sigma_mm, 1),
        "joints_px": [_numbers(joint, 2) for joint in person.joints_px],
        **_pose_record(person),
        "focal_px": _number(person.focal_px, 4),
        "patch_px": _number(person.patch_px, 4),
    }


def _pose_record(person: PersonEstimate) -> dict:
    record: dict = {}
    if person.joints_camera_mm is not None:
        record["joints_camera_mm"] = [_numbers(joint, 1) for joint in person.joints_camera_mm]
    if person.root_network_camera_mm is not None:
        record["root_network_camera_mm"] = _numbers(person.root_network_camera_mm, 1)
    return record


def person_from_record(record: dict) -> PersonEstimate:
    """Return the person that a record is of; what the record does not hold is NaN.

    Joints that were estimated come with a confidence of 1.
    """
    joints_px = np.array(record["joints_px"], dtype=np.float64)
    joints_mm = record.get("joints_camera_mm")
    return PersonEstimate(
        id=record["id"],
        score=float(record["score"]),
        existence=float(record.get("existence", 1.0)),
        child_probability=_float(record.get("child_probability")),
        flags=PersonFlags(record.get("flags", 0)),
        box_xywh_center_px=np.array(record["box_xywh_center_px"], dtype=np.float64),
        root_camera_mm=np.array(record["root_camera_mm"], dtype=np.float64),
        depth_sigma_mm=float(record["depth_sigma_mm"]),
        normalised_depth=math.nan,
        focal_px=float(record["focal_px"]),
        patch_px=_float(record["patch_px"]),
        patch_focal_px=math.nan,
        joints_px=joints_px,
        joint_confidence=np.isfinite(joints_px).all(axis=1).astype(np.float64),
        joints_camera_mm=None if joints_mm is None else np.array(joints_mm, dtype=np.float64),
    )


def write_records(path: str | Path, records: Iterable[dict]) -> int:
    """Write one record a line as they come; return how many frames were written."""
    count = 0
    with open(path, "w", encoding="utf-8") as stream:
        for record in records:
            stream.write(json.dumps(record, allow_nan=False) + "\n")
            count += 1
    return count


def read_records(path: str | Path) -> Iterator[dict]:
    """Yield the frames of a JSON lines file; ValueError names the line that is not JSON."""
    with open(path, encoding="utf-8") as stream:
        for number, line in enumerate(stream, start=1):
            try:
                yield json.loads(line)
            except json.JSONDecodeError as error:
                raise ValueError(f"{path}, line {number}: not JSON ({error})") from None


def _float(value: float | None) -> float:
    return math.nan if value is None else float(value)


def _number(value: float, digits: int) -> float | None:
    value = float(value)
    return round(value, digits) if math.isfinite(value) else None


def _numbers(values: np.ndarray, digits: int) -> list[float | None]:
    return [_number(value, digits) for value in np.asarray(values, dtype=np.float64)]
