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


def test_a_file_of_a_fisheye_camera_model_is_equidistant(tmp_path):
    values = CALIBRATION | {"camera_model": "fisheye", "distortion_coefficients": {"data": [0.1, 0.01, 0.0, 0.0]}}
    del values["distortion_model"]
    camera = load_camera(write(tmp_path, values))
    assert (camera.distortion_model, camera.distortion) == ("equidistant", (0.1, 0.01, 0.0, 0.0))


def test_binning_and_roi_of_a_file_count_as_in_a_message(tmp_path):
    roi = {"x_offset": 100, "y_offset": 40, "width": 400, "height": 300, "do_rectify": False}
    values = {"width": 640, "height": 480, "k": MATRIX, "d": [], "binning_x": 2, "binning_y": 0, "roi": roi}
    camera = load_camera(write(tmp_path, values))
    assert camera.size_wh_px == (200, 300)
    assert camera.K[0, 0] == 350.0 and camera.K[1, 1] == 690.0
    assert camera.K[0, 2] == pytest.approx((330.0 - 100.0 + 0.5) / 2 - 0.5)
    assert camera.K[1, 2] == 210.0


OPENCV = """%YAML:1.0
---
calibration_time: "Tue 01 Jan 2019 10:00:00"
image_width: 640
image_height: 480
camera_matrix: !!opencv-matrix
   rows: 3
   cols: 3
   dt: d
   data: [ 700., 0., 330., 0., 690., 250., 0., 0., 1. ]
distortion_coefficients: !!opencv-matrix
   rows: 5
   cols: 1
   dt: d
   data: [ -2.5e-01, 8.0e-02, 1e-3, -2e-3, 1.0000000000000000e-02 ]
avg_reprojection_error: 1.2e-01
"""
KALIBR = """cam0:
  cam_overlaps: []
  camera_model: pinhole
  distortion_coeffs: [-0.25, 0.08, 0.001, -0.002]
  distortion_model: radtan
  intrinsics: [700.0, 690.0, 330.0, 250.0]
  resolution: [640, 480]
  rostopic: /cam0/image_raw
"""
ORB_SLAM = """%YAML:1.0

#--------------------------------
Camera.type: "PinHole"
Camera.fx: 700.0
Camera.fy: 690.0
Camera.cx: 330.0
Camera.cy: 250.0
Camera.k1: -0.25
Camera.k2: 0.08
Camera.p1: 0.001
Camera.p2: -0.002
Camera.k3: 0.01
Camera.width: 640
Camera.height: 480
Camera.fps: 30.0
"""
OST = """# oST version 5.0 parameters


[image]

width
640

height
480

[narrow_stereo]

camera matrix
700.0 0.000000 330.0
0.000000 690.0 250.0
0.000000 0.000000 1.000000

distortion
-0.25 0.08 0.001 -0.002 0.01

rectification
1.0 0.0 0.0
0.0 1.0 0.0
0.0 0.0 1.0

projection
650.0 0.0 320.0 0.0
0.0 655.0 240.0 0.0
0.0 0.0 1.0 0.0
"""


@pytest.mark.parametrize(
    "name, text, lens",
    [
        ("opencv.yaml", OPENCV, LENS),
        ("camchain.yaml", KALIBR, LENS[:4]),
        ("orb.yaml", ORB_SLAM, LENS),
        ("ost.txt", OST, LENS),
    ],
)
def test_load_camera_reads_what_other_tools_write(tmp_path, name, text, lens):
    path = tmp_path / name
    path.write_text(text)
    camera = load_camera(path)
    assert camera.size_wh_px == (640, 480)
    assert camera.K.ravel().tolist() == MATRIX
    assert (camera.distortion_model, list(camera.distortion)) == ("plumb_bob", lens)


def test_an_ost_of_rectified_images_has_its_projection(tmp_path):
    path = tmp_path / "ost.txt"
    path.write_text(OST)
    assert load_camera(path, rectified=True).K[[0, 1], [0, 1]].tolist() == [650.0, 655.0]


def test_fisheyes_of_kalibr_and_orb_slam_are_equidistant(tmp_path):
    kalibr, orb = tmp_path / "camchain.yaml", tmp_path / "orb.yaml"
    kalibr.write_text(KALIBR.replace("radtan", "equidistant"))
    lines = [line for line in ORB_SLAM.splitlines() if not line.startswith(("Camera.k", "Camera.p"))]
    text = "\n".join(lines).replace("PinHole", "KannalaBrandt8").replace("Camera.f", "Camera1.f").replace("Camera.c", "Camera1.c")
    orb.write_text(text + "\n" + "".join(f"Camera1.k{i + 1}: {value}\n" for i, value in enumerate(LENS[:4])))
    for path in (kalibr, orb):
        camera = load_camera(path)
        assert (camera.distortion_model, list(camera.distortion)) == ("equidistant", LENS[:4])
        assert camera.K.ravel().tolist() == MATRIX


@pytest.mark.parametrize(
    "name, text, words",
    [
        ("two.yaml", KALIBR + KALIBR.replace("cam0:", "cam1:"), "Kalibr's file of 2 cameras \\(cam0, cam1\\), expected one"),
        ("omni.yaml", KALIBR.replace("pinhole", "omni"), "camera_model 'omni'.*--models pinhole-radtan"),
        ("orb.yaml", ORB_SLAM.replace("Camera.width: 640\n", ""), "add Camera.width and Camera.height"),
        ("stereo.yml", OPENCV.replace("camera_matrix", "M1"), "OpenCV's file of a stereo pair"),
        ("results-cam.txt", "cam0 (/cam0/image_raw):\n projection: [700 690 330 250]\n", "give Kalibr's camchain"),
        ("camera.xml", "<?xml version='1.0'?><opencv_storage/>", "write it as YAML"),
        ("calibration.tar.gz", "\x1f\x8b", "unpack it"),
        ("four.yaml", yaml.safe_dump(CALIBRATION | {"distortion_model": "", "distortion_coefficients": [0.1] * 4}), "say which"),
    ],
)
def test_what_is_not_read_is_named_with_the_way_to_convert_it(tmp_path, name, text, words):
    path = tmp_path / name
    path.write_bytes(text.encode("latin-1"))
    with pytest.raises(ValueError, match=words) as raised:
        load_camera(path)
    assert str(path) in str(raised.value) and "\n" not in str(raised.value)


HUGE = "9" * 400
LAUGHS = 'a: &a ["lol", "lol", "lol"]\n' + "".join(
    f"{name}: &{name} [{', '.join(['*' + before] * 9)}]\n" for before, name in zip("abcdefghij", "bcdefghijk")
)


@pytest.mark.parametrize(
    "name, text, words",
    [
        ("huge.yaml", yaml.safe_dump(CALIBRATION).replace("640", HUGE), "image_width is inf"),
        ("huge.json", json.dumps(CALIBRATION).replace("640", HUGE), "image_width is inf"),
        ("huge_k.yaml", yaml.safe_dump(CALIBRATION).replace("700.0", HUGE), "non-finite"),
        ("huge_k.json", json.dumps(CALIBRATION).replace("700.0", HUGE), "non-finite"),
        ("longer.json", '{"width": ' + "9" * 100_000 + "}", "is missing"),
        ("laughs.yaml", LAUGHS, "line 2 has an alias"),
        ("deep.yaml", "a: " + "[" * 100_000, "nest"),
        ("deep.json", "[" * 100_000, "nested more than 20 deep"),
        ("wide.yaml", "a: [" + "1," * 200_000 + "]", "more than 50000 items"),
        ("nan.json", '{"image_width": NaN, "image_height": 480, "k": [1, 0, 1, 0, 1, 1, 0, 0, 1]}', "image_width is nan"),
        ("nan.yaml", "image_width: .nan\nimage_height: 480\nk: [1,0,1,0,1,1,0,0,1]", "image_width is nan"),
        ("code.yaml", '!!python/object/apply:os.system ["true"]', "could not determine a constructor"),
        ("long.yaml", "#" * 1_000_000, "larger than 524288 bytes"),
    ],
)
def test_a_file_that_means_more_than_it_says_is_one_line(tmp_path, name, text, words):
    path = tmp_path / name
    path.write_text(text)
    with pytest.raises(ValueError, match=words) as raised:
        load_camera(path)
    assert str(path) in str(raised.value) and len(str(raised.value)) < 500 and "\n" not in str(raised.value)
