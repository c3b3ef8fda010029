"""The real-clip benchmark: a fixed calibrated camera over a ground plane, hand-made or detected boxes."""

from __future__ import annotations

from pathlib import Path
from collections.abc import Callable, Iterator

import numpy as np

from hdnet_ros.core.boxes import intersection_over_union, xyxy_from_xywh_center
from hdnet_ros.files.frames import Frame, FrameSource
from hdnet_ros.core.types import Detection
from hdnet_ros.data.labelled import LabelledPicture
from hdnet_ros.data.ground_plane import GroundPlaneClip

MATCH_IOU = 0.4
"""Least overlap at which a detected box counts as the person of a hand-made one."""


def annotated_frames(video: str | Path, clip: GroundPlaneClip, every: int = 1) -> Iterator[Frame]:
    """Every n-th frame of the clip's video that has boxes."""
    last = max(clip.boxes, default=-1)
    for frame in FrameSource(video):
        if frame.index > last:
            return
        if frame.index % every == 0 and frame.index in clip.boxes:
            yield frame


def pictures_of_clip(
    video: str | Path,
    clip: GroundPlaneClip,
    *,
    every: int = 1,
    detect: Callable[[np.ndarray], list[Detection]] | None = None,
    box_change: Callable[[np.ndarray], np.ndarray] | None = None,
    whole_only: bool = True,
) -> Iterator[LabelledPicture]:
    """Labelled pictures of a clip's annotated frames.

    Parameters
    ----------
    video : the clip; frame n of it is frame n of the boxes.
    every : take each n-th frame.
    detect : (H, W, 3) RGB to detections; their boxes replace the hand-made ones they match best
        at an IoU of at least 0.4, and people without a match are left out. None keeps the hand-made.
    whole_only : only people who are whole in the picture: of the others the feet, and so the depth,
        are not known well.
    box_change : applied to every box that is used, for studies of loose boxes.
    """
    for frame in annotated_frames(video, clip, every):
        people = clip.boxes[frame.index]
        if whole_only:
            people = [p for p in people if clip.whole_in_picture(p.box_xywh_center_px)]
        roots = [clip.true_root_camera_mm(p.box_xywh_center_px) for p in people]
        boxes = [p.box_xywh_center_px for p in people]
        if detect is not None:
            boxes = matched_boxes(boxes, detect(frame.image_rgb))
        kept = [i for i, box in enumerate(boxes) if box is not None and np.isfinite(roots[i][2])]
        if kept:
            used = [box_change(boxes[i]) if box_change else boxes[i] for i in kept]
            yield LabelledPicture(
                image_rgb=frame.image_rgb,
                camera=clip.camera,
                detections=[Detection(box_xywh_center_px=box) for box in used],
                depth_mm=np.array([roots[i][2] for i in kept]),
                groups=[frozenset({f"track {people[i].id}"}) for i in kept],
                root_camera_mm=np.array([roots[i] for i in kept]),
                name=f"frame {frame.index}",
                frame=frame.index,
                ids=[people[i].id for i in kept],
            )


def matched_boxes(boxes_xywh: list[np.ndarray], detections: list[Detection]) -> list[np.ndarray | None]:
    """For each hand-made box the box of its detection, or None; the largest overlaps pair up first.

    A detection goes to one person only, and only with an IoU of at least `MATCH_IOU`.
    """
    found = [d.box_xywh_center_px for d in detections]
    return [found[j] if j >= 0 else None for j in pair_boxes(boxes_xywh, found)]


def pair_boxes(boxes_xywh, others_xywh) -> np.ndarray:
    """(N,) for each of N boxes the number of the other it pairs up with, -1 for none; as `matched_boxes`."""
    result = np.full(len(boxes_xywh), -1)
    if not len(boxes_xywh) or not len(others_xywh):
        return result
    corners = xyxy_from_xywh_center(np.array(others_xywh))
    overlap = np.array([intersection_over_union(xyxy_from_xywh_center(b), corners) for b in boxes_xywh])
    while overlap.max() >= MATCH_IOU:
        i, j = np.unravel_index(overlap.argmax(), overlap.shape)
        result[i] = j
        overlap[i, :] = overlap[:, j] = 0
    return result
