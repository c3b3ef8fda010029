"""Hand-labelled joints of pictures: read by the picture's name and the person's id, and checked against their box."""

import json
from pathlib import Path

import numpy as np
import pytest

from hdnet_ros.core.camera import Camera
from hdnet_ros.core.skeleton import JOINT_NAMES
from hdnet_ros.core.types import Detection
from hdnet_ros.data.labelled import LabelledPicture
from hdnet_ros.data.labelled_joints import LabelledJointsError, load_joints, with_joints

BONN = Path(__file__).parent / "real_joints" / "bonn.json"
CAMERA = Camera(np.array([[300.0, 0, 160], [0, 300, 120], [0, 0, 1]]), (320, 240))


def picture(name, *ids):
    return LabelledPicture(
        image_rgb=np.zeros((240, 320, 3), np.uint8), camera=CAMERA, name=name,
        detections=[Detection([60.0 + 100 * i, 120, 40, 200], id=id) for i, id in enumerate(ids)],
        depth_mm=np.full(len(ids), 3000.0), groups=[frozenset({id}) for id in ids],
    )  # fmt: skip


def person(id="b", box=(161, 121, 40, 198), **joints_px):
    return {"id": id, "box_xywh_center_px": list(box), "joints_px": joints_px}


@pytest.fixture
def labels(tmp_path):
    def write(**pictures):
        path = tmp_path / "joints.json"
        path.write_text(json.dumps({"pictures": pictures}))
        return path

    return write


def test_joints_go_to_their_person_and_no_others_are_visible(labels):
    path = labels(one=[person(nose=[160, 30], left_knee=[170.5, 180])])
    first, second = with_joints([picture("one", "a", "b"), picture("two", "a")], path)
    nose, knee = JOINT_NAMES.index("nose"), JOINT_NAMES.index("left_knee")
    assert first.joints_px[1, nose].tolist() == [160, 30] and first.joints_px[1, knee].tolist() == [170.5, 180]
    assert np.argwhere(first.joint_visible).tolist() == [[1, knee], [1, nose]]
    assert np.isnan(first.joints_px[~first.joint_visible]).all()
    assert first.tight_longer_side_px.tolist() == [200.0, 200.0]
    assert second.joint_visible.shape == (1, 17) and not second.joint_visible.any()


def test_some_of_a_pictures_people_keep_what_is_known_of_them(labels):
    (both,) = with_joints([picture("one", "a", "b")], labels(one=[person(nose=[160, 30])]))
    alone = both.of_people([1])
    assert [d.id for d in alone.detections] == ["b"] and alone.groups == [{"b"}]
    assert alone.joint_visible.sum() == 1 and alone.joints_px.shape == (1, 17, 2) and alone.depth_mm.tolist() == [3000.0]
    assert alone.truncated is None and alone.ids == ()


@pytest.mark.parametrize(
    "people, said",
    [
        ([person(knee=[1, 2])], "joint 'knee', expected one of pelvis, right_hip"),
        ([person(nose=[1])], "nose is .1., expected 2 finite numbers"),
        ([person(nose=[1, None])], "nose is .* expected 2 finite numbers"),
        ([{"id": "b", "joints_px": {}}], "KeyError.*expected .\"pictures\""),
        ([person("c")], "one has no person 'c', but a, b"),
        ([person(box=(60, 120, 40, 200))], "the box of 'b' in one .* in the folder .*overlap 0.00.*same size"),
    ],
)
def test_what_is_wrong_is_named(labels, people, said):
    with pytest.raises(LabelledJointsError, match=said):
        with_joints([picture("one", "a", "b")], labels(one=people))


def test_labels_of_other_pictures_and_no_labels_are_named(labels, tmp_path):
    with pytest.raises(LabelledJointsError, match="names none of the pictures; it has x, the folder one"):
        with_joints([picture("one", "a")], labels(x=[]))
    for text in ("[]", "{", '{"pictures": [1]}'):
        (tmp_path / "bad.json").write_text(text)
        with pytest.raises(LabelledJointsError, match="bad.json: .*expected"):
            load_joints(tmp_path / "bad.json")


def test_the_labels_of_ten_real_pictures_are_inside_boxes_and_as_people_are_made():
    people = [person for people in load_joints(BONN).values() for person in people]
    assert len(load_joints(BONN)) == 10 and len(people) == 19
    joints_px = np.array([person.joints_px for person in people])
    assert np.isfinite(joints_px).all(-1).sum() == 211
    boxes = np.array([person.box_xywh_center_px for person in people])
    off = np.abs(joints_px - boxes[:, None, :2]) / boxes[:, None, 2:]
    assert np.nanmax(off) < 0.6
    middle = 0.5 * (joints_px[:, JOINT_NAMES.index("left_hip")] + joints_px[:, JOINT_NAMES.index("right_hip")])
    assert np.nanmax(np.abs(joints_px[:, 0] - middle)) < 4.0
