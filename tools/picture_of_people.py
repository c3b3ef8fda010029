#!/usr/bin/env python3
"""Render the first picture of README: people near a robot's camera, answered by detector and HDNet.

    tools/picture_of_people.py [OUT.jpg]

Bodies, clothes and scenery are drawn ones of the hold-out, no photographs; the answer is that of the
bundled weights. Beside each distance that is published the true one is printed.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import cv2
import numpy as np

from hdnet_ros.core.camera import Camera
from hdnet_ros.data.synthetic import drive, labels
from hdnet_ros.data.synthetic.backdrop import draw_backdrop
from hdnet_ros.data.synthetic.backgrounds import cache_folder, load_bank
from hdnet_ros.data.synthetic.cameras import CameraView
from hdnet_ros.data.synthetic.people import PeopleFactory
from hdnet_ros.data.synthetic.scene import render_scene, trace_scene
from hdnet_ros.data.synthetic.statures import Identity
from hdnet_ros.locate.detectors import make_detector
from hdnet_ros.locate.factory import EstimatorSettings, make_estimator
from hdnet_ros.tracking.tracking import PersonTracker
from hdnet_ros.viz import Composite, FrameCaption, level_rotation

SIZE_WH_PX, FOCAL_PX = (960, 720), 700.0
_STANDING_UP = np.array([0.0, -1.0, 0.0])
# Ahead and to the left of the robot, m; walking unless the last is given: then sitting, facing that yaw.
ACTORS = (
    drive.Actor(Identity("male", 34.0, 1.78), 31, (2.5, 0.75), (-0.5, -0.6)),
    drive.Actor(Identity("female", 41.0, 1.63), 12, (3.4, -0.75), (-0.9, 0.1)),
    drive.Actor(Identity("male", 25.0, 1.86), 19, (1.9, -1.15), (0.7, 0.2)),
    drive.Actor(Identity("female", 7.0, 1.22), 15, (4.3, 0.35), (-0.55, 0.1)),
    drive.Actor(Identity("male", 52.0, 1.74), 21, (5.6, -1.9), (0.1, 0.9)),
    drive.Actor(Identity("female", 30.0, 1.68), 14, (5.4, 2.2), yaw_rad=-2.6),
)


def render() -> tuple[np.ndarray, Camera, list[np.ndarray]]:
    """Picture (H, W, 3) RGB, its camera, and everybody's true root (3,) in camera space, mm."""
    factory, bank = PeopleFactory(cache_folder(), split="holdout"), load_bank("holdout", Path(drive.__file__).parent)
    meshes = [_mesh(factory, actor) for actor in ACTORS]
    scene = drive.make_scene(bank, meshes[-1], ACTORS[-1].yaw_rad)
    pose = drive.base_to_odom(drive.base_pose(0.0)) @ drive.camera_to_base()
    centre = [(side - 1) / 2 for side in SIZE_WH_PX]
    K = np.array([[FOCAL_PX, 0.0, centre[0]], [0.0, FOCAL_PX, centre[1]], [0.0, 0.0, 1.0]])
    view = CameraView(Camera.from_matrix(K, SIZE_WH_PX), pose[:3, :3].T, pose[:3, 3])
    surfaces = trace_scene(scene, view)
    people = labels.render(view, meshes, scene.light)
    backdrop = draw_backdrop(np.random.default_rng(3), bank, surfaces.rays, as_photo=False)
    shown = (people.rgb, people.alpha, people.depth_m)
    linear = render_scene(scene, bank, view, surfaces, backdrop, meshes, shown)
    roots_mm = [1000.0 * pose[:3, :3].T @ (mesh.joints_world_m[0] - pose[:3, 3]) for mesh in meshes]
    return drive._developed(linear, np.random.default_rng(9)), view.camera, roots_mm


def _mesh(factory: PeopleFactory, actor: drive.Actor):
    if actor.speed_m_s > 0:
        return drive.Walker(factory, actor).mesh(0.0)
    sitting = factory.sample(np.random.default_rng(actor.seed), "sitting", actor.identity)
    return sitting.moved(actor.yaw_rad, np.array([*actor.start_m, 0.0]))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("out", type=Path, nargs="?", default=Path(__file__).resolve().parents[1] / "docs/people.jpg")
    out = parser.parse_args().out
    image_rgb, camera, roots_mm = render()
    estimator, _ = make_estimator(EstimatorSettings(), is_live=False)
    located = estimator.localize(image_rgb, make_detector().detect(image_rgb), camera)
    persons = [tracked.estimate for tracked in PersonTracker().update(1, located)]
    for person in persons:
        nearest = min(roots_mm, key=lambda root: np.linalg.norm(root / root[2] - person.root_camera_mm / person.root_camera_mm[2]))
        metres, true_metres = (float(np.linalg.norm(root)) / 1000 for root in (person.root_camera_mm, nearest))
        print(f"{person.id}: {metres:.2f} m, true {true_metres:.2f} m")
    caption = FrameCaption("rendered scene", estimator.name, 0.0)
    drawn = Composite(camera, 8.0, level_rotation(_STANDING_UP)).draw(image_rgb, persons, 1, caption)
    cv2.imwrite(str(out), np.ascontiguousarray(drawn[..., ::-1]), [cv2.IMWRITE_JPEG_QUALITY, 88])


if __name__ == "__main__":
    main()
