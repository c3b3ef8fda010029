"""Training patches: labels lie where the picture shows them, through jitter, lens and mirror."""

from types import SimpleNamespace

import numpy as np
import pytest

pytest.importorskip("numba", reason="the synthetic package needs the learn requirements")

from hdnet_ros.core.camera import Camera
from hdnet_ros.core.depth_bins import denormalise_depth
from hdnet_ros.core.patch import PatchConvention, cells_to_patch_px, choose_patch_px
from hdnet_ros.core.skeleton import MIRRORED_JOINTS
from hdnet_ros.learn import dataset
from hdnet_ros.learn.config import DataConfig
from hdnet_ros.data.synthetic import shards

CONVENTION = PatchConvention(input_px=192)
EXACT = DataConfig(photometric=False)
ROOT_MM = np.array([350.0, 120.0, 6000.0])


def person_with_joints(camera):
    """17 joints on a ring around the root, all at the root's depth, and a box around them."""
    angle = np.arange(16) / 16 * 2 * np.pi
    ring = np.stack([300 * np.cos(angle), 800 * np.sin(angle), 0 * angle], axis=1)
    joints = ROOT_MM + np.vstack([[0, 0, 0], ring])
    px = camera.project(joints)
    low, high = px.min(axis=0) - 5, px.max(axis=0) + 5
    return SimpleNamespace(
        box_xywh_center_px=np.concatenate([(low + high) / 2, high - low]),
        joints_px=px, joints_camera_mm=joints, joint_visible=np.ones(17, bool),
        root_camera_mm=ROOT_MM, visible_fraction=1.0, stature_mm=1190.0, age_years=6.0,
    )


def sample_with_dots():
    """A black picture with a coloured dot of radius 3 px per joint, red codes the joint."""
    camera = Camera(np.array([[600.0, 0, 320], [0, 604.0, 240], [0, 0, 1]]), (640, 480), "plumb_bob", (-0.2, 0.05, 0, 0, 0))
    person = person_with_joints(camera)
    image = np.zeros((480, 640, 3), np.uint8)
    rows, columns = np.mgrid[:480, :640]
    for joint, (u, v) in enumerate(person.joints_px):
        image[(columns - u) ** 2 + (rows - v) ** 2 < 12] = (100 + 8 * joint, 255, 0)
    return SimpleNamespace(image_rgb=image, camera=camera, people=[person])


@pytest.mark.parametrize("seed", range(12))
def test_joint_labels_lie_on_the_dots_that_mark_them(seed):
    patch = dataset.make_training_patch(sample_with_dots(), 0, CONVENTION, EXACT, np.random.default_rng(seed))
    labelled = np.flatnonzero(patch.joint_weight[0] > 0)
    assert 0 in labelled and len(labelled) >= 9
    reds = []
    for joint in labelled:
        u, v = np.round(cells_to_patch_px(patch.joints_cells[0, joint], CONVENTION)).astype(int)
        if 0 <= u < 192 and 0 <= v < 192:
            reds.append((joint, int(patch.image[v, u, 0])))
    mirrored = any(abs(red - (100 + 8 * joint)) > 12 for joint, red in reds)
    for joint, red in reds:
        drawn = MIRRORED_JOINTS[joint] if mirrored else joint
        assert red == pytest.approx(100 + 8 * drawn, abs=3)


def test_relative_depths_are_along_the_patchs_axis_and_follow_the_mirror():
    sample = sample_with_dots()
    person = sample.people[0]
    person.joints_camera_mm = person.joints_camera_mm + np.outer(np.arange(17.0), (0, 0, 10.0))
    convention = PatchConvention(input_px=192, mode="crop")
    seen = set()
    for seed in range(6):
        patch = dataset.make_training_patch(sample, 0, convention, EXACT, np.random.default_rng(seed))
        numbers = np.round(patch.relative_depth_mm[0] / 10.0).astype(int).tolist()
        assert patch.relative_depth_mm[0] == pytest.approx(10.0 * np.array(numbers), abs=1e-2)
        seen.add(tuple(numbers))
    assert seen == {tuple(range(17)), MIRRORED_JOINTS}
    turned = dataset.make_training_patch(sample, 0, CONVENTION, EXACT, np.random.default_rng(1))
    axis = ROOT_MM / np.linalg.norm(ROOT_MM)
    expected = sorted((person.joints_camera_mm - person.joints_camera_mm[0]) @ axis)
    assert sorted(turned.relative_depth_mm[0]) == pytest.approx(expected, abs=30.0)


def test_boxes_of_others_follow_the_mirror_and_bodies_are_told():
    sample = sample_with_dots()
    person = sample.people[0]
    beside = SimpleNamespace(**vars(person))
    beside.box_xywh_center_px = person.box_xywh_center_px + (0.5 * person.box_xywh_center_px[2], 0, 0, 0)
    far = SimpleNamespace(**vars(person))
    far.box_xywh_center_px = np.array([20.0, 20, 10, 10])
    sample.people += [far, beside]
    sides = set()
    for seed in range(6):
        patch = dataset.make_training_patch(sample, 0, CONVENTION, EXACT, np.random.default_rng(seed))
        x0, _, x1, _ = patch.other_boxes_cells[0, 0]
        columns = np.flatnonzero(patch.box_masks[0].any(0))
        aside = ((x0 + x1) / 2 - columns.mean()) / (x1 - x0)
        assert abs(aside) == pytest.approx(0.5 / 1.3, abs=0.06)
        sides.add(aside > 0)
        assert np.isnan(patch.other_boxes_cells[0, 1]).all()
        assert patch.log_stature[0] == pytest.approx(np.log(1190 / 1700), abs=1e-6)
        assert patch.is_child[0] == 1.0
    assert sides == {True, False}


def test_depth_target_undoes_the_patch_scale():
    for seed in range(6):
        config = DataConfig(photometric=False, centre_jitter=0.0, box_shift_jitter=0.0, box_scale_jitter=0.0, zoom_range=0.0)
        sample = sample_with_dots()
        patch = dataset.make_training_patch(sample, 0, CONVENTION, config, np.random.default_rng(seed))
        box = sample.people[0].box_xywh_center_px
        depths = [
            denormalise_depth(patch.normalised_depth[0], sample.camera.focal_px * 192 / choose_patch_px(box, CONVENTION, rung), 192)
            for rung in (-1, 0, 1)
        ]
        range_mm = np.linalg.norm(ROOT_MM)
        assert min(abs(np.array(depths) / range_mm - 1)) < 0.01


def test_people_behind_an_unlabelled_box_cost_nothing():
    sample = sample_with_dots()
    sample.people[0].joints_camera_mm = sample.people[0].joints_camera_mm + [0, 3000.0, 0]
    patch = dataset.make_training_patch(sample, 0, CONVENTION, EXACT, np.random.default_rng(0))
    assert patch.joint_weight.sum() == 0


@pytest.fixture
def rendered(monkeypatch):
    """Samples that are quick to make; `make_sample` records which were asked for."""
    asked = []

    def make_sample(seed, n, split):
        asked.append((seed, n, split))
        return sample_with_dots()

    monkeypatch.setattr(dataset, "make_sample", make_sample)
    return asked


def test_processes_render_different_samples_from_where_they_stand(rendered):
    keys = []
    for process in (0, 1):
        stream = dataset.PatchStream(DataConfig(seed=5), CONVENTION, start=40 + process, stride=2)
        keys += [patch.key for patch, _ in zip(stream, range(3))]
    assert keys == [(5, 40), (5, 42), (5, 44), (5, 41), (5, 43), (5, 45)]
    assert {split for *_, split in rendered} == {"train"}


def stream_of_shards(split, monkeypatch, folder):
    def read_shard(path):
        sample = sample_with_dots()
        sample.key = (9, 700, split)
        return [sample]

    monkeypatch.setattr(shards, "read_shard", read_shard)
    (folder / "a.npz").touch()
    return dataset.PatchStream(DataConfig(shards=str(folder)), CONVENTION)


def test_patches_from_shards_name_the_sample_they_come_from(monkeypatch, tmp_path):
    assert next(iter(stream_of_shards("train", monkeypatch, tmp_path))).key == (9, 700)


def test_holdout_is_not_trained_on(monkeypatch, tmp_path):
    with pytest.raises(ValueError, match=r"a\.npz holds sample \(9, 700, 'holdout'\)"):
        next(iter(stream_of_shards("holdout", monkeypatch, tmp_path)))


def test_sample_that_gives_no_patch_is_left_out_and_told(rendered, monkeypatch, caplog):
    make = dataset.make_training_patch

    def refuse_the_first(sample, target, convention, data, rng, key):
        if key[1] == 0:
            raise ValueError("box has no ray in the patch")
        return make(sample, target, convention, data, rng, key)

    monkeypatch.setattr(dataset, "make_training_patch", refuse_the_first)
    assert next(iter(dataset.PatchStream(DataConfig(seed=5), CONVENTION))).key == (5, 1)
    assert "sample (5, 0) left out: box has no ray in the patch" in caplog.text


def test_folder_without_shards_says_how_to_fill_it(tmp_path):
    stream = dataset.PatchStream(DataConfig(shards=str(tmp_path)), CONVENTION)
    with pytest.raises(FileNotFoundError, match="hdnet synth --out"):
        next(iter(stream))


def test_patches_of_pixels_that_lie_a_px_aside_when_mirrored_are_refused():
    with pytest.raises(ValueError, match="half_pixel is false"):
        dataset.PatchStream(DataConfig(), PatchConvention(half_pixel=False))


def test_views_of_one_person_are_twins_and_know_the_same_distance(monkeypatch):
    samples = [((1, 0), sample_with_dots()), ((1, 1), sample_with_dots())]
    data = DataConfig(views=2, photometric=False)
    stream = dataset.PatchStream(data, CONVENTION)
    monkeypatch.setattr(stream, "_rendered", lambda worker, workers: iter(samples))
    patches = list(stream)
    assert [patch.key for patch in patches] == [(1, 0), (1, 0), (1, 1), (1, 1)]
    assert not np.array_equal(patches[0].image, patches[1].image)
    assert dataset.collate(patches)["twins"].tolist() == [[0, 1], [2, 3]]
    assert dataset.collate([patches[0], patches[2]])["twins"].shape == (0, 2)


def test_each_of_two_boxes_in_a_view_is_a_person_and_a_twin_of_all_others(monkeypatch):
    monkeypatch.setattr(
        dataset.PatchStream, "_rendered", lambda self, *_: iter([((1, n), sample_with_dots()) for n in range(2)])
    )
    data = DataConfig(views=2, boxes_per_view=2, people_per_patch=1, photometric=False, box_scale_jitter=0.2)
    patches = list(dataset.PatchStream(data, CONVENTION))
    for patch in patches:
        assert patch.box_masks.shape[0] == len(patch.normalised_depth) == 2
        assert not np.array_equal(patch.box_masks[0], patch.box_masks[1])
        assert patch.normalised_depth[0] == patch.normalised_depth[1]
        np.testing.assert_array_equal(patch.joints_cells[0], patch.joints_cells[1])
    batch = dataset.collate(patches)
    assert batch["patch_index"].tolist() == [0, 0, 1, 1, 2, 2, 3, 3]
    first = {(0, 1), (2, 3), (0, 2), (1, 3)}
    assert {tuple(pair) for pair in batch["twins"].tolist()} == first | {(a + 4, b + 4) for a, b in first}
