"""`hdnet eval --data pictures --joints`, as installed: labelled joints of some of a folder's people are scored."""

import json
import subprocess

import cv2
import numpy as np
import pytest

CAMERA = "{image_width: 320, image_height: 240, k: [300, 0, 160, 0, 300, 120, 0, 0, 1]}"
BOX = [160, 120, 60, 180]


@pytest.fixture
def folder(tmp_path):
    for name in ("labelled", "other"):
        picture = np.full((240, 320, 3), 150, np.uint8)
        cv2.rectangle(picture, (140, 40), (180, 205), (40, 60, 160), -1)
        cv2.imwrite(str(tmp_path / f"{name}.png"), picture)
        (tmp_path / f"{name}.truth.json").write_text('{"people": [{"id": "0", "z_m": 3}]}')
        boxes = {"width": 320, "height": 240, "boxes": {"0": [{"id": "0", "xywh_center_px": BOX}]}}
        (tmp_path / f"{name}.boxes.json").write_text(json.dumps(boxes))
    (tmp_path / "camera.yaml").write_text(CAMERA)
    return tmp_path


def hdnet_eval(installed, folder, people):
    (folder / "joints.json").write_text(json.dumps({"pictures": {"labelled": people}}))
    command = [installed("hdnet"), "eval", "--data", "pictures", "--root", folder, "--joints", folder / "joints.json",
               "--second-look", "never", "--out", folder / "figures.json"]  # fmt: skip
    return subprocess.run(command, capture_output=True, text=True, timeout=280)


def test_joints_are_scored_at_both_thresholds_with_sides_and_ankles(installed, folder):
    places = {"nose": [160, 50], "left_ankle": [175, 195], "right_ankle": [145, 195], "pelvis": [0, 0]}
    people = [{"id": "0", "box_xywh_center_px": BOX, "joints_px": places}]
    done = hdnet_eval(installed, folder, people)
    assert done.returncode == 0, done.stderr
    scores = json.loads((folder / "figures.json").read_text())["labelled boxes"]["joints"]["hdnet"]
    assert scores["joints"] == 4
    assert 0.0 <= scores["pck_0.05"] <= scores["pck_0.1"] <= 0.75  # the pelvis cannot be in the corner
    assert scores["ankle_gap"] is not None and scores["sides_swapped"] in (0.0, 1.0)
    for name in scores:
        assert name in done.stdout


def test_labels_for_another_box_are_refused_in_one_line(installed, folder):
    people = [{"id": "0", "box_xywh_center_px": [40, 40, 20, 60], "joints_px": {}}]
    done = hdnet_eval(installed, folder, people)
    assert done.returncode == 1
    assert "is it the same picture, in the same size?" in done.stderr and "Traceback" not in done.stderr
