"""The walkers of the synthetic clip seen from a robot that drives and turns: a tracking benchmark."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from hdnet_ros.core.camera import Camera
from hdnet_ros.core.types import Detection
from hdnet_ros.demo.synthetic_clip import (
    RATE_HZ,
    WALKERS,
    backdrop,
    box_xywh_center_px,
    render,
    scene_camera,
)
from hdnet_ros.evaluate.tracking_scores import TrackingPicture, TruePerson

CAMERA_HEIGHT_MM = 1400.0
START_MM = np.array([-500.0, -1500.0])
SPEED_MM_S = 500.0
_TURN_RAD, _TURN_PERIOD_S = 0.2, 6.0
# A person is to be followed where at least this much of the box is high and wide enough to be seen.
_LEAST_BOX_PX = 40.0
_VELOCITY_STEP_S = 0.2
_ROOT_SHARE = 0.53


def camera_pose(time_s: float) -> np.ndarray:
    """(4, 4) pose of the camera in the world (mm, z up, y ahead) at a time."""
    yaw_rad = _TURN_RAD * np.sin(2.0 * np.pi * time_s / _TURN_PERIOD_S)
    ahead = np.array([-np.sin(yaw_rad), np.cos(yaw_rad), 0.0])
    right = np.array([ahead[1], -ahead[0], 0.0])
    pose = np.eye(4)
    pose[:3, :3] = np.stack([right, [0.0, 0.0, -1.0], ahead], axis=1)
    pose[:3, 3] = *(START_MM + [0.0, SPEED_MM_S * time_s]), CAMERA_HEIGHT_MM
    return pose


def driving_pictures(
    estimator, *, frame_count: int = 80, every: int = 1
) -> Iterator[TrackingPicture]:
    """The drive, located by an estimator from true boxes without ids; the world is the tracking frame."""
    camera, _, _ = scene_camera()
    for frame in range(0, frame_count, every):
        time_s = frame / RATE_HZ
        pose = camera_pose(time_s)
        rotation, translation_mm = pose[:3, :3].T, -pose[:3, :3].T @ pose[:3, 3]
        behind = backdrop(camera, rotation, translation_mm)
        image, _ = render(time_s, camera, rotation, translation_mm, behind)
        boxes = _boxes(time_s, camera, rotation, translation_mm)
        named = [Detection(box, 1.0, name) for name, box in boxes.items()]
        persons = estimator.localize(image, named, camera)
        yield TrackingPicture(
            stamp_ns=round(time_s * 1e9),
            camera_to_tracking=pose,
            persons=[replace(person, id="") for person in persons],
            true_ids=[person.id for person in persons],
            truth={name: _truth(int(name), time_s) for name in boxes},
        )


def _boxes(time_s: float, camera: Camera, rotation, translation_mm) -> dict[str, np.ndarray]:
    boxes = {}
    for number, walker in enumerate(WALKERS):
        box = box_xywh_center_px(walker, time_s, camera, rotation, translation_mm)
        if box is not None and box[3] >= _LEAST_BOX_PX and box[2] >= 0.2 * box[3]:
            boxes[str(number)] = box
    return boxes


def _truth(number: int, time_s: float) -> TruePerson:
    """Root and velocity; the velocity is NaN within a step of where the walker turns round."""
    walker = WALKERS[number]
    places, directions = zip(
        *(walker.ground_mm(time_s + step) for step in (-_VELOCITY_STEP_S, 0.0, _VELOCITY_STEP_S))
    )
    velocity = np.array([*(directions[1] * walker.speed_mm_s), 0.0])
    if directions[0] @ directions[2] < 0.0:
        velocity[:] = np.nan
    return TruePerson(np.array([*places[1], _ROOT_SHARE * walker.stature_mm]), velocity)
