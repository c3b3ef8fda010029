"""The paper's tables over whole data sets: what an estimator that is right, or wrong in a known way, scores."""

import dataclasses
import json

import numpy as np
import pytest

from hdnet_ros.locate.priors import BoxHeightPrior
from hdnet_ros.core.skeleton import ROOT
from hdnet_ros.data.datasets import open_dataset
from hdnet_ros.evaluate.paper_suite import paper_suite
from hdnet_ros.evaluate.suites import as_json


class Oracle:
    """Knows a set's people by their boxes and puts them `offset_mm` off."""

    def __init__(self, pictures, offset_mm=(0.0, 0.0, 0.0), with_joints=True, reject=()):
        self._offset_mm, self._with_joints, self._reject = np.array(offset_mm), with_joints, reject
        self._known = {
            tuple(d.box_xywh_center_px): (picture.joints_camera_mm[i], picture.joints_px[i])
            for picture in pictures
            for i, d in enumerate(picture.detections)
        }

    def localize(self, image, detections, camera):
        people = []
        for person in BoxHeightPrior().localize(image, detections, camera):
            joints_mm, joints_px = self._known[tuple(person.box_xywh_center_px)]
            if np.isfinite(joints_mm[ROOT]).all() and person.box_xywh_center_px[0] not in self._reject:
                moved = joints_mm + self._offset_mm
                people.append(
                    dataclasses.replace(
                        person, root_camera_mm=moved[ROOT], joints_px=joints_px,
                        joints_camera_mm=moved if self._with_joints else None,
                    )  # fmt: skip
                )
        return people


def test_mupots_with_both_annotations(mupots_official):
    pictures = open_dataset("mupots", mupots_official)
    suite = paper_suite(
        {"exact": Oracle(pictures), "180 mm too far": Oracle(pictures, (0, 0, 180.0)),
         "roots only": Oracle(pictures, with_joints=False)},
        pictures,
    )  # fmt: skip
    assert suite["data"] == {"name": "MuPoTS-3D", "protocol": pictures.protocol, "pictures": 2, "people": 3}
    assert suite["ap_root"]["people"] == 3
    ap = suite["ap_root"]["by_estimator"]
    assert ap["exact"]["10"] == pytest.approx({"ap": 2 / 3, "ap_from_zero": 1.0, "ar": 1.0})
    assert [ap["180 mm too far"][t]["ar"] for t in ("25", "20", "15", "10")] == [1, 1, 0, 0]
    assert set(suite["pck3d"]["by_estimator"]) == {"exact", "180 mm too far"}
    pck = suite["pck3d"]["by_estimator"]["180 mm too far"]
    assert pck["metric"]["absolute"]["as predicted"]["all"]["mean_of_sequences"] == 0
    assert pck["metric"]["relative"]["as predicted"]["all"]["by_sequence"] == {"TS3": 1.0}
    # 0.9 of the size about the camera: right from the pelvis, 300 mm off in the camera frame.
    exact = suite["pck3d"]["by_estimator"]["exact"]["universal"]
    assert exact["relative"]["bones rescaled"]["matched"]["pooled"] == 1
    assert exact["absolute"]["bones rescaled"]["matched"]["pooled"] == 0
    assert suite["mrpe"]["by_estimator"]["180 mm too far"]["own uv"]["mrpe"] == pytest.approx(180)
    assert all(suite[table]["protocol"] for table in ("mrpe", "ap_root", "pck3d"))


def test_people_who_are_not_found_are_lost_in_mrpe_and_wrong_in_the_others(mupots_official):
    pictures = open_dataset("mupots", mupots_official)
    rejected = pictures[0].detections[1].box_xywh_center_px[0]
    suite = paper_suite({"misses one": Oracle(pictures, reject=(rejected,))}, pictures)
    assert suite["mrpe"]["by_estimator"]["misses one"]["lost"] == 1
    assert suite["ap_root"]["by_estimator"]["misses one"]["25"]["ar"] == pytest.approx(2 / 3)
    shares = suite["pck3d"]["by_estimator"]["misses one"]["metric"]["absolute"]["as predicted"]
    assert (shares["matched"]["people"], shares["matched"]["pooled"]) == (2, 1.0)
    assert (shares["all"]["people"], shares["all"]["pooled"]) == (3, pytest.approx(2 / 3))


def test_detections_of_nobody_cost_precision_but_no_position_error(mupots_json):
    pictures = open_dataset("mupots", mupots_json, detected_boxes=True)
    prior = paper_suite({"box-height": BoxHeightPrior()}, pictures)
    assert len(prior["people"]["box-height"]) == 3
    assert prior["mrpe"]["by_estimator"]["box-height"]["lost"] == 0
    assert prior["pck3d"] is None


def test_human36m_with_given_pixels_and_actions(authors_human36m):
    pictures = open_dataset("human36m", authors_human36m)
    seen = []
    suite = paper_suite(
        {"55 mm right, 40 too far": Oracle(pictures, (55.0, 0, 40))}, pictures, lambda n, picture: seen.append(n)
    )
    table = suite["mrpe"]["by_estimator"]["55 mm right, 40 too far"]
    assert seen == [0, 1, 2]
    assert table["own uv"] == pytest.approx({"people": 3, "mrpe": np.hypot(55, 40), "x": 55, "y": 0, "z": 40})
    # CPN is 3 px right and 2 px up: 3 / 1100 of 4.68 m on average, and 40 mm of depth moves x by its share.
    roots = [(100.0 + n, -50.0, 4000.0 + 10 * n) for n in (0, 64, 128)]
    x = np.mean([abs(((x * 1100 / z) + 3) * (z + 40) / 1100 - x) for x, _, z in roots])
    assert table["given uv"]["x"] == pytest.approx(x, rel=1e-3)
    assert table["given uv"]["z"] == pytest.approx(40)
    assert table["true uv"]["x"] == pytest.approx(np.mean([x * 40 / z for x, _, z in roots]), rel=1e-3)
    assert list(table["by_action"]) == ["Walking"] == list(table["by_action_given_uv"])
    row = suite["people"]["55 mm right, 40 too far"][1]
    assert (row["picture"], row["action"], row["frame"]) == (1, "Walking", 65)
    assert json.loads(as_json(suite))["data"]["people"] == 3


def test_a_set_without_depths_has_no_tables(tmp_path, files):
    person = {"id": 0, "image_id": 1, "bbox": [80, 40, 60, 120], "keypoints": [100.0, 80.0, 2.0] * 17}
    image = {"id": 1, "file_name": "a.png", "width": 320, "height": 240, "f": [500, 500], "c": [160, 120]}
    files.dump(tmp_path / "people.json", {"images": [image], "annotations": [person]})
    files.write_image(tmp_path / "a.png", 0, (320, 240))
    suite = paper_suite({"box-height": BoxHeightPrior()}, open_dataset("coco", tmp_path))
    assert (suite["mrpe"], suite["ap_root"], suite["pck3d"]) == (None, None, None)
    assert suite["data"]["pictures"] == 1 and suite["data"]["people"] == 0


def test_pictures_that_annotate_no_more_than_their_detections(mupots_json):
    """As those of the real clip: roots beside the detections, nothing else."""
    whole = open_dataset("mupots", mupots_json)
    pictures = [dataclasses.replace(p, truth=None, joints_px=None, joints_camera_mm=None, ids=()) for p in whole]
    suite = paper_suite({"exact": Oracle(whole, (0, 0, 120.0))}, pictures)
    assert suite["mrpe"]["by_estimator"]["exact"]["own uv"]["z"] == pytest.approx(120)
    assert suite["mrpe"]["by_estimator"]["exact"]["true uv"] is None
    assert suite["ap_root"]["by_estimator"]["exact"]["15"]["ar"] == 1
    assert suite["ap_root"]["by_estimator"]["exact"]["10"]["ar"] == 0
    assert suite["pck3d"] is None


def test_unknown_data_sets_and_options_are_errors(tmp_path):
    with pytest.raises(ValueError, match="'kitti', expected one of human36m, muco, mupots, coco"):
        open_dataset("kitti", tmp_path)
    with pytest.raises(ValueError, match="detected boxes are read for mupots only, not for coco"):
        open_dataset("coco", tmp_path, detected_boxes=True)
