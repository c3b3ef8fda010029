"""COCO-style folders: where intrinsics may stand, 3D roots, joints by the names of the category."""

import numpy as np
import pytest

from hdnet_ros.core.keypoints import COCO_JOINTS
from hdnet_ros.core.skeleton import JOINT_NAMES
from hdnet_ros.data.datasets.coco_folder import coco_folder
from hdnet_ros.data.datasets.joints import MUCO_JOINTS, skeleton_rows

K = [[600.0, 0, 160], [0, 600.0, 120], [0, 0, 1]]
COCO_KEYPOINTS = [[100.0 + j, 50.0 + j, 2 if j % 2 else 1] for j in range(17)]


@pytest.fixture
def write(tmp_path, files):
    """Write a folder of one picture with one person (and a crowd), image and person changed as asked."""

    def write(image=None, person=None, **more):
        image = {"id": 1, "file_name": "walk/a.png", "width": 320, "height": 240} | (image or {})
        person = {"id": 5, "image_id": 1, "bbox": [80, 40, 60, 120], "iscrowd": 0} | (person or {})
        crowd = {"id": 6, "image_id": 1, "bbox": [0, 0, 9, 9], "iscrowd": 1}
        files.dump(tmp_path / "annotations/people.json", {"images": [image], "annotations": [crowd, person], **more})
        files.write_image(tmp_path / "images/walk/a.png", 40, (320, 240))
        return tmp_path

    return write


@pytest.mark.parametrize(
    "image",
    [
        {"intrinsic": [600, 600, 160, 120]},
        {"f": [600, 600], "c": [160, 120]},
        {"K": K},
        {"cam_param": {"focal": [600, 600], "princpt": [160, 120]}},
    ],
)
def test_each_way_to_write_intrinsics(write, image):
    [picture] = coco_folder(write(image, {"root_cam": [0, 0, 4000.0]}))
    np.testing.assert_allclose(picture.camera.K, K)
    np.testing.assert_allclose(picture.root_camera_mm, [[0, 0, 4000]])
    np.testing.assert_allclose(picture.joints_px[0, 0], [160, 120])
    np.testing.assert_allclose(picture.detections[0].box_xywh_center_px, [110, 100, 60, 120])
    assert picture.sequence == "walk" and picture.ids == ["5"]


def test_one_camera_file_serves_every_picture_with_its_lens(write, files):
    root = write(person={"root_cam": [0, 0, 4000.0]})
    lens = {"distortion_model": "plumb_bob", "d": [-0.1, 0, 0, 0, 0]}
    files.dump(root / "camera.json", {"width": 320, "height": 240, "k": np.ravel(K).tolist(), **lens})
    [picture] = coco_folder(root)
    assert picture.camera.distortion[0] == -0.1


def test_cocos_keypoints_give_pelvis_and_thorax_as_midpoints_and_no_depth(write):
    keypoints = [row[:] for row in COCO_KEYPOINTS]
    keypoints[COCO_JOINTS.index("left_elbow")] = [0, 0, 0]  # not labelled
    person = {"keypoints": np.ravel(keypoints).tolist(), "num_keypoints": 16}
    [picture] = coco_folder(write({"K": K}, person))
    joints = dict(zip(JOINT_NAMES, picture.joints_px[0], strict=True))
    np.testing.assert_allclose(joints["pelvis"], [111.5, 61.5])  # between hips 11 and 12
    np.testing.assert_allclose(joints["thorax"], [105.5, 55.5])
    np.testing.assert_allclose(joints["right_ankle"], [116, 66])
    assert np.isnan(joints["left_elbow"]).all() and np.isnan(joints["spine"]).all()
    visible = dict(zip(JOINT_NAMES, picture.joint_visible[0], strict=True))
    assert visible["left_shoulder"] and not visible["right_shoulder"] and not visible["left_elbow"]
    assert np.isnan(picture.depth_mm).all()


def test_a_categorys_own_joint_names_are_used(write, files):
    joints_mm = files.STANDING_MM + [0, 0, 4000.0]
    names = [f"R_{n[6:]}" if n.startswith("right_") else n for n in JOINT_NAMES][::-1]
    person = {"keypoints_cam": joints_mm[::-1].tolist()}
    [picture] = coco_folder(write({"K": K}, person, categories=[{"id": 1, "name": "person", "keypoints": names}]))
    np.testing.assert_allclose(picture.joints_camera_mm[0], joints_mm, atol=1e-3)


def test_a_lone_head_is_the_top_of_it_and_beside_a_head_top_is_not():
    assert skeleton_rows(["Head"])[JOINT_NAMES.index("head_top")] == 0
    rows = skeleton_rows(MUCO_JOINTS)
    assert rows[JOINT_NAMES.index("head_top")] == 0
    assert rows[JOINT_NAMES.index("nose")] == -1
    assert rows[JOINT_NAMES.index("left_wrist")] == MUCO_JOINTS.index("L_Wrist")
    assert sum(rows >= 0) == 16


def test_no_intrinsics_is_an_error_that_says_where_to_put_them(write):
    message = r"people\.json: images, id 1: no intrinsics, expected 'intrinsic'.*camera\.json"
    with pytest.raises(ValueError, match=message):
        coco_folder(write())


def test_metres_are_refused(write):
    with pytest.raises(ValueError, match=r"id 5: the root is at \[0\.0, 0\.1, 4\.0\], expected millimetres"):
        coco_folder(write({"K": K}, {"root_cam": [0.0, 0.1, 4.0]}))


def test_files_that_are_missing_too_many_or_inconsistent_are_named(tmp_path, write, files):
    with pytest.raises(FileNotFoundError, match=r"no \.json of annotations"):
        coco_folder(tmp_path)
    root = write({"K": K}, {"image_id": 3})
    with pytest.raises(ValueError, match="annotation 5 has an image_id that is not among the images"):
        coco_folder(root)
    write({"K": K, "width": 321})
    with pytest.raises(ValueError, match="walk/a.png is 320 x 240 px, its annotation says 321 x 240 px"):
        coco_folder(root)[0]
    files.dump(root / "other.json", {})
    with pytest.raises(ValueError, match=r"several files of annotations \(annotations/people\.json, other\.json\)"):
        coco_folder(root)
    assert len(coco_folder(root, "annotations/people.json")) == 1
    with pytest.raises(ValueError, match=r"other\.json: 'images' is missing or empty"):
        coco_folder(root, "other.json")
