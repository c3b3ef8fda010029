"""Person boxes (centre x, centre y, width, height) in px: what is wrong with one, size, overlap."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from hdnet_ros.core.camera import Camera
from hdnet_ros.core.types import Detection

# A box that comes this close to the border, in px or as a share of the image, may go on outside.
_BORDER_PX = 2.0
_BORDER_SHARE = 0.01
# Smaller boxes show nobody; a person of 8 px is 200 m away for a camera of 60 degrees and 1280 px.
LEAST_LONGER_PX = 8.0
LEAST_SHORTER_PX = 2.0
# Boxes may reach beyond the image, where a detector guesses the legs of somebody near, but not so far.
MOST_IMAGES = 10.0
_SHARE_RIM = 0.25
# Boxes of two people seldom overlap so much, those of one person who was found twice do.
_SAME_PERSON_IOU = 0.6


def xyxy_from_xywh_center(boxes: np.ndarray) -> np.ndarray:
    """(..., 4) x0, y0, x1, y1 of (..., 4) centre x, centre y, width, height."""
    boxes = np.asarray(boxes, dtype=np.float64)
    half = 0.5 * boxes[..., 2:]
    return np.concatenate([boxes[..., :2] - half, boxes[..., :2] + half], axis=-1)


def xywh_center_from_xyxy(boxes: np.ndarray) -> np.ndarray:
    """(..., 4) centre x, centre y, width, height of (..., 4) x0, y0, x1, y1."""
    boxes = np.asarray(boxes, dtype=np.float64)
    low, high = boxes[..., :2], boxes[..., 2:]
    return np.concatenate([0.5 * (low + high), high - low], axis=-1)


def box_problem(box_xywh_center_px: np.ndarray, size_wh_px: tuple[int, int]) -> str | None:
    """Why a box cannot be used, in words with its values, or None when it can."""
    box = np.asarray(box_xywh_center_px, dtype=np.float64)
    if not np.isfinite(box).all():
        return f"box {box.tolist()} has non-finite values"
    if box[2] <= 0.0 or box[3] <= 0.0:
        return f"box is {box[2]:g} x {box[3]:g} px, expected above 0"
    if np.abs(box).max() > 1e6:
        return f"box {box.tolist()} is beyond a million px"
    if are_shares(box):
        return f"box {box.tolist()} is in shares of the image (0 to 1), expected px"
    if box[2:].max() < LEAST_LONGER_PX or box[2:].min() < LEAST_SHORTER_PX:
        return f"box is {box[2]:g} x {box[3]:g} px, expected at least {LEAST_LONGER_PX:g} px on its longer side"
    width, height = size_wh_px
    if box[2:].max() > MOST_IMAGES * max(width, height):
        return f"box is {box[2]:g} x {box[3]:g} px, the image {width} x {height}"
    x0, y0, x1, y1 = xyxy_from_xywh_center(box)
    if x1 <= -0.5 or y1 <= -0.5 or x0 >= width - 0.5 or y0 >= height - 0.5:
        return (
            f"box x {x0:.1f}..{x1:.1f}, y {y0:.1f}..{y1:.1f} px "
            f"lies outside the {width} x {height} image"
        )
    return None


def are_shares(box_xywh: np.ndarray) -> bool:
    """Whether a box (4,) can only be in shares of the image's width and height: 0 to 1, and a rim."""
    low, high = -_SHARE_RIM, 1.0 + _SHARE_RIM
    return bool((low <= box_xywh).all() and (box_xywh <= high).all())


def detection_problem(detection: Detection, size_wh_px: tuple[int, int]) -> str | None:
    """Why a person's box or score cannot be used, in words with its values, or None when they can."""
    if not 0.0 <= detection.score <= 1.0:
        return f"score is {detection.score:g}, expected 0 to 1"
    return box_problem(detection.box_xywh_center_px, size_wh_px)


def touches_border(box_xywh_center_px: np.ndarray, size_wh_px: tuple[int, int]) -> bool:
    """Whether a box comes within 2 px or 1 % of the image's border, so that it may be cut off."""
    x0, y0, x1, y1 = xyxy_from_xywh_center(box_xywh_center_px)
    width, height = size_wh_px
    near_x, near_y = (max(_BORDER_PX, _BORDER_SHARE * size) for size in size_wh_px)
    return bool(
        x0 < near_x or y0 < near_y or x1 > width - 1 - near_x or y1 > height - 1 - near_y
    )


def bottom_touches_border(box_xywh_center_px: np.ndarray, size_wh_px: tuple[int, int]) -> bool:
    """Whether a box comes within 2 px or 1 % of the image's lower border, so that feet may be cut off."""
    height = size_wh_px[1]
    near_y = max(_BORDER_PX, _BORDER_SHARE * height)
    return bool(xyxy_from_xywh_center(box_xywh_center_px)[3] > height - 1 - near_y)


def turned_box(
    box_xywh_center_px: np.ndarray, camera: Camera
) -> tuple[np.ndarray, np.ndarray] | tuple[None, None]:
    """Ray through a fisheye's box, and the box's size for a pinhole that is turned to look along it.

    Off a fisheye's axis a px is not depth over focal length wide; px of the turned pinhole are
    distance over focal length wide in the middle of every box. Other lenses are taken for the
    pinholes that they nearly are.

    Parameters
    ----------
    box_xywh_center_px : (4,) px of the source

    Returns
    -------
    (3,) unit vector through the box's middle in the camera's frame, and (2,) width and height
    between the middles of the box's edges, px of a pinhole with the camera's `focal_px`. Half a
    side whose edge the turned pinhole cannot see is taken to be as long as the other half. (None,
    None) where the camera is no fisheye, and where the middle or two opposite edges have no ray.
    """
    if camera.distortion_model != "equidistant":
        return None, None
    x, y, width, height = (float(value) for value in box_xywh_center_px)
    across, down = 0.5 * width, 0.5 * height
    points_px = np.array([(x, y), (x - across, y), (x + across, y), (x, y - down), (x, y + down)])
    rays = camera.rays(points_px)
    rays /= np.linalg.norm(rays, axis=-1, keepdims=True)
    ray, cosines = rays[0], rays[1:] @ rays[0]
    with np.errstate(invalid="ignore"):
        halves = np.linalg.norm(rays[1:] / cosines[:, None] - ray, axis=-1)
    halves = np.where(cosines > 0.0, halves, np.nan).reshape(2, 2)
    halves = np.where(np.isfinite(halves), halves, halves[:, ::-1])
    size_wh_px = camera.focal_px * halves.sum(axis=1)
    return (ray, size_wh_px) if np.isfinite(size_wh_px).all() else (None, None)


def most_overlapping(box_xywh: np.ndarray, others_xywh: np.ndarray, most: int) -> np.ndarray:
    """Those (K, 4), at most `most`, of other boxes (N, 4) that overlap a box (4,) on the largest areas, the largest first.

    A box that is nearly the same is not somebody else's but the same person's, found twice, and is left out.
    """
    box, others = xyxy_from_xywh_center(box_xywh), xyxy_from_xywh_center(others_xywh).reshape(-1, 4)
    sides = np.minimum(box[2:], others[:, 2:]) - np.maximum(box[:2], others[:, :2])
    area = np.prod(np.maximum(sides, 0.0), axis=1)
    area[intersection_over_union(box, others) > _SAME_PERSON_IOU] = 0.0
    order = np.argsort(-area, kind="stable")[:most]
    return np.asarray(others_xywh, dtype=np.float64).reshape(-1, 4)[order[area[order] > 0.0]]


def intersection_over_union(box_xyxy: np.ndarray, others_xyxy: np.ndarray) -> np.ndarray:
    """IoU (N,) of one box (4,) with others (N, 4), all x0, y0, x1, y1."""
    low = np.maximum(box_xyxy[:2], others_xyxy[:, :2])
    high = np.minimum(box_xyxy[2:], others_xyxy[:, 2:])
    overlap = np.prod(np.clip(high - low, 0.0, None), axis=1)
    area = np.prod(box_xyxy[2:] - box_xyxy[:2])
    areas = np.prod(others_xyxy[:, 2:] - others_xyxy[:, :2], axis=1)
    return overlap / np.maximum(area + areas - overlap, 1e-12)


def suppress_overlaps(
    boxes_xyxy: np.ndarray, scores: Sequence[float] | np.ndarray, iou_limit: float
) -> list[int]:
    """Indices of the boxes that no better-scored one overlaps by more than the limit, best first."""
    boxes = np.asarray(boxes_xyxy, dtype=np.float64).reshape(-1, 4)
    order = list(np.argsort(-np.asarray(scores, dtype=np.float64), kind="stable"))
    kept: list[int] = []
    while order:
        best = order.pop(0)
        kept.append(int(best))
        if order:
            iou = intersection_over_union(boxes[best], boxes[order])
            order = [index for index, value in zip(order, iou) if value <= iou_limit]
    return kept
