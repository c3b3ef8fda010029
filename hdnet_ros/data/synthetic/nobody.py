"""Boxes that hold nobody: what a detector takes for a person beside, behind and far from people."""

from __future__ import annotations

from dataclasses import dataclass

import numba
import numpy as np

from hdnet_ros.data.synthetic.boxes import to_center, to_corners

THING, BACKGROUND, BESIDE = "thing", "background", "beside"
KINDS = (THING, BACKGROUND, BESIDE)
# Detectors call a box a miss below an overlap of 0.5; between the two is neither somebody nor nobody.
LARGEST_IOU = 0.3
_SMALLEST_PX = 20.0
_TRIES = 12


@dataclass(frozen=True, eq=False)
class NobodyBox:
    """A box in the sample's window that holds nobody, or too little of somebody.

    box_xywh_center_px : (4,) x centre, y centre, width, height in pixels of the window
    kind : "thing" (around furniture, a car, a tree), "background" (a person's shape where no person is) or
        "beside" (slipped off somebody, largely empty)
    person_iou : largest intersection over union, 0 to LARGEST_IOU, with what shows of any person
    person_share : share 0 to 1 of the box's pixels that show people
    """

    box_xywh_center_px: np.ndarray
    kind: str
    person_iou: float
    person_share: float


def draw_boxes(
    rng: np.random.Generator, picture_rgb: np.ndarray, instance: np.ndarray, things: np.ndarray, count: int = 4
) -> list[NobodyBox]:
    """Up to `count` boxes of nobody in a window, of all kinds that it has room for.

    Parameters
    ----------
    picture_rgb : (H, W, 3), any unit; background boxes prefer places with structure
    instance : (H, W) number of the person that a pixel shows, -1 for none
    things : (H, W) number of the thing that a pixel shows, negative for none
    """
    people = _outlines(instance)
    makers = {
        THING: lambda: _around_thing(rng, things),
        BACKGROUND: lambda: _shape_of_nobody(rng, picture_rgb, people),
        BESIDE: lambda: _slipped(rng, people),
    }
    found: list[NobodyBox] = []
    for _ in range(_TRIES):
        if len(found) == count:
            break
        kind = KINDS[int(rng.choice(len(KINDS), p=(0.4, 0.3, 0.3)))]
        corners = makers[kind]()
        if corners is None:
            continue
        corners = _within(corners, instance.shape)
        iou = max((_iou(corners, person) for person in people), default=0.0)
        share = _share(instance, corners)
        small = min(corners[2] - corners[0], 0.6 * (corners[3] - corners[1])) < 0.5 * _SMALLEST_PX
        limit = 0.25 if kind != BESIDE else 0.35
        known = any(_iou(corners, to_corners(box.box_xywh_center_px)) > 0.6 for box in found)
        if not (small or known) and iou <= LARGEST_IOU and share <= limit:
            found.append(NobodyBox(to_center(corners), kind, float(iou), float(share)))
    return found


@numba.njit(cache=True, nogil=True)
def _extents(numbers, extents):
    """Least and largest column and row of each number, and how many pixels show it (rows x0 y0 x1 y1 n)."""
    for i in range(numbers.shape[0]):
        for j in range(numbers.shape[1]):
            number = numbers[i, j]
            if number >= 0:
                row = extents[number]
                row[0], row[1] = min(row[0], j), min(row[1], i)
                row[2], row[3] = max(row[2], j), max(row[3], i)
                row[4] += 1


def _outlines(numbers: np.ndarray, least_px: int = 40) -> list[np.ndarray]:
    """Corners around the pixels of every number from 0 up, of those with `least_px` or more."""
    extents = np.tile(np.array([1 << 30, 1 << 30, -1, -1, 0]), (int(numbers.max(initial=-1)) + 1, 1))
    _extents(numbers, extents)
    return [row[:4] + np.array([-0.5, -0.5, 0.5, 0.5]) for row in extents if row[4] >= least_px]


def _around_thing(rng: np.random.Generator, things: np.ndarray) -> np.ndarray | None:
    """Around what shows of one thing, as loosely as detectors are; of wide things a part as narrow as a person."""
    boxes = _outlines(things, 150)
    if not boxes:
        return None
    x, y, w, h = to_center(boxes[int(rng.integers(len(boxes)))])
    if w > 0.8 * h and rng.random() < 0.7:
        narrow = h * rng.uniform(0.3, 0.7)
        x, w = x + rng.uniform(-0.5, 0.5) * max(w - narrow, 0.0), min(w, narrow)
    elif h > 4.0 * w:
        tall = w * rng.uniform(1.8, 4.0)
        y, h = y + rng.uniform(-0.5, 0.5) * (h - tall), tall
    scale = np.exp(rng.normal(0.05, 0.12, 2))
    shift = rng.normal(0, 0.06, 2) * (w, h)
    return to_corners((x + shift[0], y + shift[1], w * scale[0], h * scale[1]))


def _shape_of_nobody(rng: np.random.Generator, picture: np.ndarray, people: list[np.ndarray]) -> np.ndarray:
    """A person's shape, of the size of those in the picture, at the place of three with the most structure."""
    height, width = picture.shape[:2]
    sizes = [person[3] - person[1] for person in people] or [0.4 * height]
    best, best_structure = np.zeros(4), -1.0
    for _ in range(3):
        h = float(np.clip(rng.choice(sizes) * rng.uniform(0.35, 1.1), _SMALLEST_PX, 0.9 * height))
        w = min(h * rng.uniform(0.28, 0.75), 0.9 * width)
        x, y = rng.uniform(0.5 * w, width - 0.5 * w), rng.uniform(0.5 * h, height - 0.5 * h)
        corners = to_corners((x, y, w, h))
        x0, y0, x1, y1 = np.round(corners).astype(int).clip(0)
        patch = picture[y0:y1:2, x0:x1:2, 1].astype(np.float32)
        structure = float(np.abs(np.diff(patch, axis=1)).mean()) if min(patch.shape) > 1 else 0.0
        if structure > best_structure:
            best, best_structure = corners, structure
    return best


def _slipped(rng: np.random.Generator, people: list[np.ndarray]) -> np.ndarray | None:
    """Somebody's box moved so far aside, up or down that most of it is empty."""
    if not people:
        return None
    x, y, w, h = to_center(people[int(rng.integers(len(people)))])
    scale = np.exp(rng.normal(0, 0.2))
    sideways = rng.random() < 0.8
    x += rng.choice([-1, 1]) * w * rng.uniform(0.55, 1.2) if sideways else rng.normal(0, 0.1) * w
    y += rng.normal(0, 0.1) * h if sideways else rng.choice([-1, 1]) * h * rng.uniform(0.6, 1.0)
    return to_corners((x, y, w * scale, h * scale))


def _within(corners: np.ndarray, shape_hw: tuple[int, int]) -> np.ndarray:
    high = np.array([shape_hw[1], shape_hw[0]] * 2) - 0.5
    return np.clip(corners, -0.5, high)


def _iou(a: np.ndarray, b: np.ndarray) -> float:
    both = np.prod(np.maximum(np.minimum(a[2:], b[2:]) - np.maximum(a[:2], b[:2]), 0.0))
    return float(both / max(np.prod(a[2:] - a[:2]) + np.prod(b[2:] - b[:2]) - both, 1e-9))


def _share(instance: np.ndarray, corners: np.ndarray) -> float:
    """Share of a box's pixels that show people."""
    x0, y0, x1, y1 = np.round(corners + 0.5).astype(int)
    inside = instance[y0:y1, x0:x1] >= 0
    return float(inside.mean()) if inside.size else 0.0
