"""The camera picture with boxes, skeletons, ids and distances."""

from collections.abc import Sequence

import cv2
import numpy as np

from hdnet_ros.core.skeleton import LINKS, ROOT
from hdnet_ros.core.types import PersonEstimate, PersonFlags
from hdnet_ros.viz.theme import BACKGROUND, TEXT, Colour, colour_of, draw_text, mix, plate, text_size

Rectangle = tuple[float, float, float, float]

_SHIFT = 4
_MIN_CONFIDENCE = 0.0


def draw_overlay(image_rgb: np.ndarray, persons: Sequence[PersonEstimate], scale: float = 1.0) -> np.ndarray:
    """Return a copy of the picture with every person drawn on it, nearest last.

    A box that is nobody (flag NOBODY) is a faint frame with the certainty that somebody is there.

    Parameters
    ----------
    image_rgb : (H, W, 3) uint8
        The picture the estimates were made on.
    persons : sequence of PersonEstimate
        May be empty. The distance written is the Euclidean one in metres.
    scale : float
        Enlargement of the result; lines and text stay sharp.
    """
    if scale == 1.0:
        canvas = np.ascontiguousarray(image_rgb).copy()
    else:
        canvas = cv2.resize(image_rgb, None, fx=scale, fy=scale, interpolation=cv2.INTER_CUBIC)
    unit_px = max(1.0, canvas.shape[0] / 720.0)
    people = [person for person in persons if not person.flags & PersonFlags.NOBODY]
    by_depth = sorted(people, key=lambda person: -person.root_camera_mm[2])
    for person in persons:
        if person.flags & PersonFlags.NOBODY:
            _draw_nobody(canvas, person, scale, unit_px)
    for person in by_depth:
        _draw_box(canvas, person, scale, unit_px)
        _draw_skeleton(canvas, person, scale, unit_px)
    taken: list[Rectangle] = []
    for person in reversed(by_depth):
        taken.append(_draw_label(canvas, person, scale, unit_px, taken))
    return canvas


def distance_m(person: PersonEstimate) -> float:
    """Return the Euclidean distance from the camera to the person's root in metres."""
    return float(np.linalg.norm(person.root_camera_mm)) / 1000.0


def _draw_box(canvas: np.ndarray, person: PersonEstimate, scale: float, unit_px: float) -> None:
    """Draw a thin frame with marked corners: it shows the box without hiding the person."""
    x, y, w, h = _scaled(person.box_xywh_center_px, scale)
    colour = colour_of(person.id)
    left, top, right, bottom = x - w / 2, y - h / 2, x + w / 2, y + h / 2
    faint = max(1, round(unit_px))
    for start, end in (((left, top), (right, top)), ((right, top), (right, bottom)),
                       ((right, bottom), (left, bottom)), ((left, bottom), (left, top))):  # fmt: skip
        _line(canvas, start, end, mix(colour, BACKGROUND, 0.25), faint)
    arm = min(w, h) * 0.22
    for corner_x, inward_x in ((left, arm), (right, -arm)):
        for corner_y, inward_y in ((top, arm), (bottom, -arm)):
            _line(canvas, (corner_x, corner_y), (corner_x + inward_x, corner_y), colour, 2 * faint)
            _line(canvas, (corner_x, corner_y), (corner_x, corner_y + inward_y), colour, 2 * faint)


def _draw_nobody(canvas: np.ndarray, person: PersonEstimate, scale: float, unit_px: float) -> None:
    x, y, w, h = _scaled(person.box_xywh_center_px, scale)
    corners = [(x - w / 2, y - h / 2), (x + w / 2, y - h / 2), (x + w / 2, y + h / 2), (x - w / 2, y + h / 2)]
    faint = mix(TEXT, BACKGROUND, 0.5)
    for start, end in zip(corners, corners[1:] + corners[:1]):
        _line(canvas, start, end, faint, max(1, round(unit_px)))
    said = f"nobody ({100.0 * person.existence:.0f} %)"
    draw_text(canvas, said, (x - w / 2 + 2 * unit_px, y - h / 2 + 8 * unit_px), 7.0 * unit_px, faint)


def _draw_skeleton(canvas: np.ndarray, person: PersonEstimate, scale: float, unit_px: float) -> None:
    joints = np.asarray(person.joints_px, dtype=np.float64)
    shown = np.isfinite(joints).all(axis=1) & (np.asarray(person.joint_confidence) > _MIN_CONFIDENCE)
    joints = (joints + 0.5) * scale - 0.5
    colour = colour_of(person.id)
    # A person 90 px high takes thinner bones than one who fills the picture.
    thickness = max(1, min(round(4 * unit_px), round(person.box_xywh_center_px[3] * scale / 75.0)))
    for first, second in LINKS:
        if shown[first] and shown[second]:
            _line(canvas, joints[first], joints[second], mix(colour, BACKGROUND, 0.75), thickness + 2)
    for first, second in LINKS:
        if shown[first] and shown[second]:
            _line(canvas, joints[first], joints[second], mix(colour, (255, 255, 255), 0.25), thickness)
    radius = 0.8 * thickness + 0.3
    for joint in joints[shown]:
        _disc(canvas, joint, radius, (255, 255, 255))
    if shown[ROOT]:
        _disc(canvas, joints[ROOT], radius + 2.2, BACKGROUND)
        _disc(canvas, joints[ROOT], radius + 1.2, colour)


def _draw_label(
    canvas: np.ndarray, person: PersonEstimate, scale: float, unit_px: float, taken: list[Rectangle]
) -> Rectangle:
    """Write id and distance above the box, above the labels that are there already."""
    x, y, _, h = _scaled(person.box_xywh_center_px, scale)
    cap = 9.5 * unit_px
    distance = f"{distance_m(person):.1f} m"
    name_w = text_size(person.id, cap, bold=True)[0] if person.id else 0
    distance_w, height = text_size(distance, cap)
    width = name_w + distance_w + round(3 * unit_px)
    left = min(max(x - width / 2, 0.0), max(canvas.shape[1] - width, 0.0))
    top = free_top((left, y - h / 2 - height - 4 * unit_px, width, height), taken)
    plate(canvas, (left, top, left + width, top + height), BACKGROUND, 0.72)
    middle = top + height / 2
    draw_text(canvas, person.id, (left + 1, middle), cap, colour_of(person.id), bold=True)
    draw_text(canvas, distance, (left + name_w + unit_px, middle), cap, TEXT)
    return (left, top, width, height)


def free_top(wanted: Rectangle, taken: Sequence[Rectangle]) -> float:
    """Return the nearest free y at or above that of `wanted`, at least 0.

    Rectangles are (left, top, width, height). Where the column is full up to the picture's
    upper edge, labels overlap there rather than vanish.
    """
    left, top, width, height = wanted
    in_the_way = [r for r in taken if r[0] < left + width and left < r[0] + r[2]]
    for _, other_top, _, other_height in sorted(in_the_way, key=lambda r: -r[1]):
        if other_top < top + height and top < other_top + other_height:
            top = other_top - height - 1
    return max(top, 0.0)


def _scaled(box: np.ndarray, scale: float) -> tuple[float, float, float, float]:
    x, y, w, h = np.asarray(box, dtype=np.float64)
    return (x + 0.5) * scale - 0.5, (y + 0.5) * scale - 0.5, w * scale, h * scale


def _fixed(xy: Sequence[float]) -> tuple[int, int]:
    return round(float(xy[0]) * (1 << _SHIFT)), round(float(xy[1]) * (1 << _SHIFT))


def _line(canvas: np.ndarray, start: Sequence[float], end: Sequence[float], colour: Colour, thickness: int) -> None:
    cv2.line(canvas, _fixed(start), _fixed(end), colour, thickness, cv2.LINE_AA, _SHIFT)


def _disc(canvas: np.ndarray, centre: Sequence[float], radius: float, colour: Colour) -> None:
    cv2.circle(canvas, _fixed(centre), round(radius * (1 << _SHIFT)), colour, -1, cv2.LINE_AA, _SHIFT)
