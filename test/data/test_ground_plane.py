import json

import numpy as np
import pytest

from hdnet_ros.core.camera import Camera
from hdnet_ros.data.ground_plane import load_ground_plane_clip, root_above_ground_mm

# 3 m above the ground, looking along world y and 20 degrees down.
DOWN = np.radians(20.0)
ROTATION = np.array(
    [[1, 0, 0], [0, -np.sin(DOWN), -np.cos(DOWN)], [0, np.cos(DOWN), -np.sin(DOWN)]]
)
TRANSLATION_MM = -ROTATION @ np.array([500.0, -200.0, 3000.0])
CAMERA = Camera.from_matrix(
    (800, 0, 320, 0, 800, 240, 0, 0, 1), (640, 480), "plumb_bob", (-0.2, 0.05, 0.0, 0.0)
)


def to_camera_mm(point_world_mm):
    return ROTATION @ np.asarray(point_world_mm, float) + TRANSLATION_MM


def test_root_above_ground_finds_a_person_through_the_lens():
    feet_world_mm = np.array([[800.0, 7000.0, 0.0], [-900.0, 12_000.0, 0.0]])
    feet_px = CAMERA.project(np.array([to_camera_mm(p) for p in feet_world_mm]))
    expected = [to_camera_mm(p + [0.0, 0.0, 920.0]) for p in feet_world_mm]
    found = root_above_ground_mm(CAMERA, ROTATION, TRANSLATION_MM, feet_px)
    assert found == pytest.approx(np.array(expected), abs=1e-3)


def test_root_above_ground_of_the_sky_is_nan():
    level = np.array([[1.0, 0, 0], [0, 0, -1], [0, 1, 0]])
    roots = root_above_ground_mm(CAMERA, level, -level @ [0, 0, 3000.0], np.array([320.0, 100.0]))
    assert np.isnan(roots).all()


def test_load_ground_plane_clip_gives_roots_by_frame_and_id(tmp_path):
    camera = {
        "image_width": 640,
        "image_height": 480,
        "camera_matrix": CAMERA.K.tolist(),
        "distortion_model": "plumb_bob",
        "distortion_coefficients": CAMERA.distortion,
        "world_to_camera_rotation_row_major": ROTATION.ravel().tolist(),
        "world_to_camera_translation_mm": TRANSLATION_MM.tolist(),
    }
    feet_world_mm = np.array([0.0, 8000.0, 0.0])
    x, y = CAMERA.project(to_camera_mm(feet_world_mm))
    boxes = {"7": [{"id": 3, "xywh_center_px": [x, y - 80.0, 50.0, 160.0]}]}
    (tmp_path / "camera.json").write_text(json.dumps(camera))
    (tmp_path / "boxes_7.json").write_text(json.dumps({"width": 640, "height": 480, "boxes": boxes}))
    clip = load_ground_plane_clip(tmp_path)
    roots = clip.true_roots_camera_mm()
    assert list(roots) == [(7, "3")]
    assert roots[7, "3"] == pytest.approx(to_camera_mm([0.0, 8000.0, 920.0]), abs=1e-3)
    assert clip.whole_in_picture(np.array([x, y - 80.0, 50.0, 160.0]))
    assert not clip.whole_in_picture(np.array([10.0, 200.0, 50.0, 160.0]))


def test_load_ground_plane_clip_without_pose_is_named(tmp_path):
    values = {"image_width": 4, "image_height": 3, "camera_matrix": CAMERA.K.tolist()}
    (tmp_path / "camera.json").write_text(json.dumps(values))
    with pytest.raises(ValueError, match="camera.json: no pose"):
        load_ground_plane_clip(tmp_path)
