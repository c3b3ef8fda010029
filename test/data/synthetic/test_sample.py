"""Samples: the same for the same key, labels that agree with the camera, and the ranges that training relies on."""

import dataclasses

import numpy as np
import pytest

from hdnet_ros.core.camera import Camera
from hdnet_ros.data.synthetic import labels
from hdnet_ros.data.synthetic.backgrounds import cache_folder
from hdnet_ros.data.synthetic.cameras import CameraView
from hdnet_ros.data.synthetic.labels import RenderedPeople
from hdnet_ros.data.synthetic.placement import PlacementConfig
from hdnet_ros.data.synthetic.sample import SampleConfig, make_sample
from hdnet_ros.data.synthetic.shards import read_shard, save_shard

COUNT = 24


@pytest.fixture(scope="module")
def samples():
    if not list(cache_folder().glob("bodies_holdout*.npz")):
        pytest.skip(f"no body bank in {cache_folder()} (hdnet synth builds it)")
    return [make_sample(11, n, "holdout") for n in range(COUNT)]


def test_make_sample_repeats(samples):
    again = make_sample(11, 3, "holdout")
    assert np.array_equal(again.image_rgb, samples[3].image_rgb)
    assert np.array_equal(again.people[0].box_xywh_center_px, samples[3].people[0].box_xywh_center_px)
    assert not np.array_equal(samples[3].image_rgb[:60, :60], samples[4].image_rgb[:60, :60])


def test_joints_agree_with_the_camera(samples):
    for sample in samples:
        for person in sample.people:
            projected = sample.camera.project(person.joints_camera_mm)
            assert np.nanmax(np.abs(projected - person.joints_px)) < 1e-3
            assert np.array_equal(person.root_camera_mm, person.joints_camera_mm[0])


def test_picture_and_camera_have_one_size(samples):
    for sample in samples:
        assert sample.image_rgb.shape == (*sample.camera.size_wh_px[::-1], 3)
        assert sample.image_rgb.dtype == np.uint8
        assert max(sample.camera.size_wh_px) <= 960


def test_depths_sizes_and_people_are_in_range(samples):
    depths = np.array([s.people[0].root_camera_mm[2] for s in samples]) / 1000
    assert depths.min() > 0.4 and depths.max() < 41
    for sample in samples:
        assert 1 <= len(sample.people) <= 4
        for person in sample.people:
            assert 0.0 < person.visible_fraction <= 1.0
            assert 500 < person.stature_mm < 2200
            assert (person.box_xywh_center_px[2:] > 2).all()


def test_visible_joints_lie_in_the_window(samples):
    for sample in samples:
        for person in sample.people:
            seen = person.joints_px[person.joint_visible]
            assert ((seen >= -0.5) & (seen < np.array(sample.camera.size_wh_px) - 0.5)).all()


def test_patches_of_everybody_end_in_the_window_or_where_the_picture_does(samples, monkeypatch):
    recorded = []
    label_people = labels.label_people

    def record(rng, view, meshes, people, depth_m, borders, style):
        recorded.append(borders)
        return label_people(rng, view, meshes, people, depth_m, borders, style)

    monkeypatch.setattr(labels, "label_people", record)
    for n in range(12):
        sample = make_sample(11, n, "holdout")
        borders = recorded[-1]
        window = np.array([-0.5, -0.5, *(np.array(sample.camera.size_wh_px) - 0.5)])
        for person in sample.people:
            # The patch of a box that lies between two rungs: the box fills 0.58 / 2^(1/4) of it.
            middle, half = person.box_xywh_center_px[:2], 1.03 * max(person.box_xywh_center_px[2:])
            assert (np.maximum(middle - half, borders[:2]) >= window[:2]).all()
            assert (np.minimum(middle + half, borders[2:]) <= window[2:]).all()


def test_shard_round_trip(samples, tmp_path):
    path = tmp_path / "shard.npz"
    save_shard(path, samples[:5])
    for one, other in zip(samples, read_shard(path)):
        assert np.abs(one.image_rgb.astype(int) - other.image_rgb).mean() < 4
        assert np.array_equal(one.camera.K, other.camera.K)
        assert one.camera.distortion == other.camera.distortion
        assert one.key == other.key
        assert np.array_equal(one.people[-1].joints_px, other.people[-1].joints_px)
        assert one.people[0].pose_kind == other.people[0].pose_kind
        assert [box.kind for box in one.nobody] == [box.kind for box in other.nobody]
        for box, stored in zip(one.nobody, other.nobody):
            assert np.array_equal(box.box_xywh_center_px, stored.box_xywh_center_px)
            assert box.person_iou == stored.person_iou


def test_shards_without_boxes_of_nobody_are_read(samples, tmp_path):
    path = tmp_path / "shard.npz"
    save_shard(path, samples[:2])
    with np.load(path) as file:
        older = {name: file[name] for name in file.files if not name.startswith("nobody")}
    np.savez(path, **older)
    assert [s.nobody for s in read_shard(path)] == [[], []]


def test_most_samples_have_boxes_of_nobody_clear_of_everybody_labelled(samples):
    assert np.mean([len(s.nobody) for s in samples]) > 1.0
    for sample in samples:
        for box in sample.nobody:
            assert box.person_iou <= 0.3


@pytest.mark.parametrize("arguments", [(0, 0, "test"), (-1, 0, "train"), (0, -1, "train")])
def test_make_sample_names_bad_arguments(arguments):
    with pytest.raises(ValueError, match="expected"):
        make_sample(*arguments)


def test_somebody_hidden_in_part_keeps_a_box_around_the_whole_of_them_and_their_label(samples):
    """Their own box is what they are asked about with: it reaches over what hides them."""
    config = SampleConfig(placement=PlacementConfig(behind_share=1.0, close_share=0.0, truncated_share=0.0))
    hidden = 0
    for n in range(10):
        sample = make_sample(12, n, "holdout", config)
        target = sample.people[0]
        if 0.3 <= target.visible_fraction < 0.75 and not target.truncated:
            hidden += 1
            x, y, w, h = target.tight_box_xywh_center_px
            inside = np.abs(target.joints_px - [x, y]) <= [w / 2 + 1, h / 2 + 1]
            assert inside.all()
            assert not target.joint_visible.all()
    assert hidden >= 3


@dataclasses.dataclass
class Square:
    """A flat square person, 1 m tall, 4 m ahead of a level camera."""

    vertices_world_m: np.ndarray
    faces: np.ndarray


def square_world():
    camera = Camera.from_matrix([[400, 0, 100], [0, 400, 100], [0, 0, 1]], (201, 201))
    view = CameraView(camera, np.eye(3), np.zeros(3))
    across, down = np.meshgrid(np.linspace(-0.5, 0.5, 21), np.linspace(-0.5, 0.5, 21))
    vertices = np.stack([across, down, np.full_like(across, 4.0)], -1).reshape(-1, 3)
    cells = np.arange(20)[:, None] * 21 + np.arange(20)
    faces = np.stack([cells, cells + 1, cells + 21], -1).reshape(-1, 3)
    instance = np.full((201, 201), -1)
    instance[50:151, 50:151] = 0
    depth = np.where(instance == 0, 4.0, np.inf)
    return view, Square(vertices, faces), RenderedPeople(None, None, depth, instance)


def test_visible_fraction_is_one_in_the_open():
    view, mesh, people = square_world()
    assert labels.visible_fraction(view, mesh, 0, people, np.full((201, 201), 9.0)) == pytest.approx(1.0)


def test_visible_fraction_of_a_half_hidden_person():
    view, mesh, people = square_world()
    scene_depth = np.full((201, 201), 9.0)
    scene_depth[100:] = 2.0
    assert labels.visible_fraction(view, mesh, 0, people, scene_depth) == pytest.approx(0.5, abs=0.06)


def test_points_behind_an_occluder_are_hidden_and_within_10_cm_not():
    _, _, people = square_world()
    pixels = np.array([[100.0, 60.0], [100.0, 140.0], [100.0, 140.0], [300.0, 60.0]])
    scene_depth = np.full((201, 201), 9.0)
    scene_depth[100:] = 3.95
    depth = np.array([4.0, 4.0, 4.2, 4.0])
    assert labels._not_hidden(pixels, depth, 0, people, scene_depth).tolist() == [True, True, False, False]
