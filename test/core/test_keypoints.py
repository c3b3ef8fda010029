"""COCO's joints in our order, and keypoints in boxes.json."""

import json

import numpy as np
import pytest

from hdnet_ros.files.boxes_file import BoxesFileError, load_boxes
from hdnet_ros.core.keypoints import COCO_JOINTS, joints_of
from hdnet_ros.core.skeleton import JOINT_NAMES

COCO_PX = np.arange(34.0).reshape(17, 2)


def of(joints, name):
    return joints[JOINT_NAMES.index(name)].tolist()


def test_coco_joints_keep_their_names_and_the_root_is_between_the_hips():
    joints = joints_of("coco17", COCO_PX)
    shared = set(COCO_JOINTS) & set(JOINT_NAMES)
    assert len(shared) == 13
    for name in shared:
        assert of(joints, name) == COCO_PX[COCO_JOINTS.index(name)].tolist()
    # Hips are 11 and 12, (22, 23) and (24, 25) px; shoulders 5 and 6.
    assert of(joints, "pelvis") == [23.0, 24.0]
    assert of(joints, "thorax") == [11.0, 12.0]
    assert np.isnan([of(joints, "head_top"), of(joints, "spine")]).all()


def test_coco_without_a_hip_has_no_root():
    unknown = COCO_PX.copy()
    unknown[11] = np.nan
    assert np.isnan(of(joints_of("coco17", unknown), "pelvis")).all()


def test_human36m_joints_are_ours():
    assert joints_of("human36m17", COCO_PX).tolist() == COCO_PX.tolist()


def test_skeletons_and_counts_that_do_not_fit_are_named():
    with pytest.raises(ValueError, match="skeleton is 'body25', expected one of coco17, human36m17"):
        joints_of("body25", COCO_PX)
    with pytest.raises(ValueError, match=r"coco17 joints have shape \(16, 2\), expected \(17, 2\)"):
        joints_of("coco17", COCO_PX[:16])


def boxes_file(tmp_path, keypoints, **top):
    path = tmp_path / "boxes.json"
    box = {"xywh_center_px": [50, 60, 20, 40], "keypoints": keypoints}
    path.write_text(json.dumps({"boxes": {"0": [box, {"xywh_center_px": [9, 9, 4, 4]}]}, **top}))
    return path


def test_boxes_file_reads_pairs_triples_and_nulls(tmp_path):
    points = [[u, v] for u, v in COCO_PX]
    points[0], points[5], points[6] = None, [7.0, 8.0, 0.9], [1.0, 2.0, 0.0]
    first, second = load_boxes(boxes_file(tmp_path, points, skeleton="coco17"))[0]
    assert of(first.joints_px, "pelvis") == [23.0, 24.0]
    assert of(first.joints_px, "left_shoulder") == [7.0, 8.0]
    assert np.isnan([of(first.joints_px, "nose"), of(first.joints_px, "right_shoulder")]).all()
    assert second.joints_px is None


@pytest.mark.parametrize(
    "keypoints, top, named",
    [
        ([[1, 2]] * 17, {}, 'box 0: has keypoints, but the file names no "skeleton"'),
        ([[1, 2]] * 17, {"skeleton": "body25"}, "\"skeleton\" is 'body25', expected one of coco17"),
        ([[1, 2]] * 16, {"skeleton": "coco17"}, "box 0: keypoints are not 17 of"),
        ([[1, 2, 3, 4]] * 17, {"skeleton": "coco17"}, "box 0: keypoints are not 17 of"),
        (3, {"skeleton": "coco17"}, "box 0: keypoints are not 17 of"),
    ],
)
def test_boxes_file_names_keypoints_that_do_not_fit(tmp_path, keypoints, top, named):
    with pytest.raises(BoxesFileError, match=named):
        load_boxes(boxes_file(tmp_path, keypoints, **top))
