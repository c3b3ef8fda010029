"""`pip install .` without ROS: weights, detector, configuration and message definitions are there at once."""

import json
import os
import shutil
import subprocess
import sys
import sysconfig
import venv
from pathlib import Path

import cv2
import numpy as np
import pytest
import yaml

ROOT = Path(__file__).parent.parent
PARTS = ("hdnet_ros", "weights", "msg", "config", "underlay", "setup.py", "setup.cfg", "MANIFEST.in", "README.md", "LICENSE")


def run(command, folder, **options):
    """Run without anything of a workspace around it."""
    of_ros = ("PYTHONPATH", "AMENT_PREFIX_PATH", "LD_LIBRARY_PATH", "COLCON_PREFIX_PATH")
    inherited = {name: value for name, value in os.environ.items() if name not in of_ros}
    done = subprocess.run(
        [str(word) for word in command], cwd=folder, env=inherited, capture_output=True, text=True, timeout=250, **options
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def installed(tmp_path_factory):
    """A virtual environment of its own with the package in it; what the package needs is taken from this one."""
    pytest.importorskip("setuptools", reason="setuptools builds the wheel")
    folder = tmp_path_factory.mktemp("wheel")
    source = folder / "source"
    source.mkdir()
    for part in PARTS:
        copy = shutil.copytree if (ROOT / part).is_dir() else shutil.copy
        copy(ROOT / part, source / part)
    python = sys.executable
    run([python, "-m", "pip", "wheel", ".", "--no-deps", "--no-build-isolation", "--no-index", "-w", folder], source)
    shutil.rmtree(source)
    venv.create(folder / "venv", with_pip=False, symlinks=True)
    own = folder / "venv"
    packages = Path(sysconfig.get_path("purelib", "venv", {"base": str(own), "platbase": str(own)}))
    (packages / "borrowed.pth").write_text(sysconfig.get_path("purelib") + "\n")
    (wheel,) = folder.glob("hdnet_ros-*.whl")
    run([own / "bin" / "python", "-m", "pip", "install", "--no-deps", "--no-index", wheel], folder)
    return own / "bin"


def test_the_front_door_answers_with_the_bundled_weights_and_detector(installed, tmp_path):
    code = """
import sys
sys.modules["rclpy"] = None
import numpy as np, hdnet_ros
assert hdnet_ros.__file__.startswith(sys.prefix), hdnet_ros.__file__
camera = hdnet_ros.Camera.from_matrix([400.0, 0, 160.0, 0, 400.0, 120.0, 0, 0, 1], (320, 240))
image = np.full((240, 320, 3), 90, np.uint8)
localizer = hdnet_ros.load(device="cpu", second_look="never", preset="fast")
assert localizer.localize(image, camera) == []
(person,) = localizer.localize(image, camera, hdnet_ros.Detections.from_xyxy([[140, 60, 180, 196]]))
print(localizer.estimator.name, person.root_camera_mm[2] > 0.0)
"""
    assert run([installed / "python", "-c", code], tmp_path).strip().endswith("True")


def test_the_command_answers_with_the_bundled_weights(installed, tmp_path):
    cv2.imwrite(str(tmp_path / "image.png"), np.full((240, 320, 3), 90, np.uint8))
    camera = {"image_width": 320, "image_height": 240, "distortion_model": "plumb_bob",
              "camera_matrix": {"data": [400, 0, 160, 0, 400, 120, 0, 0, 1]},
              "distortion_coefficients": {"data": [0, 0, 0, 0, 0]}}  # fmt: skip
    (tmp_path / "camera.yaml").write_text(yaml.safe_dump(camera))
    boxes = {"width": 320, "height": 240, "boxes": {"0": [{"id": 1, "xywh_center_px": [160, 128, 40, 136]}]}}
    (tmp_path / "boxes.json").write_text(json.dumps(boxes))
    told = run([installed / "hdnet", "localize", "--source", "image.png", "--camera", "camera.yaml", "--boxes",
                "boxes.json", "--estimator", "hdnet", "--device", "cpu", "--out", "roots.jsonl"], tmp_path)  # fmt: skip
    assert "1 frames, 1 people" in told
    assert len(json.loads((tmp_path / "roots.jsonl").read_text())["persons"]) == 1


def test_messages_have_their_definitions_and_nodes_their_configuration(installed, tmp_path):
    pytest.importorskip("rosbags", reason="the Python package rosbags is needed for messages without ROS")
    code = """
import pathlib, sys
from hdnet_ros.messages import message_types
from hdnet_ros.pipeline.settings_text import as_yaml
assert message_types.MISSING_OF_ROS and message_types.PersonRootArray().persons == []
config = pathlib.Path(sys.prefix, "share/hdnet_ros/config/hdnet.yaml")
print(config.read_text() == as_yaml())
"""
    assert run([installed / "python", "-c", code], tmp_path).strip() == "True"
