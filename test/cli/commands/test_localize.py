"""`hdnet localize`: the lines it writes, their numbers, and what it says when something is missing."""

import json

import cv2
import numpy as np
import pytest
import yaml
from click.testing import CliRunner

from hdnet_ros.cli.main import main
from hdnet_ros.files.roots_file import read_records

FOCAL_PX = 400.0
SIZE_WH_PX = (320, 240)
PERSON_KEYS = {
    "id", "score", "existence", "child_probability", "flags", "box_xywh_center_px", "root_camera_mm", "depth_sigma_mm", "joints_px", "focal_px", "patch_px",
}  # fmt: skip


@pytest.fixture
def clip(tmp_path):
    """Three frames of video at 10 Hz, a camera, and one person on the frames 0 and 1."""
    writer = cv2.VideoWriter(str(tmp_path / "clip.avi"), cv2.VideoWriter_fourcc(*"MJPG"), 10, SIZE_WH_PX)
    for grey in (50, 60, 70):
        writer.write(np.full((240, 320, 3), grey, np.uint8))
    writer.release()
    camera = {
        "image_width": 320,
        "image_height": 240,
        "camera_matrix": {"data": [FOCAL_PX, 0, 159.5, 0, FOCAL_PX, 119.5, 0, 0, 1]},
        "distortion_model": "plumb_bob",
        "distortion_coefficients": {"data": [0, 0, 0, 0, 0]},
    }
    (tmp_path / "camera.yaml").write_text(yaml.safe_dump(camera))
    person = {"id": 4, "xywh_center_px": [199.5, 119.5, 40.0, 136.0]}
    boxes = {"width": 320, "height": 240, "boxes": {"0": [person], "1": [person], "2": []}}
    (tmp_path / "boxes.json").write_text(json.dumps(boxes))
    return tmp_path


def _localize(clip, *arguments):
    given = {"--source": clip / "clip.avi", "--camera": clip / "camera.yaml", "--boxes": clip / "boxes.json",
             "--estimator": "box-height", "--out": clip / "out" / "roots.jsonl"}  # fmt: skip
    given.update(zip(arguments[::2], arguments[1::2], strict=True))
    command = ["localize"]
    for key, value in given.items():
        command += [key, str(value)] if value is not None else []
    return CliRunner().invoke(main, command)


def test_box_height_writes_one_line_a_frame_in_mm(clip):
    result = _localize(clip)
    assert result.exit_code == 0, result.output
    lines = list(read_records(clip / "out" / "roots.jsonl"))
    assert [line["frame"] for line in lines] == [0, 1, 2]
    assert [line["stamp_ns"] for line in lines] == [0, 100_000_000, 200_000_000]
    assert [len(line["persons"]) for line in lines] == [1, 1, 0]
    person = lines[0]["persons"][0]
    assert set(person) == PERSON_KEYS
    assert person["id"] == "d4"
    # 400 px * 1700 mm / 136 px = 5000 mm; 40 px to the right of the axis are 500 mm there.
    assert person["root_camera_mm"] == pytest.approx([500.0, 0.0, 5000.0], abs=0.1)
    assert person["focal_px"] == FOCAL_PX
    assert person["depth_sigma_mm"] > 0.056 * 5000.0
    assert np.array(person["joints_px"], dtype=float).shape == (17, 2)
    assert "3 frames, 2 people" in result.output


def test_box_area_takes_two_metres_for_the_longer_side(clip):
    _localize(clip, "--estimator", "box-area")
    person = next(read_records(clip / "out" / "roots.jsonl"))["persons"][0]
    assert person["root_camera_mm"][2] == pytest.approx(400.0 * 2000.0 / 136.0, abs=0.1)


def test_detector_runs_without_boxes_and_finds_nobody_on_grey(clip):
    result = _localize(clip, "--boxes", None)
    assert result.exit_code == 0, result.output
    assert [line["persons"] for line in read_records(clip / "out" / "roots.jsonl")] == [[], [], []]


def test_frames_limits_the_lines(clip):
    _localize(clip, "--frames", "2")
    assert len(list(read_records(clip / "out" / "roots.jsonl"))) == 2


def test_boxes_that_end_early_are_told(clip):
    boxes = json.loads((clip / "boxes.json").read_text())
    boxes["boxes"].pop("2")
    (clip / "boxes.json").write_text(json.dumps(boxes))
    result = _localize(clip)
    assert len(list(read_records(clip / "out" / "roots.jsonl"))) == 2
    assert "ends at frame 1" in result.output


def test_box_outside_the_picture_is_left_out_and_told(clip):
    boxes = json.loads((clip / "boxes.json").read_text())
    boxes["boxes"]["0"].append({"id": 5, "xywh_center_px": [900, 100, 10, 20]})
    (clip / "boxes.json").write_text(json.dumps(boxes))
    result = _localize(clip)
    assert result.exit_code == 0
    assert "frame 0: 2 boxes, remarks on 1: number 1: box x 895.0" in result.output


def test_without_weights_it_says_where_they_come_from_and_what_works(clip, monkeypatch):
    monkeypatch.setattr("hdnet_ros.locate.factory.find_default_weights", lambda: None)
    result = _localize(clip, "--estimator", "hdnet")
    assert result.exit_code == 1
    for word in ("hdnet train", "hdnet import-checkpoint", "--weights", "box-height", "box-area"):
        assert word in result.output


@pytest.mark.parametrize(
    ("option", "value", "word"),
    [
        ("--source", "nowhere.avi", "nowhere.avi: no such file"),
        ("--camera", "nowhere.yaml", "nowhere.yaml"),
        ("--boxes", "nowhere.json", "nowhere.json: no such file"),
    ],
)
def test_missing_file_is_named_without_a_traceback(clip, option, value, word):
    result = _localize(clip, option, value)
    assert result.exit_code == 1
    assert word in result.output
    assert "Traceback" not in result.output


def test_camera_of_another_size_is_refused_with_both_sizes(clip):
    text = (clip / "camera.yaml").read_text().replace("320", "640")
    (clip / "camera.yaml").write_text(text)
    result = _localize(clip)
    assert result.exit_code == 1
    assert "640 x 240" in result.output
    assert "320 x 240" in result.output


def test_weights_that_are_none_are_refused_by_name(clip):
    (clip / "bad.safetensors").write_bytes(b"not weights")
    result = _localize(clip, "--estimator", "hdnet", "--weights", clip / "bad.safetensors")
    assert result.exit_code == 1
    assert "bad.safetensors" in result.output


@pytest.mark.parametrize("option", [("--joints-from", "detection"), ("--second-look", "always")])
def test_what_only_hdnet_can_is_refused_for_the_priors(clip, option):
    command = ["localize", "--source", clip / "clip.avi", "--camera", clip / "camera.yaml",
               "--estimator", "box-height", "--out", clip / "roots.jsonl", *option]  # fmt: skip
    result = CliRunner().invoke(main, [str(argument) for argument in command])
    assert result.exit_code == 1
    assert "second_look and joints_from are for hdnet, not for box-height" in result.output


def test_keypoints_of_the_boxes_file_move_the_root_and_both_are_reported(clip):
    content = json.loads((clip / "boxes.json").read_text())
    content["skeleton"] = "human36m17"
    content["boxes"]["0"][0]["keypoints"] = [[180.0, 130.0]] + [None] * 16
    (clip / "boxes.json").write_text(json.dumps(content))
    options = ("--estimator", "hdnet", "--device", "cpu", "--frames", "2")
    assert _localize(clip, *options, "--joints-from", "detection").exit_code == 0
    first, second = (line["persons"][0] for line in read_records(clip / "out" / "roots.jsonl"))
    assert _localize(clip, *options).exit_code == 0
    own = next(read_records(clip / "out" / "roots.jsonl"))["persons"][0]
    assert first["root_network_camera_mm"] == own["root_camera_mm"]
    assert first["joints_px"][0] == [180.0, 130.0]
    x, y, z = first["root_camera_mm"]
    assert [FOCAL_PX * x / z + 159.5, FOCAL_PX * y / z + 119.5] == pytest.approx([180.0, 130.0], abs=0.01)
    assert "root_network_camera_mm" not in second and "root_network_camera_mm" not in own


def test_second_look_at_a_box_on_a_rung_gives_the_mirrored_picture_the_mirrored_root(clip):
    # 0.58 of a patch of 256 px: both looks are of the same size.
    person = {"xywh_center_px": [159.5, 119.5, 60.0, 148.48]}
    (clip / "boxes.json").write_text(json.dumps({"width": 320, "height": 240, "boxes": {"0": [person]}}))
    picture = np.random.default_rng(6).integers(0, 255, (240, 320, 3), dtype=np.uint8)
    cv2.imwrite(str(clip / "straight.png"), picture)
    cv2.imwrite(str(clip / "mirrored.png"), picture[:, ::-1])

    def root_mm(name, *flags):
        command = ["localize", "--source", clip / name, "--camera", clip / "camera.yaml", "--boxes", clip / "boxes.json",
                   "--device", "cpu", "--out", clip / "roots.jsonl"]  # fmt: skip
        result = CliRunner().invoke(main, [*map(str, command), *flags])
        assert result.exit_code == 0, result.output
        return np.array(next(read_records(clip / "roots.jsonl"))["persons"][0]["root_camera_mm"])

    for flags, is_symmetric in ((("--second-look", "never"), False), ((), True)):
        apart_mm = root_mm("straight.png", *flags) - root_mm("mirrored.png", *flags) * (-1.0, 1.0, 1.0)
        assert (np.abs(apart_mm).max() < 2.0) == is_symmetric
