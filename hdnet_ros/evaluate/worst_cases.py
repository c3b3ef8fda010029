"""The people whose depth is farthest off, as pictures: box, joints, estimated and true depth."""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from hdnet_ros.core.boxes import xyxy_from_xywh_center
from hdnet_ros.core.skeleton import LINKS
from hdnet_ros.data.labelled import LabelledPicture
from hdnet_ros.evaluate.benchmark import Rows

WORST_CASES = 20
_HEIGHT_PX = 340
_MOST_ASPECT = 1.5
_BOX, _ESTIMATED, _TRUE, _ROOT = (255, 176, 32), (64, 224, 255), (130, 230, 120), (255, 64, 96)


@dataclass(frozen=True)
class WorstCase:
    """One person.

    Parameters
    ----------
    picture : a JPEG as data URI
    name : of the picture in its set
    estimated_m, true_m, sigma_m : depth
    groups : what the person is, in words
    """

    picture: str
    name: str
    estimated_m: float
    true_m: float
    sigma_m: float
    groups: tuple[str, ...] = ()

    @property
    def relative(self) -> float:
        return self.estimated_m / self.true_m - 1


def worst_cases(rows: Rows, pictures: Sequence[LabelledPicture], count: int = WORST_CASES) -> list[WorstCase]:
    """The `count` people of the largest |relative error|, the worst first."""
    cases = []
    for row in _worst(rows.estimated_mm, rows.true_mm, count):
        number, detection = rows.key[row]
        picture = pictures[number]
        true_joints = rows.true_joints_px[row] if rows.true_joints_px else None
        box = picture.detections[detection].box_xywh_center_px
        numbers = rows.root_camera_mm[row], rows.true_mm[row], rows.sigma_mm[row]
        groups = tuple(sorted(rows.groups[row]))
        cases.append(_case(picture, box, rows.joints_px[row], true_joints, numbers, groups))
    return cases


def worst_people(
    people: Sequence[Mapping], pictures: Sequence[LabelledPicture], count: int = WORST_CASES
) -> list[WorstCase]:
    """The same of people given one by one, as the datasets' suite lists them."""
    estimated = [person["root_camera_mm"][2] for person in people]
    true = [person["true_root_camera_mm"][2] for person in people]
    cases = []
    for row in _worst(estimated, true, count):
        person = people[row]
        numbers = np.asarray(person["root_camera_mm"]), true[row], person["sigma_mm"]
        groups = tuple(str(person[key]) for key in ("sequence", "action") if person.get(key))
        box = np.asarray(person["box_xywh_center_px"], float)
        cases.append(_case(pictures[person["picture"]], box, person["joints_px"], None, numbers, groups))
    return cases


def _worst(estimated_mm, true_mm, count: int) -> np.ndarray:
    error = np.abs(np.array(estimated_mm, float) / np.array(true_mm, float) - 1)
    return np.argsort(-error, kind="stable")[:count]


def _case(picture: LabelledPicture, box, joints_px, true_joints_px, numbers, groups) -> WorstCase:
    root_mm, true_mm, sigma_mm = numbers
    root_px = picture.camera.project(np.asarray(root_mm, float))
    crop = person_picture(picture.image_rgb, box, np.asarray(joints_px, float), true_joints_px, root_px)
    name = picture.name or "picture"
    return WorstCase(jpeg_data_uri(crop), name, root_mm[2] / 1000, true_mm / 1000, sigma_mm / 1000, groups)


def person_picture(
    image_rgb: np.ndarray,
    box_xywh_center_px: np.ndarray,
    joints_px: np.ndarray,
    true_joints_px: np.ndarray | None,
    root_px: np.ndarray,
) -> np.ndarray:
    """A person with surroundings, 340 px high: box, true joints under estimated ones, the root.

    Parameters
    ----------
    joints_px, true_joints_px : (17, 2), NaN where unknown
    root_px : (2,)

    Returns
    -------
    (340, W, 3) uint8 RGB
    """
    crop, offset, scale = _surroundings(image_rgb, box_xywh_center_px)

    def place(points) -> np.ndarray:
        return (np.asarray(points, float) - offset + 0.5) * scale - 0.5

    if true_joints_px is not None:
        _skeleton(crop, place(true_joints_px), _TRUE, 1)
    _skeleton(crop, place(joints_px), _ESTIMATED, 2)
    corners = place(xyxy_from_xywh_center(box_xywh_center_px).reshape(2, 2))
    cv2.rectangle(crop, _pixel(corners[0]), _pixel(corners[1]), _BOX, 2, cv2.LINE_AA)
    root = place(root_px)
    if np.isfinite(root).all():
        cv2.circle(crop, _pixel(root), 5, (20, 20, 20), -1, cv2.LINE_AA)
        cv2.circle(crop, _pixel(root), 4, _ROOT, -1, cv2.LINE_AA)
    return crop


def jpeg_data_uri(image_rgb: np.ndarray, quality: int = 82) -> str:
    """The picture as a data URI that needs no file beside it."""
    done, jpeg = cv2.imencode(".jpg", image_rgb[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, quality])
    if not done:
        raise ValueError(f"cannot encode a picture of shape {image_rgb.shape}")
    return "data:image/jpeg;base64," + base64.b64encode(jpeg.tobytes()).decode()


def _surroundings(image_rgb: np.ndarray, box: np.ndarray) -> tuple[np.ndarray, np.ndarray, float]:
    """The enlarged crop around a box, the crop's upper left pixel (2,), and the enlargement."""
    x, y, w, h = (float(v) for v in box)
    height, width = image_rgb.shape[:2]
    reach_y = 0.75 * max(h, 0.6 * w)
    reach_x = float(np.clip(0.75 * w, 0.55 * reach_y, _MOST_ASPECT * reach_y))
    low = np.clip([x - reach_x, y - reach_y], 0, [max(width - 8, 0), max(height - 8, 0)]).astype(int)
    high = np.clip([x + reach_x, y + reach_y], low + 8, [width, height]).astype(int)
    crop = image_rgb[low[1] : high[1], low[0] : high[0]]
    scale = _HEIGHT_PX / crop.shape[0]
    size = max(round(crop.shape[1] * scale), 1), _HEIGHT_PX
    method = cv2.INTER_CUBIC if scale > 1 else cv2.INTER_AREA
    return cv2.resize(np.ascontiguousarray(crop), size, interpolation=method), low.astype(float), scale


def _skeleton(canvas: np.ndarray, joints: np.ndarray, colour, thickness: int) -> None:
    known = np.isfinite(joints).all(axis=1) & (np.abs(joints) < 1e5).all(axis=1)
    for first, second in LINKS:
        if known[first] and known[second]:
            cv2.line(canvas, _pixel(joints[first]), _pixel(joints[second]), colour, thickness, cv2.LINE_AA)


def _pixel(point: np.ndarray) -> tuple[int, int]:
    return round(float(np.clip(point[0], -1e6, 1e6))), round(float(np.clip(point[1], -1e6, 1e6)))
