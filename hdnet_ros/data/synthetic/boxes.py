"""Boxes as detectors give them: each sample has a detector with habits, each person its own jitter, cuts and
mix-ups."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class DetectorStyle:
    """Habits of one detector, the same for everyone in a picture.

    pad_wh : factors on width and height (0.92 is tight, 1.35 as loose as HOG)
    fixed_aspect : width over height that every box gets, or 0
    scale_sd, shift_sd : deviation of the log size and of the centre, in box sizes
    amodal_share : how often a box covers hidden parts too
    merge_share : how often it takes in half of a neighbour
    takes_vehicles : whether boxes go around what somebody rides or pushes too, as the boxes of cyclists in KITTI
    """

    pad_wh: tuple[float, float]
    fixed_aspect: float
    scale_sd: float
    shift_sd: float
    amodal_share: float
    merge_share: float = 0.03
    takes_vehicles: bool = False


def draw_style(rng: np.random.Generator) -> DetectorStyle:
    """A random detector: neural (near the person), loose, or pedestrian with a fixed aspect."""
    kind = rng.choice(3, p=(0.6, 0.2, 0.2))
    scale_sd, shift_sd = rng.uniform(0.02, 0.08), rng.uniform(0.015, 0.055)
    amodal = rng.uniform(0.1, 0.9)
    habits = {"scale_sd": scale_sd, "shift_sd": shift_sd, "amodal_share": amodal, "takes_vehicles": rng.random() < 0.4}
    if kind == 0:
        return DetectorStyle((rng.normal(1.03, 0.06), rng.normal(1.01, 0.04)), 0.0, **habits)
    loose = rng.uniform(1.05, 1.35)
    if kind == 1:
        return DetectorStyle((loose * rng.normal(1.0, 0.07), loose), 0.0, **habits)
    return DetectorStyle((1.0, loose), rng.choice([0.41, 0.5, rng.uniform(0.36, 0.6)]), **habits)


def to_center(box_xyxy: np.ndarray) -> np.ndarray:
    """(x0, y0, x1, y1) to (x centre, y centre, width, height), px."""
    x0, y0, x1, y1 = box_xyxy
    return np.array([(x0 + x1) / 2, (y0 + y1) / 2, x1 - x0, y1 - y0], np.float64)


def to_corners(box_xywh_center: np.ndarray) -> np.ndarray:
    """(x centre, y centre, width, height) to (x0, y0, x1, y1), px."""
    x, y, w, h = box_xywh_center
    return np.array([x - w / 2, y - h / 2, x + w / 2, y + h / 2], np.float64)


def clip_corners(box_xyxy: np.ndarray, picture_xyxy: np.ndarray) -> np.ndarray:
    """The part of a box inside the picture (corners may coincide when it lies outside)."""
    low, high = picture_xyxy[[0, 1, 0, 1]], picture_xyxy[[2, 3, 2, 3]]
    return np.clip(box_xyxy, low, high)


def detect(
    rng: np.random.Generator,
    style: DetectorStyle,
    amodal_xyxy,
    visible_xyxy,
    neighbours_xyxy,
    picture_xyxy,
    may_clip: bool = True,
) -> np.ndarray:
    """The box (x centre, y centre, width, height) px that a detector of this style reports.

    Parameters
    ----------
    amodal_xyxy : around the whole body, also outside the picture and behind things
    visible_xyxy : around what shows
    neighbours_xyxy : boxes of other people that a sloppy detector may half take in
    picture_xyxy : the picture's borders in the same pixels; boxes are cut there (by most detectors)
    """
    base = np.asarray(amodal_xyxy if rng.random() < style.amodal_share else visible_xyxy, np.float64)
    cut = bool(np.any(clip_corners(base, picture_xyxy) != base))
    base = clip_corners(base, picture_xyxy)
    if len(neighbours_xyxy) and rng.random() < style.merge_share:
        other = clip_corners(
            np.asarray(neighbours_xyxy[rng.integers(len(neighbours_xyxy))], np.float64), picture_xyxy
        )
        joined = np.concatenate([np.minimum(base[:2], other[:2]), np.maximum(base[2:], other[2:])])
        base = base + 0.5 * (joined - base)
    x, y, w, h = to_center(base)
    common, aspect = (
        np.exp(style.scale_sd * rng.standard_normal()),
        np.exp(0.6 * style.scale_sd * rng.standard_normal()),
    )
    w, h = w * style.pad_wh[0] * common * aspect, h * style.pad_wh[1] * common / aspect
    if style.fixed_aspect and not cut and h > 1.2 * w:
        w = style.fixed_aspect * h
    x, y = x + style.shift_sd * w * rng.standard_normal(), y + style.shift_sd * h * rng.standard_normal()
    box = to_corners((x, y, max(w, 4.0), max(h, 4.0)))
    if may_clip and rng.random() < 0.9:
        box = clip_corners(box, picture_xyxy)
    result = to_center(box)
    return (
        result
        if result[2] >= 3 and result[3] >= 3
        else to_center(clip_corners(np.asarray(visible_xyxy, np.float64), picture_xyxy))
    )
