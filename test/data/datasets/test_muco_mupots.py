"""MuCo-3DHP and MuPoTS-3D: joints by name, who counts, detected boxes, and the official .mat files."""

import json

import numpy as np
import pytest
import scipy.io
from hypothesis import given, settings
from hypothesis import strategies as st

from hdnet_ros.locate.priors import BoxHeightPrior
from hdnet_ros.core.skeleton import JOINT_NAMES
from hdnet_ros.evaluate import benchmark
from hdnet_ros.data.datasets import open_dataset
from hdnet_ros.data.datasets.muco import muco, trainable
from hdnet_ros.data.datasets.mupots import mupots

NOSE = JOINT_NAMES.index("nose")
KNOWN = [j for j in range(17) if j != NOSE]
ROOTS = st.tuples(st.floats(-5e3, 5e3), st.floats(-5e3, 5e3), st.floats(1, 1e4))


def test_muco_maps_joints_by_name_and_keeps_whom_rootnet_trains_on(muco_root, files):
    pictures = muco(muco_root)
    assert [p.name for p in pictures] == ["augmented_set/00/0.jpg", "augmented_set/00/1.jpg"]
    first, second = pictures
    np.testing.assert_allclose(sorted(first.depth_mm), [3000, 4000])
    np.testing.assert_allclose(second.depth_mm, [3000])  # the one behind stands 300 mm beside: hidden
    assert second.truth.is_valid.sum() == 1 and len(second.truth.is_valid) == 2
    np.testing.assert_allclose(second.joints_camera_mm[0][KNOWN], (files.STANDING_MM + [0, 0, 3000])[KNOWN])
    assert np.isnan(second.joints_camera_mm[0][NOSE]).all()
    assert not second.joint_visible[0][NOSE] and second.joint_visible[0][KNOWN].all()
    assert (second.sequence, second.action, second.frame) == ("augmented_set", "", None)


def test_trainable_takes_the_nearest_and_those_500_mm_beside_within_the_depths():
    roots = [(0, 0, 2000), (400, 0, 1900), (1000, 0, 5000), (0, 0, 7600), (0, 0, 1499)]
    kept = trainable(np.array(roots, float), np.array([0, 3, 3, 4, 5]))
    assert kept.tolist() == [False, True, True, False, False]


def test_muco_says_what_is_missing(tmp_path, muco_root):
    with pytest.raises(FileNotFoundError, match=r"no MuCo-3DHP\.json and no data/MuCo-3DHP\.json"):
        muco(tmp_path / "augmented_set")
    path = muco_root / "MuCo-3DHP.json"
    path.write_text(path.read_text().replace('"f":', '"focal":'))
    with pytest.raises(ValueError, match=r"MuCo-3DHP\.json: images, id 7: 'f' is missing"):
        muco(muco_root)


def test_mupots_json_has_valid_people_with_true_boxes(mupots_json, files):
    first, second = mupots(mupots_json)
    np.testing.assert_allclose(first.root_camera_mm, [[-600, 0, 3000], [600, 0, 3500]])
    np.testing.assert_allclose(second.root_camera_mm, [[-500, 0, 3000]])
    assert second.truth.is_valid.tolist() == [True, False]
    np.testing.assert_allclose(second.truth.root_camera_mm[1], [700, 0, 3600])
    np.testing.assert_allclose(first.camera.K[[0, 1, 0, 1], [0, 1, 2, 2]], files.FOCAL_CENTRE)
    assert (first.sequence, first.frame, second.frame) == ("TS3", 0, 1)
    assert first.image_rgb.mean() == pytest.approx(80, abs=1)
    assert first.truth.universal_joints_mm is None


def test_detected_boxes_find_their_people_and_keep_their_scores(mupots_json):
    first, second = open_dataset("mupots", mupots_json, detected_boxes=True)
    assert [d.score for d in first.detections] == [0.9, 0.9, 0.3]
    np.testing.assert_allclose(first.depth_mm, [3000, 3500, np.nan])
    np.testing.assert_allclose(first.detections[2].box_xywh_center_px, [15.0, 21.0, 20.0, 30.0])
    np.testing.assert_allclose(second.depth_mm, [3000, np.nan])  # the other one does not count
    assert first.ids == ["0", "1", ""]


def test_detections_of_nobody_do_not_count_in_depth_errors(mupots_json):
    rows = benchmark.run(BoxHeightPrior(), mupots(mupots_json, detected_boxes=True))
    assert rows.true_mm == [3000.0, 3500.0, 3000.0]
    assert rows.lost == 0


def test_official_files_give_the_same_people_and_a_fitted_camera(mupots_official, files):
    first, second = mupots(mupots_official)
    np.testing.assert_allclose(first.root_camera_mm, [[-600, 0, 3000], [600, 0, 3500]])
    np.testing.assert_allclose(first.joints_camera_mm[1][KNOWN], (files.STANDING_MM + [600, 0, 3500])[KNOWN])
    np.testing.assert_allclose(first.camera.K[[0, 1, 0, 1], [0, 1, 2, 2]], files.FOCAL_CENTRE, rtol=1e-3)
    np.testing.assert_allclose(first.truth.universal_joints_mm[0][0], [-540, 0, 2700], atol=1e-2)
    assert second.truth.is_valid.tolist() == [True, False] and len(second.detections) == 1
    occluded = {JOINT_NAMES[j] for j in np.flatnonzero(first.truth.joint_occluded[1])}
    assert occluded == {
        "head_top", "thorax", "right_shoulder", "right_elbow", "right_wrist", "left_shoulder", "left_elbow",
        "left_wrist",
    }  # fmt: skip
    assert first.groups[1] == {"TS3", "over a quarter of the joints occluded"}
    assert not first.joint_visible[1][JOINT_NAMES.index("left_wrist")]


def test_both_files_together_add_the_universal_skeleton_to_rootnets_people(mupots_json, mupots_official):
    assert mupots_json == mupots_official
    pictures = mupots(mupots_json, detected_boxes=True)
    np.testing.assert_allclose(pictures[0].truth.universal_joints_mm[1][0], [540, 0, 3150], atol=1e-2)
    assert pictures[0].truth.joint_occluded.sum(axis=1).tolist() == [0, 8]


def test_mupots_says_what_is_missing(tmp_path, mupots_official):
    with pytest.raises(FileNotFoundError, match="no MultiPersonTestSet"):
        mupots(tmp_path / "MultiPersonTestSet")
    with pytest.raises(FileNotFoundError, match=r"no MuPoTS-3D\.json"):
        mupots(mupots_official, detected_boxes=True)
    folder = mupots_official / "MultiPersonTestSet/TS3"
    labels = scipy.io.loadmat(folder / "occlusion.mat")["occlusion_labels"]
    scipy.io.savemat(folder / "occlusion.mat", {"labels": labels})
    with pytest.raises(ValueError, match=r"occlusion\.mat: variable 'occlusion_labels' is missing"):
        mupots(mupots_official)
    (folder / "occlusion.mat").write_text("not a mat")
    with pytest.raises(ValueError, match=r"occlusion\.mat: not a \.mat"):
        mupots(mupots_official)
    (folder / "occlusion.mat").unlink()
    with pytest.raises(FileNotFoundError, match=r"occlusion\.mat: no such file"):
        mupots(mupots_official)


def test_a_field_that_is_missing_in_a_mat_is_named(mupots_official):
    path = mupots_official / "MultiPersonTestSet/TS3/annot.mat"
    cell = np.empty((1, 1), object)
    cell[0, 0] = {"annot2": np.zeros((2, 17)), "annot3": np.ones((3, 17)), "isValidFrame": 1}
    scipy.io.savemat(path, {"annotations": cell})
    occlusion = np.empty((1, 1), object)
    occlusion[0, 0] = np.zeros((1, 17))
    scipy.io.savemat(path.with_name("occlusion.mat"), {"occlusion_labels": occlusion})
    with pytest.raises(ValueError, match=r"annot\.mat: annotations\{1,1\} has no field 'univ_annot3'"):
        mupots(mupots_official)


def test_boxes_without_a_picture_or_a_score_are_named(mupots_json):
    path = mupots_json / "bbox/bbox_mupots_output.json"
    boxes = json.loads(path.read_text())
    path.write_text(json.dumps([boxes[0] | {"image_id": 99}]))
    with pytest.raises(ValueError, match="image_id 99 is not in MuPoTS-3D"):
        mupots(mupots_json, detected_boxes=True)
    del boxes[1]["score"]
    path.write_text(json.dumps(boxes))
    with pytest.raises(ValueError, match=r"bbox_mupots_output\.json: box 1: 'score' is missing"):
        mupots(mupots_json, detected_boxes=True)


@settings(deadline=None, max_examples=30)
@given(st.lists(st.lists(ROOTS, max_size=4), min_size=1, max_size=5))
def test_trainable_says_the_same_of_each_picture_alone(places):
    first = np.cumsum([0, *(len(people) for people in places)])
    together = trainable(np.array([p for people in places for p in people], float).reshape(-1, 3), first)
    alone = [trainable(np.array(people, float).reshape(-1, 3), np.array([0, len(people)])) for people in places]
    np.testing.assert_array_equal(together, np.concatenate(alone))
