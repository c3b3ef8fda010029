"""A folder of pictures with measured depths, as docs/measure_your_camera.md describes it."""

import json

import cv2
import numpy as np
import pytest

from hdnet_ros.data.measured_pictures import MeasuredPicturesError, measured_pictures

CAMERA = "{image_width: 320, image_height: 240, k: [300, 0, 160, 0, 300, 120, 0, 0, 1]}"


@pytest.fixture
def folder(tmp_path):
    def write(name, people, boxes, camera="camera.yaml"):
        place = (tmp_path / name).parent
        place.mkdir(exist_ok=True)
        cv2.imwrite(str(tmp_path / f"{name}.png"), np.zeros((240, 320, 3), np.uint8))
        (place / camera).write_text(CAMERA)
        (tmp_path / f"{name}.truth.json").write_text(json.dumps({"people": people}))
        rows = [{"id": key, "xywh_center_px": box} for key, box in boxes.items()]
        content = {"width": 320, "height": 240, "boxes": {"0": rows}}
        (tmp_path / f"{name}.boxes.json").write_text(json.dumps(content))
        return tmp_path

    return write


def test_depths_boxes_and_groups_are_read(folder):
    people = [
        {"id": "b", "z_m": 2.5, "cut": "legs", "kind": "sitting"},
        {"id": "a", "z_m": 4, "occluded": "half behind b"},
    ]
    root = folder("room/one", people, {"a": [100, 120, 40, 100], "b": [200, 180, 60, 120]}, "one.camera.yaml")
    (picture,) = measured_pictures(root)
    assert picture.name == "room/one" and picture.camera.size_wh_px == (320, 240)
    assert picture.depth_mm.tolist() == [2500.0, 4000.0]
    assert [d.box_xywh_center_px.tolist() for d in picture.detections] == [[200, 180, 60, 120], [100, 120, 40, 100]]
    assert picture.groups[0] == {"cut by the picture", "1.5 to 3 m", "sitting"}
    assert picture.groups[1] == {"hidden by something", "3 to 6 m"}
    assert picture.truncated.tolist() == [True, False]


def test_one_camera_serves_a_whole_folder_and_folders_below_are_read_in_order(folder):
    for name in ("room/10", "room/9", "yard/1"):
        root = folder(name, [{"id": "0", "z_m": 3}], {"0": [100, 120, 40, 100]})
    assert [picture.name for picture in measured_pictures(root)] == ["room/9", "room/10", "yard/1"]


@pytest.mark.parametrize(
    "people, named",
    [
        ([{"id": "1", "z_m": 3}], "one.truth.json: id '1' has no box; the boxes file has 0"),
        ([{"id": "0", "z_m": -3}], "z_m of '0' is -3.0, expected metres, above 0"),
        ([{"id": "0", "z_m": 3000}], "expected metres, above 0 and below 1000"),
        ([{"id": "0"}], r'expected {"people": \[{"id": "0", "z_m": 2.31}\]}'),
    ],
)
def test_what_is_wrong_is_named(folder, people, named):
    with pytest.raises(MeasuredPicturesError, match=named):
        measured_pictures(folder("one", people, {"0": [100, 120, 40, 100]}))


def test_a_folder_without_truth_and_a_truth_without_picture_say_what_belongs_there(folder, tmp_path):
    with pytest.raises(MeasuredPicturesError, match="no file <picture>.truth.json.*measure_your_camera.md"):
        measured_pictures(tmp_path)
    root = folder("one", [{"id": "0", "z_m": 3}], {"0": [100, 120, 40, 100]})
    (root / "one.png").unlink()
    with pytest.raises(MeasuredPicturesError, match="one.truth.json lies alone: the picture should be one.jpg or"):
        measured_pictures(root)
