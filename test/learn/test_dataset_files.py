"""Training patches from a data set's files: labels in the patch, joints that the set lacks, wrong settings."""

import json

import cv2
import numpy as np
import pytest

from hdnet_ros.core.patch import PatchConvention
from hdnet_ros.core.skeleton import JOINT_NAMES, ROOT
from hdnet_ros.data.datasets import open_dataset
from hdnet_ros.learn.config import DataConfig
from hdnet_ros.learn.dataset import PatchStream, collate
from hdnet_ros.learn.dataset_files import random_samples, sample_of

NAMES = [name for name in JOINT_NAMES if name != "nose"]
LAID_OUT_MM = [[40.0 * (j % 4) - 60, 100.0 * (j // 4) - 150, 5.0 * j] for j in range(16)]


@pytest.fixture
def folder(tmp_path):
    """One picture of two people, 16 joints each, and one picture of somebody without a known root."""
    images, people = [], []
    for number in range(2):
        images.append({"id": number, "file_name": f"{number}.png", "width": 320, "height": 240,
                       "intrinsic": [600, 600, 160, 120]})  # fmt: skip
        cv2.imwrite(str(tmp_path / f"{number}.png"), np.full((240, 320, 3), 90 + number, np.uint8))
    for x, z in ((-500.0, 4000.0), (450.0, 4400.0)):
        joints_mm = np.array(LAID_OUT_MM) + [x, 0, z] - LAID_OUT_MM[0]
        u = 160 + 600 * x / z
        people.append({"id": len(people), "image_id": 0, "bbox": [u - 30, 70, 60, 120],
                       "keypoints_cam": joints_mm.tolist(), "keypoints_vis": [1] * 15 + [0]})  # fmt: skip
    people.append({"id": 9, "image_id": 1, "bbox": [100, 70, 60, 120]})
    content = {"images": images, "annotations": people, "categories": [{"keypoints": NAMES}]}
    (tmp_path / "people.json").write_text(json.dumps(content))
    return tmp_path


def test_samples_hold_the_people_whose_roots_are_known(folder):
    pictures = open_dataset("coco", folder)
    sample = sample_of(pictures[0])
    np.testing.assert_allclose([p.root_camera_mm for p in sample.people], [[-500, 0, 4000], [450, 0, 4400]])
    assert sample.people[0].visible_fraction == pytest.approx(15 / 16)
    assert not sample.people[0].joint_visible[JOINT_NAMES.index("nose")]
    assert sample_of(pictures[1]).people == []
    stream = random_samples(pictures, np.random.default_rng(0), seed=7)
    assert [next(stream)[0] for _ in range(4)] == [(7, 0)] * 4


def test_a_set_without_any_root_does_not_loop_for_ever(folder):
    pictures = open_dataset("coco", folder)[1:]
    with pytest.raises(ValueError, match="nobody's root is known in any of 1 pictures"):
        next(random_samples(pictures, np.random.default_rng(0), seed=7))


def test_patches_have_finite_labels_and_the_true_depth(folder):
    data = DataConfig(dataset="coco", dataset_root=str(folder), photometric=False)
    convention = PatchConvention()
    stream = iter(PatchStream(data, convention))
    patches = [next(stream) for _ in range(4)]
    batch = collate(patches)
    assert all(np.isfinite(np.asarray(batch[key])).all() for key in
               ("joints_cells", "joint_weight", "normalised_depth", "relative_depth_mm"))  # fmt: skip
    weight = np.concatenate([p.joint_weight for p in patches])
    assert (weight[:, JOINT_NAMES.index("nose")] == 0).all() and (weight[:, ROOT] == 1).all()
    assert all(p.key == (1, 0) for p in patches)
    # r = 0.256 d / f_in: 300 mm between two joints show as 300 f_in / d px, however the patch was cut.
    low, high = JOINT_NAMES.index("pelvis"), JOINT_NAMES.index(NAMES[12])
    for patch in patches:
        px_per_cell = convention.input_px / patch.box_masks.shape[2]
        span_px = abs(patch.joints_cells[0, high, 1] - patch.joints_cells[0, low, 1]) * px_per_cell
        assert patch.normalised_depth[0] / 0.256 == pytest.approx(300 / span_px, rel=0.05)


def test_settings_that_contradict_are_errors(tmp_path):
    with pytest.raises(ValueError, match="dataset is 'mupots', expected one of"):
        DataConfig(dataset="mupots", dataset_root="x")
    with pytest.raises(ValueError, match="dataset_root is '', expected set with dataset"):
        DataConfig(dataset="coco")
    with pytest.raises(ValueError, match="shards is 'a', expected empty beside dataset"):
        DataConfig(dataset="coco", dataset_root="x", shards="a")
    with pytest.raises(FileNotFoundError, match=r"no MuCo-3DHP\.json"):
        PatchStream(DataConfig(dataset="muco", dataset_root=str(tmp_path)), PatchConvention())
