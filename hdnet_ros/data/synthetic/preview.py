"""A contact sheet of samples with boxes and joints drawn, to look at beside real pictures."""

from __future__ import annotations

import cv2
import numpy as np

from hdnet_ros.core.skeleton import LINKS
from hdnet_ros.data.synthetic.sample import SyntheticSample, make_sample

_RIGHT, _LEFT, _MIDDLE = (255, 90, 60), (70, 150, 255), (90, 230, 90)
_NOBODY = (255, 80, 255)


def draw_labels(sample: SyntheticSample, scale: float = 1.0) -> np.ndarray:
    """The sample's picture (RGB) enlarged by `scale` with detector boxes, tight boxes, boxes of nobody and
    the joints; hidden joints are hollow."""
    height, width = sample.image_rgb.shape[:2]
    picture = cv2.resize(
        sample.image_rgb,
        (max(int(width * scale), 1), max(int(height * scale), 1)),
        interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR,
    )

    def pixel(point) -> tuple[int, int]:
        return tuple(int(np.clip(round((v + 0.5) * scale - 0.5), -9999, 9999)) for v in point)

    for empty in sample.nobody:
        x, y, w, h = empty.box_xywh_center_px
        cv2.rectangle(picture, pixel((x - w / 2, y - h / 2)), pixel((x + w / 2, y + h / 2)), _NOBODY, 1)
    for person in sample.people:
        for box, colour in (
            (person.box_xywh_center_px, (255, 220, 0)),
            (person.tight_box_xywh_center_px, (200, 200, 200)),
        ):
            x, y, w, h = box
            cv2.rectangle(picture, pixel((x - w / 2, y - h / 2)), pixel((x + w / 2, y + h / 2)), colour, 1)
        joints = np.nan_to_num(person.joints_px)
        for a, b in LINKS:
            colour = (
                _RIGHT
                if {a, b} & {1, 2, 3, 14, 15, 16}
                else _LEFT
                if {a, b} & {4, 5, 6, 11, 12, 13}
                else _MIDDLE
            )
            cv2.line(picture, pixel(joints[a]), pixel(joints[b]), colour, 1, cv2.LINE_AA)
        for point, visible in zip(joints, person.joint_visible):
            cv2.circle(picture, pixel(point), 2, (255, 255, 255), -1 if visible else 1, cv2.LINE_AA)
    return picture


def contact_sheet(
    count: int = 48,
    seed: int = 0,
    split: str = "train",
    first: int = 0,
    columns: int = 8,
    cell_px: int = 240,
    labels: bool = True,
) -> np.ndarray:
    """Sheet (RGB) of samples `first` .. `first` + count - 1, each fitted into a square cell with its size
    and depth written on it."""
    rows = -(-count // columns)
    sheet = np.full((rows * cell_px, columns * cell_px, 3), 30, np.uint8)
    for k in range(count):
        sample = make_sample(seed, first + k, split)
        scale = cell_px / max(sample.image_rgb.shape[:2])
        bare = SyntheticSample(sample.image_rgb, sample.camera, []) if not labels else sample
        picture = draw_labels(bare, scale)
        y, x = (k // columns) * cell_px, (k % columns) * cell_px
        if labels:
            text = f"{sample.people[0].root_camera_mm[2] / 1000:.1f} m  {sample.image_rgb.shape[1]}px"
            cv2.putText(picture, text, (3, 11), cv2.FONT_HERSHEY_SIMPLEX, 0.36, (255, 255, 255), 1, cv2.LINE_AA)
        sheet[y : y + picture.shape[0], x : x + picture.shape[1]] = picture
    return sheet


def write_preview(path, count: int = 48, seed: int = 0, split: str = "train", labels: bool = True) -> None:
    """Write the contact sheet as a PNG."""
    cv2.imwrite(str(path), contact_sheet(count, seed, split, labels=labels)[..., ::-1])
