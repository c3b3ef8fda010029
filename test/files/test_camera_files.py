import json

import numpy as np
import pytest
import yaml

from hdnet_ros.files.camera_files import load_camera, load_camera_pose

MATRIX = [700.0, 0.0, 330.0, 0.0, 690.0, 250.0, 0.0, 0.0, 1.0]
LENS = [-0.25, 0.08, 0.001, -0.002, 0.01]
CALIBRATION = {
    "image_width": 640,
    "image_height": 480,
    "camera_name": "webcam",
    "camera_matrix": {"rows": 3, "cols": 3, "data": MATRIX},
    "distortion_model": "plumb_bob",
    "distortion_coefficients": {"rows": 1, "cols": 5, "data": LENS},
    "rectification_matrix": {"rows": 3, "cols": 3, "data": [1, 0, 0, 0, 1, 0, 0, 0, 1]},
    "projection_matrix": {
        "rows": 3,
        "cols": 4,
        "data": [650.0, 0, 320, 0, 0, 655.0, 240, 0, 0, 0, 1, 0],
    },
}


def write(tmp_path, values, name="camera.yaml"):
    path = tmp_path / name
    path.write_text(json.dumps(values) if name.endswith(".json") else yaml.safe_dump(values))
    return path


def test_load_camera_reads_camera_info_yaml(tmp_path):
    camera = load_camera(write(tmp_path, CALIBRATION))
    assert camera.size_wh_px == (640, 480)
    assert camera.K.ravel().tolist() == MATRIX
    assert camera.distortion_model == "plumb_bob"
    assert camera.distortion == tuple(LENS)


def test_load_camera_of_rectified_images_takes_the_projection_matrix(tmp_path):
    camera = load_camera(write(tmp_path, CALIBRATION), rectified=True)
    assert camera.K[[0, 1], [0, 1]].tolist() == [650.0, 655.0]
    assert camera.distortion_model == "none"


@pytest.mark.parametrize("matrix", [MATRIX, np.reshape(MATRIX, (3, 3)).tolist()])
def test_load_camera_reads_json_flat_and_nested(tmp_path, matrix):
    values = {
        "image_width": 640,
        "image_height": 480,
        "camera_matrix": matrix,
        "distortion_model": "plumb_bob",
        "distortion_coefficients": LENS,
    }
    camera = load_camera(write(tmp_path, values, "camera.json"))
    assert camera.K.ravel().tolist() == MATRIX
    assert camera.distortion == tuple(LENS)


def test_load_camera_reads_a_printed_message(tmp_path):
    path = write(
        tmp_path,
        {"width": 640, "height": 480, "distortion_model": "plumb_bob", "d": LENS, "k": MATRIX},
    )
    path.write_text(path.read_text() + "---\n")
    assert load_camera(path).K.ravel().tolist() == MATRIX


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("image_width", None, "image_width is missing"),
        ("image_width", "wide", "image_width is 'wide'"),
        ("image_height", 0, "image_height is 0"),
        ("camera_matrix", None, "camera_matrix is missing"),
        ("camera_matrix", {"rows": 3}, "camera_matrix.data is missing"),
        ("camera_matrix", {"data": MATRIX[:8]}, "camera_matrix.data has 8 numbers, expected 9"),
        ("camera_matrix", {"data": ["a"] * 9}, "camera_matrix.data is .* expected numbers"),
        ("camera_matrix", {"data": [0.0] * 9}, "fx = 0"),
        ("camera_matrix", {"data": [float("nan")] * 9}, "non-finite"),
        ("distortion_model", "thin_lens", "'thin_lens', expected one of"),
        ("distortion_coefficients", {"data": [0.1] * 7}, "7 coefficients"),
    ],
)
def test_load_camera_malformed_names_file_and_key(tmp_path, key, value, message):
    path = write(tmp_path, CALIBRATION | {key: value})
    with pytest.raises(ValueError, match=message) as raised:
        load_camera(path)
    assert str(path) in str(raised.value)


@pytest.mark.parametrize("text", ["", "just words", "[1, 2]", "a: [1,", "\x00\x01"])
@pytest.mark.parametrize("name", ["camera.yaml", "camera.json"])
def test_load_camera_of_something_else_names_the_file(tmp_path, text, name):
    path = tmp_path / name
    path.write_text(text)
    with pytest.raises(ValueError, match=name):
        load_camera(path)


def test_load_camera_missing_file_is_a_value_error(tmp_path):
    with pytest.raises(ValueError, match="nowhere.yaml"):
        load_camera(tmp_path / "nowhere.yaml")


def test_load_camera_pose_is_optional_and_checked(tmp_path):
    assert load_camera_pose(write(tmp_path, CALIBRATION)) is None
    pose = {
        "world_to_camera_rotation_row_major": [1, 0, 0, 0, 0, -1, 0, 1, 0],
        "world_to_camera_translation_mm": [0, 1500, 0],
    }
    rotation, translation_mm = load_camera_pose(write(tmp_path, CALIBRATION | pose))
    assert rotation @ [0.0, 0.0, 1.0] == pytest.approx([0.0, -1.0, 0.0])
    assert translation_mm.tolist() == [0.0, 1500.0, 0.0]
    pose["world_to_camera_rotation_row_major"] = [2, 0, 0, 0, 1, 0, 0, 0, 1]
    with pytest.raises(ValueError, match="is not a rotation"):
        load_camera_pose(write(tmp_path, CALIBRATION | pose))
