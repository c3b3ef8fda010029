"""demo.mp4 and demo.png from what was recorded."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from hdnet_ros.core.camera import Camera
from hdnet_ros.core.types import PersonFlags
from hdnet_ros.files.roots_file import person_from_record
from hdnet_ros.viz import Composite, FrameCaption, level_rotation

_LEAST_RANGE_M = 4.0
_STILL_AFTER = 0.3


class VideoError(RuntimeError):
    """The video cannot be written or does not play."""


@dataclass(frozen=True, eq=False)
class Clip:
    """What is drawn.

    Parameters
    ----------
    source, estimator : names for the header
    camera : of the pictures
    up_camera : (3,) the world's upward direction in the optical frame; None: not known
    records : lines of persons.jsonl, in the order of their stamps
    source_rate_hz : the source's own rate, at which it is shown again however fast it was played;
        None: the stamps count
    """

    source: str
    estimator: str
    camera: Camera
    up_camera: np.ndarray | None
    records: Sequence[dict]
    source_rate_hz: float | None = None

    def time_ns(self, record: dict) -> int:
        """Return when a frame happened: by its number in the source, or by its stamp."""
        if self.source_rate_hz is None:
            return record["stamp_ns"]
        return round(record["frame"] * 1e9 / self.source_rate_hz)


def draw_clip(
    clip: Clip,
    images: Iterable[tuple[int, np.ndarray]],
    video_path: Path,
    still_path: Path,
    on_frame: Callable[[], None] = lambda: None,
) -> int:
    """Draw the answered frames, return how many; the still is the one with most people.

    Parameters
    ----------
    images : (stamp in ns, picture), in the order of the stamps
    on_frame : called after each frame drawn

    Raises
    ------
    VideoError : OpenCV cannot write or read back the video, or no frame was answered
    """
    by_stamp = {record["stamp_ns"]: record for record in clip.records}
    if not by_stamp:
        raise VideoError("no frame was answered: nothing to draw")
    level = None if clip.up_camera is None else level_rotation(clip.up_camera)
    composite = Composite(clip.camera, range_m(clip.records, level), level)
    times_ns = [clip.time_ns(record) for record in clip.records]
    still_stamp = _still_stamp(clip.records)
    writer = _open_writer(video_path, rate_hz(times_ns), composite.size_wh_px)
    count = 0
    try:
        for stamp_ns, image_rgb in images:
            record = by_stamp.get(stamp_ns)
            if record is None:
                continue
            persons = [person_from_record(person) for person in record["persons"]]
            time_ns = clip.time_ns(record)
            caption = FrameCaption(clip.source, clip.estimator, (time_ns - min(times_ns)) * 1e-9)
            frame = composite.draw(image_rgb, persons, time_ns, caption)
            writer.write(cv2.cvtColor(frame, cv2.COLOR_RGB2BGR))
            if stamp_ns == still_stamp:
                cv2.imwrite(str(still_path), cv2.cvtColor(frame, cv2.COLOR_RGB2BGR))
            count += 1
            on_frame()
    finally:
        writer.release()
    check_plays(video_path, count)
    return count


def range_m(records: Sequence[dict], camera_to_level: np.ndarray | None = None) -> float:
    """Return a reach in metres that nearly everybody of a clip lies within (99 %), and a bit more."""
    roots = [person["root_camera_mm"] for record in records for person in record["persons"]]
    if not roots:
        return 2 * _LEAST_RANGE_M
    ground = np.array(roots) if camera_to_level is None else np.array(roots) @ camera_to_level.T
    distances_m = np.hypot(ground[:, 0], ground[:, 2]) / 1000.0
    return max(_LEAST_RANGE_M, 1.15 * float(np.percentile(distances_m, 99)))


def rate_hz(times_ns: Sequence[int]) -> float:
    """Return the mean rate of frames, between 1 and 60 Hz; 1 for a single frame."""
    if len(times_ns) < 2:
        return 1.0
    seconds = (max(times_ns) - min(times_ns)) * 1e-9
    return float(np.clip((len(times_ns) - 1) / max(seconds, 1e-3), 1.0, 60.0))


def check_plays(path: Path, frame_count: int) -> None:
    """Raise a VideoError unless the file decodes to that many frames."""
    capture = cv2.VideoCapture(str(path))
    read = 0
    while capture.read()[0]:
        read += 1
    capture.release()
    if read != frame_count:
        raise VideoError(f"{path}: {frame_count} frames written, {read} can be read")


def _open_writer(path: Path, rate: float, size_wh_px: tuple[int, int]) -> cv2.VideoWriter:
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter_fourcc(*"mp4v"), rate, size_wh_px)
    if not writer.isOpened():
        raise VideoError(f"{path}: this OpenCV cannot write MPEG-4 video")
    return writer


def _still_stamp(records: Sequence[dict]) -> int:
    """Return the stamp of a frame with as many people as any, late enough to have tracks.

    Who is nobody, or was answered with another's body, speaks against a frame.
    """
    late = records[int(_STILL_AFTER * len(records)) :]
    most = max(_worth(record) for record in late)
    return [record["stamp_ns"] for record in late if _worth(record) == most][-1]


def _worth(record: dict) -> int:
    doubtful = PersonFlags.NOBODY | PersonFlags.SHARED_JOINTS
    return sum(-1 if person.get("flags", 0) & doubtful else 1 for person in record["persons"])
