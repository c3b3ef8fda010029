"""Human3.6M: HDNet's h5 and RootNet's JSON give the same kind of picture, in mm and px."""

import json

import h5py
import numpy as np
import pytest

from hdnet_ros.core.skeleton import JOINT_NAMES
from hdnet_ros.data.datasets import open_dataset
from hdnet_ros.data.datasets.human36m import describe, human36m


def test_h5_takes_every_64th_frame_and_leaves_the_broken_take_out(authors_human36m, files):
    pictures = human36m(authors_human36m)
    assert [p.name for p in pictures] == [
        f"s_09_act_14_subact_01_ca_03/s_09_act_14_subact_01_ca_03_{n:06d}.jpg" for n in (1, 65, 129)
    ]
    third = pictures[2]
    assert third.image_rgb.mean() == pytest.approx(129, abs=1)
    assert third.camera.size_wh_px == files.SIZE_WH
    np.testing.assert_allclose(third.camera.K[[0, 1, 0, 1], [0, 1, 2, 2]], files.FOCAL_CENTRE)
    np.testing.assert_allclose(third.root_camera_mm, [[228.0, -50.0, 5280.0]])
    np.testing.assert_allclose(third.depth_mm, [5280.0])
    np.testing.assert_allclose(third.joints_camera_mm[0], files.STANDING_MM + [228.0, -50.0, 5280.0], atol=1e-3)
    np.testing.assert_allclose(third.joints_px, files.project(third.joints_camera_mm), atol=1e-3)
    np.testing.assert_allclose(third.given_joints_px - third.joints_px, np.tile([3.0, -2.0], (1, 17, 1)), atol=1e-3)
    assert (third.sequence, third.action, third.frame) == ("s_09_act_14_subact_01_ca_03", "Walking", 129)


def test_h5_box_is_around_the_joints_and_1_2_times_as_large(authors_human36m):
    picture = human36m(authors_human36m)[0]
    low, high = picture.joints_px[0].min(axis=0), picture.joints_px[0].max(axis=0)
    np.testing.assert_allclose(
        picture.detections[0].box_xywh_center_px, [*(low + high) / 2, *(1.2 * (high - low))], atol=1e-3
    )


def test_rootnets_json_reads_both_meanings_of_t(rootnet_human36m, files):
    pictures = human36m(rootnet_human36m)
    assert [(p.sequence, p.frame) for p in pictures] == [
        (f"s_{s}_act_05_subact_02_ca_01", n) for s in ("09", "11") for n in (1, 65)
    ]
    last = pictures[3]
    assert last.action == "Greeting"
    assert last.image_rgb.mean() == pytest.approx(52, abs=1)
    np.testing.assert_allclose(last.joints_camera_mm[0], files.STANDING_MM + [20.0, 20.0, 4064.0], atol=1e-2)
    np.testing.assert_allclose(last.joints_px[0], files.project(last.joints_camera_mm[0]), atol=1e-2)
    left, top, width, height = files.tight_box(last.joints_px[0])
    np.testing.assert_allclose(
        last.detections[0].box_xywh_center_px, [left + width / 2, top + height / 2, width, height], atol=1e-2
    )
    assert last.given_joints_px is None


def test_joints_keep_human36ms_order(authors_human36m):
    joints = dict(zip(JOINT_NAMES, human36m(authors_human36m)[0].joints_camera_mm[0], strict=True))
    assert joints["left_ankle"][0] > joints["pelvis"][0] > joints["right_ankle"][0]
    assert joints["head_top"][1] < joints["thorax"][1] < joints["pelvis"][1]


def test_slices_stay_lazy(authors_human36m):
    pictures = open_dataset("human36m", authors_human36m, every=2, most=1)
    assert len(pictures) == 1
    image = authors_human36m / "images/test/s_09_act_14_subact_01_ca_03/s_09_act_14_subact_01_ca_03_000001.jpg"
    image.unlink()
    with pytest.raises(FileNotFoundError, match=r"s_09_act_14_subact_01_ca_03_000001\.jpg: no such image in .*images"):
        pictures[0]


def test_what_is_missing_is_named(authors_human36m):
    with pytest.raises(FileNotFoundError, match=r"subject_1\.h5 .* Human36M_subject1_data\.json"):
        human36m(authors_human36m, "train")
    with pytest.raises(ValueError, match="'val', expected one of train, test"):
        human36m(authors_human36m, "val")
    path = authors_human36m / "annotations/subject_9.h5"
    with h5py.File(path, "a") as file:
        del file["0/joints_3d"]
    with pytest.raises(ValueError, match=r"subject_9\.h5: 0/joints_3d is missing"):
        human36m(authors_human36m)
    (authors_human36m / "annotations/subject_9_cpn.h5").unlink()
    with pytest.raises(FileNotFoundError, match=r"subject_9_cpn\.h5: no such file"):
        human36m(authors_human36m)


def test_a_camera_that_fits_no_box_is_an_error(rootnet_human36m):
    path = rootnet_human36m / "annotations/Human36M_subject9_camera.json"
    camera = json.loads(path.read_text())
    camera["1"]["c"] = [0.0, 0.0]
    path.write_text(json.dumps(camera))
    with pytest.raises(ValueError, match=r"camera\.json: camera 1: neither R x \+ t nor R \(x - t\)"):
        human36m(rootnet_human36m)


@pytest.mark.parametrize("kind, key", [("camera", "R"), ("joint_3d", "64"), ("data", "bbox")])
def test_keys_that_are_missing_are_named(rootnet_human36m, kind, key):
    path = rootnet_human36m / f"annotations/Human36M_subject11_{kind}.json"
    path.write_text(path.read_text().replace(f'"{key}":', f'"not {key}":'))
    with pytest.raises(ValueError, match=rf"Human36M_subject11_{kind}\.json.*'{key}' is missing"):
        human36m(rootnet_human36m)


def test_names_of_other_pictures_are_errors():
    with pytest.raises(ValueError, match="expected s_SS_act_AA"):
        describe("S9/Walking/000001.jpg")
