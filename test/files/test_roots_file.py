"""The JSON lines of `hdnet localize`: keys, units, NaN as null, and the way back."""

import json
from dataclasses import replace

import numpy as np
import pytest

from hdnet_ros.files.roots_file import (
    frame_record,
    person_from_record,
    person_record,
    read_records,
    write_records,
)
from hdnet_ros.core.types import PersonEstimate

KEYS = ["id", "score", "existence", "child_probability", "flags", "box_xywh_center_px", "root_camera_mm", "depth_sigma_mm", "joints_px", "focal_px", "patch_px"]


@pytest.fixture
def person() -> PersonEstimate:
    joints_px = np.full((17, 2), np.nan)
    joints_px[0] = (320.126, 240.0)
    return PersonEstimate(
        id="p1", score=0.9, box_xywh_center_px=np.array([320.0, 240.0, 60.0, 170.0]),
        root_camera_mm=np.array([12.34, -5.0, 4000.06]), depth_sigma_mm=224.0, normalised_depth=4.0,
        focal_px=1000.0, patch_px=256.0, patch_focal_px=1000.0, joints_px=joints_px,
    )  # fmt: skip


def test_record_holds_the_schema_in_order(person):
    record = frame_record(7, 123, [person])
    assert list(record) == ["frame", "stamp_ns", "persons"]
    assert list(record["persons"][0]) == KEYS
    assert record["persons"][0]["root_camera_mm"] == [12.3, -5.0, 4000.1]
    assert record["persons"][0]["joints_px"][0] == [320.13, 240.0]
    assert record["persons"][0]["joints_px"][16] == [None, None]
    json.dumps(record, allow_nan=False)


def test_lines_written_are_read_back(tmp_path, person):
    path = tmp_path / "roots.jsonl"
    assert write_records(path, [frame_record(0, 0, [person]), frame_record(1, 5, [])]) == 2
    first, second = read_records(path)
    assert second == {"frame": 1, "stamp_ns": 5, "persons": []}
    back = person_from_record(first["persons"][0])
    assert back.root_camera_mm == pytest.approx(person.root_camera_mm, abs=0.05)
    assert back.joint_confidence.tolist() == [1.0] + [0.0] * 16


def test_whether_a_child_is_null_where_nobody_says_and_in_older_records_unknown(person):
    assert person_record(person)["child_probability"] is None
    record = person_record(replace(person, child_probability=0.87654))
    assert record["child_probability"] == 0.8765
    assert person_from_record(record).child_probability == 0.8765
    for older in (person_record(person), {name: value for name, value in record.items() if name != "child_probability"}):
        assert np.isnan(person_from_record(older).child_probability)


def test_pose_and_the_networks_own_root_are_written_where_there_are_any(person):
    joints_mm = np.arange(51.0).reshape(17, 3) + 0.04
    record = person_record(replace(person, joints_camera_mm=joints_mm, root_network_camera_mm=np.ones(3)))
    assert set(record) == {*KEYS, "joints_camera_mm", "root_network_camera_mm"}
    assert record["joints_camera_mm"][1] == [3.0, 4.0, 5.0]
    assert record["root_network_camera_mm"] == [1.0, 1.0, 1.0]
    assert person_from_record(record).joints_camera_mm == pytest.approx(joints_mm, abs=0.05)
    assert person_from_record(person_record(person)).joints_camera_mm is None


def test_line_that_is_no_json_is_numbered(tmp_path):
    path = tmp_path / "roots.jsonl"
    path.write_text('{"frame": 0}\nbroken\n')
    with pytest.raises(ValueError, match="line 2: not JSON"):
        list(read_records(path))
