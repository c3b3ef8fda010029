"""boxes.json: frames to detections, and what is wrong with a file that is none."""

import json

import pytest

from hdnet_ros.files.boxes_file import BoxesFileError, load_boxes

BOX = {"id": 9, "xywh_center_px": [514.71, 195.27, 31.03, 75.17]}


def _file(tmp_path, content):
    path = tmp_path / "boxes.json"
    path.write_text(content if isinstance(content, str) else json.dumps(content))
    return path


def test_boxes_of_a_frame_keep_id_and_numbers(tmp_path):
    content = {"width": 768, "height": 576, "boxes": {"0": [BOX], "3": []}}
    boxes = load_boxes(_file(tmp_path, content), (768, 576))
    assert sorted(boxes) == [0, 3]
    assert boxes[3] == []
    assert boxes[0][0].id == "9"
    assert boxes[0][0].score == 1.0
    assert boxes[0][0].box_xywh_center_px.tolist() == [514.71, 195.27, 31.03, 75.17]


def test_real_boxes_cover_400_frames(pets_folder):
    boxes = load_boxes(pets_folder / "boxes_0_399.json", (768, 576))
    assert sorted(boxes) == list(range(400))
    assert sum(map(len, boxes.values())) == 2396


@pytest.mark.parametrize(
    ("content", "word"),
    [
        ("{", "not JSON"),
        ([], '"boxes"'),
        ({"boxes": []}, '"boxes"'),
        ({"boxes": {"one": []}}, 'frame "one"'),
        ({"boxes": {"0": {}}}, "frame 0 holds dict"),
        ({"boxes": {"7": [{"id": 1}]}}, "frame 7, box 0"),
        ({"boxes": {"7": [BOX, {"xywh_center_px": [1, 2, 3]}]}}, "frame 7, box 1"),
        ({"boxes": {"0": [{"xywh_center_px": [1, 2, "x", 4]}]}}, "does not hold numbers"),
        ('{"boxes": {"0": [{"xywh_center_px": [1, 2, NaN, 4]}]}}', "is not .x centre"),
        ('{"boxes": {"0": [{"xywh_center_px": [1, 2, 3, 4], "score": NaN}]}}', "score is nan, expected 0 to 1"),
        ({"boxes": {"0": [BOX | {"score": 1.5}]}}, "score is 1.5, expected 0 to 1"),
        ({"boxes": {"0": [BOX | {"score": "high"}]}}, "does not hold numbers"),
        ('{"boxes": {"0": [{"xywh_center_px": [1, 2, 3, ' + "9" * 400 + "]}]}}", "is not .x centre"),
        ('{"boxes": {"0": [{"xywh_center_px": [1, 2, 3, 4], "score": ' + "9" * 400 + "}]}}", "score is inf"),
        ('{"boxes": {"' + "9" * 400 + '": []}}', "is not a number counted from 0"),
        ('{"boxes": {"\u0663": []}}', "is not a number counted from 0"),
        ("[" * 100_000, "nested more than 20 deep"),
        ('{"boxes": ' * 100_000, "nested more than 20 deep"),
        ({"boxes": {"0": [BOX | {"xywh_center_px": list(range(10_000))}]}}, "is not .x centre"),
        ({"boxes": {"0": [BOX | {"keypoints": [[1.0, 1e999]] * 17}]}, "skeleton": "coco17"}, "is not finite"),
        ({"boxes": {}, "skeleton": ["coco17"]}, '"skeleton" is'),
    ],
)
def test_malformed_file_names_the_place(tmp_path, content, word):
    with pytest.raises(BoxesFileError, match=word) as caught:
        load_boxes(_file(tmp_path, content))
    assert "boxes.json" in str(caught.value) and len(str(caught.value)) < 500 and "\n" not in str(caught.value)


def test_boxes_of_another_picture_size_are_refused_with_both_sizes(tmp_path):
    path = _file(tmp_path, {"width": 640, "height": 480, "boxes": {}})
    with pytest.raises(BoxesFileError, match="640 x 480 px pictures, these are 768 x 576 px"):
        load_boxes(path, (768, 576))


def test_missing_file_is_named(tmp_path):
    with pytest.raises(BoxesFileError, match="nowhere.json: no such file"):
        load_boxes(tmp_path / "nowhere.json")
