"""The front door: import hdnet_ros; hdnet_ros.load().localize(image, camera)."""

import subprocess
import sys

import cv2
import numpy as np
import pytest

import hdnet_ros
from hdnet_ros.model.default_weights import find_default_weights

CAMERA = hdnet_ros.Camera.from_matrix([400.0, 0, 160.0, 0, 400.0, 120.0, 0, 0, 1], (320, 240))
GREY = np.full((240, 320, 3), 90, np.uint8)
CAMERA_YAML = """
image_width: 320
image_height: 240
camera_matrix: {data: [400, 0, 160, 0, 400, 120, 0, 0, 1]}
distortion_model: plumb_bob
distortion_coefficients: {data: [0, 0, 0, 0, 0]}
"""


def test_boxes_become_people_in_millimetres():
    localizer = hdnet_ros.load(estimator="box-height", detector=None)
    boxes = hdnet_ros.Detections.from_xyxy([[150.5, 60.5, 170.5, 196.5]], scores=[0.8], ids=[7])
    (person,) = localizer.localize(GREY, CAMERA, boxes)
    # 400 px * 1700 mm / 136 px; the box's middle is at (160, 128) px.
    assert person.root_camera_mm == pytest.approx([0.0, 100.0, 5000.0])
    assert (person.score, person.id) == (0.8, "7")
    assert localizer.localize(GREY, CAMERA, []) == []


def test_boxes_left_out_are_told_and_nothing_is_kept():
    localizer = hdnet_ros.load(estimator="box-height", detector=None)
    outside = hdnet_ros.Detections.from_xyxy([[900, 0, 940, 100]])
    located = localizer.locate(GREY, CAMERA, outside)
    assert located.people == [] and located.rejected[0][0] == 0
    assert localizer.locate(GREY, CAMERA, []).rejected == []


def test_files_are_read_and_the_detector_looks(tmp_path):
    cv2.imwrite(str(tmp_path / "image.png"), GREY)
    (tmp_path / "camera.yaml").write_text(CAMERA_YAML)
    localizer = hdnet_ros.load(estimator="box-height", detector="hog")
    assert localizer.localize(str(tmp_path / "image.png"), tmp_path / "camera.yaml") == []


def test_what_cannot_be_used_is_said():
    localizer = hdnet_ros.load(estimator="box-height", detector=None)
    with pytest.raises(ValueError, match="neither boxes nor a detector"):
        localizer.localize(GREY, CAMERA)
    with pytest.raises(ValueError, match="Detections.from_xyxy"):
        localizer.localize(GREY, CAMERA, np.array([[1.0, 2.0, 3.0, 4.0]]))
    with pytest.raises(ValueError, match="320 x 240"):
        localizer.localize(GREY[:100], CAMERA, [])
    with pytest.raises(ValueError, match="box-hight.*expected one of"):
        hdnet_ros.load(estimator="box-hight")
    with pytest.raises(AttributeError, match="no attribute 'localise'"):
        hdnet_ros.localise  # noqa: B018


@pytest.mark.skipif(find_default_weights() is None, reason="no weights are bundled")
def test_the_bundled_network_answers():
    localizer = hdnet_ros.load(device="cpu", second_look="never", detector=None)
    (person,) = localizer.localize(GREY, CAMERA, hdnet_ros.Detections.from_xyxy([[140, 60, 180, 196]]))
    assert 1000.0 < person.root_camera_mm[2] < 20000.0
    assert person.depth_sigma_mm >= 0.056 * person.root_camera_mm[2]


def test_importing_the_package_imports_neither_torch_nor_ros():
    code = "import sys, hdnet_ros; print([m for m in ('torch', 'cv2', 'rclpy') if m in sys.modules])"
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert told.stdout.strip() == "[]"
