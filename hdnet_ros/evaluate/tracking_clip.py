"""The real clip as a tracking benchmark: a fixed camera over a ground plane, true tracks by hand."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np

from hdnet_ros.core.types import Detection
from hdnet_ros.data.clip import annotated_frames, matched_boxes
from hdnet_ros.data.ground_plane import GroundPlaneClip
from hdnet_ros.data.labelled import TrackingPicture, TruePerson

RATE_HZ = 7.0
"""PETS 2009 was recorded at about 7 pictures a second, whatever the file's header says."""

_WINDOW_S = 0.75


def tracking_pictures(
    video: str | Path,
    clip: GroundPlaneClip,
    estimator,
    *,
    every: int = 1,
    detect: Callable[[np.ndarray], list[Detection]] | None = None,
) -> Iterator[TrackingPicture]:
    """The clip's annotated pictures, located by an estimator; the world of the clip is the tracking frame.

    Parameters
    ----------
    every : take each n-th picture
    detect : (H, W, 3) RGB to detections, which then all are used; None takes the hand-made boxes
    """
    truth = true_people(clip)
    pose = camera_to_world(clip)
    for frame in annotated_frames(video, clip, every):
        people = clip.boxes[frame.index]
        boxes = [Detection(p.box_xywh_center_px) for p in people]
        ids = [p.id for p in people]
        if detect is not None:
            boxes = detect(frame.image_rgb)
            ids = _ids_of_boxes(people, boxes)
        named = [Detection(b.box_xywh_center_px, b.score, str(i)) for i, b in enumerate(boxes)]
        persons = estimator.localize(frame.image_rgb, named, clip.camera)
        yield TrackingPicture(
            stamp_ns=round(frame.index * 1e9 / RATE_HZ),
            camera_to_tracking=pose,
            persons=[replace(person, id="") for person in persons],
            true_ids=[ids[int(person.id)] for person in persons],
            truth={p.id: truth[frame.index, p.id] for p in people if (frame.index, p.id) in truth},
        )


def camera_to_world(clip: GroundPlaneClip) -> np.ndarray:
    """(4, 4) pose of the clip's camera in its world, mm, z up."""
    pose = np.eye(4)
    pose[:3, :3] = clip.rotation_world_to_camera.T
    pose[:3, 3] = -clip.rotation_world_to_camera.T @ clip.translation_world_to_camera_mm
    return pose


def true_people(clip: GroundPlaneClip) -> dict[tuple[int, str], TruePerson]:
    """Roots in the world and velocities by (frame, track id).

    Hand-made boxes jitter by a pixel or two, a foot's row by 0.2 m of ground and more: position and
    velocity are those of a straight line through the roots of 0.75 s before and after. People for
    whom that window has fewer than five pictures are left out, as are boxes that the image cuts.
    """
    pose = camera_to_world(clip)
    tracks: dict[str, dict[int, np.ndarray]] = {}
    for (frame, name), root_mm in clip.true_roots_camera_mm().items():
        box = next(p.box_xywh_center_px for p in clip.boxes[frame] if p.id == name)
        if np.isfinite(root_mm).all() and clip.whole_in_picture(box):
            tracks.setdefault(name, {})[frame] = pose[:3, :3] @ root_mm + pose[:3, 3]
    people = {}
    for name, roots_mm in tracks.items():
        for frame in roots_mm:
            near = [f for f in roots_mm if abs(f - frame) <= _WINDOW_S * RATE_HZ]
            if len(near) < 5:
                continue
            times_s = (np.array(near) - frame) / RATE_HZ
            slope, middle = np.polyfit(times_s, np.array([roots_mm[f] for f in near]), 1)
            people[frame, name] = TruePerson(middle, slope)
    return people


def _ids_of_boxes(people: list[Detection], boxes: list[Detection]) -> list[str]:
    """The true id of each detected box, empty for a false one."""
    found = matched_boxes([p.box_xywh_center_px for p in people], boxes)
    ids = [""] * len(boxes)
    for person, box in zip(people, found, strict=True):
        for i, candidate in enumerate(boxes):
            if box is candidate.box_xywh_center_px:
                ids[i] = person.id
    return ids

