"""The clip that the repository makes: a known camera, known distances, people that HOG sees."""

import json

import numpy as np
import pytest

from hdnet_ros.files.camera_files import load_camera, load_camera_pose
from hdnet_ros.locate.detectors import HogDetector
from hdnet_ros.files.frames import FrameSource
from hdnet_ros.cli.demo.synthetic_clip import SIZE_WH_PX, WALKERS, scene_camera, write_clip


@pytest.fixture(scope="module")
def clip(tmp_path_factory):
    return write_clip(tmp_path_factory.mktemp("clip"), 12)


def test_files_agree_on_size_count_and_truth(clip):
    video, camera = clip
    source = FrameSource(video)
    assert source.size_wh_px == load_camera(camera).size_wh_px == SIZE_WH_PX
    assert source.frame_count == 12
    truth = json.loads((video.parent / "truth.json").read_text())
    assert np.array([truth[str(n)] for n in range(12)]).shape == (12, len(WALKERS), 3)


def test_camera_stands_where_its_pose_says(clip):
    rotation, translation_mm = load_camera_pose(clip[1])
    assert -rotation.T @ translation_mm == pytest.approx([0.0, 0.0, 2200.0], abs=1e-6)
    assert rotation @ rotation.T == pytest.approx(np.eye(3))
    assert np.linalg.det(rotation) == pytest.approx(1.0)


def test_walker_turns_round_at_the_end_and_comes_back():
    walker = WALKERS[0]
    length = np.hypot(*(np.subtract(walker.end_mm, walker.start_mm)))
    there, forward = walker.ground_mm(0.9 * length / walker.speed_mm_s - walker.phase_s)
    back, backward = walker.ground_mm(1.1 * length / walker.speed_mm_s - walker.phase_s)
    assert there == pytest.approx(back)
    assert forward == pytest.approx(-backward)


def test_hog_finds_most_of_the_drawn_people(clip):
    video, camera_path = clip
    truth = json.loads((video.parent / "truth.json").read_text())
    camera, _, _ = scene_camera()
    detector, found, total = HogDetector(), 0, 0
    for frame in list(FrameSource(video))[::4]:
        roots_px = camera.project(np.array(truth[str(frame.index)]))
        centres = np.array([d.box_xywh_center_px[:2] for d in detector.detect(frame.image_rgb)]).reshape(-1, 2)
        total += len(roots_px)
        found += sum((np.hypot(*(centres - root).T) < 40).any() for root in roots_px)
    assert found / total >= 0.6
