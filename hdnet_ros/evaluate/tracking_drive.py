"""How well people of the rendered drive are followed."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np

from hdnet_ros.core.ground import Ground, GroundConfig, apply_ground
from hdnet_ros.core.types import Detection
from hdnet_ros.data.driving_scene import DrivingScene, load_driving_scene, pose_mm
from hdnet_ros.data.labelled import TrackingPicture
from hdnet_ros.evaluate.tracking_scores import score_tracks


def driving_pictures(
    scene: DrivingScene, estimator, *, every: int = 1, floor: GroundConfig | None = None
) -> Iterator[TrackingPicture]:
    """The drive for `score_tracks`, located by an estimator from its boxes without ids; odom is the tracking frame.

    Parameters
    ----------
    estimator : anything with an estimator's localize
    every : take each n-th picture
    floor : how far the feet on the floor of base_footprint are believed; None: not asked
    """
    ground = Ground.from_transform(np.linalg.inv(pose_mm(scene.camera_to_base)))
    for frame, image_rgb in scene.pictures(every):
        named = [Detection(box, 1.0, name) for name, box in frame.boxes.items()]
        persons = estimator.localize(image_rgb, named, scene.camera)
        if floor is not None:
            persons = apply_ground(persons, scene.camera, ground, floor)
        yield TrackingPicture(
            stamp_ns=round(frame.time_s * 1e9),
            camera_to_tracking=pose_mm(scene.camera_to_odom(frame)),
            persons=[replace(person, id="") for person in persons],
            true_ids=[person.id for person in persons],
            truth={name: frame.people[name].truth for name in frame.boxes},
        )


def tracks_of_drive(estimator, folder: str | Path, every: int = 1) -> dict[str, dict]:
    """`score_tracks` of the estimator alone and with the feet on the floor."""
    scene = load_driving_scene(folder)
    return {
        f"drive, {name}": score_tracks(driving_pictures(scene, estimator, every=every, floor=floor))
        for name, floor in {"depth alone": None, "with the floor": GroundConfig(fuse_depth=True)}.items()
    }
