"""The hold-out: who is counted where, how far boxes are jittered, what comes out of shards."""

from types import SimpleNamespace

import numpy as np
import pytest

pytest.importorskip("numba", reason="the synthetic package needs the learn requirements")

from hdnet_ros.core.boxes import xyxy_from_xywh_center
from hdnet_ros.core.camera import Camera
from hdnet_ros.data import holdout
from hdnet_ros.data.boxes import jittered  # noqa: E402
from hdnet_ros.data.synthetic import shards as synthetic_shards

CAMERA = Camera(np.array([[500.0, 0, 320], [0, 500, 240], [0, 0, 1]]), (640, 480), "none", ())


def person(**changes):
    values = {
        "box_xywh_center_px": np.array([320.0, 240.0, 60.0, 170.0]),
        "tight_box_xywh_center_px": np.array([320.0, 240.0, 50.0, 160.0]),
        "joints_px": np.zeros((17, 2)), "joints_camera_mm": np.zeros((17, 3)), "joint_visible": np.ones(17, bool),
        "root_camera_mm": np.array([0.0, 0.0, 5000.0]), "stature_mm": 1700.0, "visible_fraction": 1.0,
        "truncated": False, "is_adult": True, "is_upright": True,
    }  # fmt: skip
    return SimpleNamespace(**(values | changes))


@pytest.fixture
def split():
    """What the shards are of."""
    return "holdout"


@pytest.fixture
def shards(monkeypatch, tmp_path, split):
    """A folder with two shards of two samples each; the second sample shows nobody well enough."""
    hidden = person(visible_fraction=0.24)
    image = np.zeros((480, 640, 3), np.uint8)
    child = person(is_adult=False, stature_mm=1200.0, root_camera_mm=np.array([0, 0, 8000.0]))
    several = [person(), hidden, child]
    samples = [
        SimpleNamespace(image_rgb=image, camera=CAMERA, people=p, key=(7, n, split))
        for n, p in enumerate((several, [hidden]))
    ]
    monkeypatch.setattr(synthetic_shards, "read_shard", lambda path: samples)
    for name in ("a.npz", "b.npz"):
        (tmp_path / name).touch()
    return tmp_path


@pytest.mark.parametrize(
    ("changes", "groups"),
    [
        ({}, {"adult", "upright unoccluded adult"}),
        ({"truncated": True}, {"adult", "occluded or cut"}),
        ({"visible_fraction": 0.9}, {"adult", "occluded or cut"}),
        ({"is_upright": False}, {"adult", "not upright"}),
        ({"is_adult": False, "stature_mm": 1399.0}, {"child", "shorter than 1.4 m"}),
        ({"is_adult": False, "stature_mm": 1400.0}, {"child"}),
    ],
)
def test_groups_of(changes, groups):
    assert holdout.groups_of(person(**changes)) == groups


def test_jitter_moves_no_edge_by_more_than_its_share_and_uses_all_of_it():
    rng = np.random.default_rng(0)
    box = np.array([100.0, 200.0, 40.0, 120.0])
    moved = np.array([jittered(box, rng) for _ in range(4000)])
    scale = moved[:, 2:] / box[2:]
    assert (0.85 <= scale).all() and (scale <= 1.15).all()
    shift = (moved[:, :2] - box[:2]) / box[2:]
    assert abs(shift).max() <= 0.075
    edges = abs(xyxy_from_xywh_center(moved) - xyxy_from_xywh_center(box)) / np.tile(box[2:], 2)
    assert edges.max() <= 0.15
    assert edges.max(axis=0) == pytest.approx(0.15, abs=0.01)
    assert scale.mean() == pytest.approx(1.0, abs=0.005)
    assert np.corrcoef(scale.T)[0, 1] == pytest.approx(0.0, abs=0.05)


def test_pictures_leave_out_people_who_hardly_show(shards):
    pictures = list(holdout.pictures_in(shards))
    assert len(pictures) == 2
    picture = pictures[0]
    assert picture.depth_mm.tolist() == [5000.0, 8000.0]
    assert picture.tight_longer_side_px.tolist() == [160.0, 160.0]
    assert "child" in picture.groups[1]
    assert picture.detections[0].box_xywh_center_px.tolist() == [320.0, 240.0, 60.0, 170.0]


def test_pictures_of_the_first_samples(shards):
    assert len(list(holdout.pictures_in(shards, most=2))) == 1
    assert len(list(holdout.pictures_in(shards, most=3))) == 2


@pytest.mark.parametrize("split", ["train"])
def test_regressor_rows_are_of_the_same_people(shards):
    features, depths = holdout.regressor_rows(shards)
    assert depths.tolist() == [5000.0, 8000.0] * 2
    assert features.shape == (4, 5)
    assert features[0] == pytest.approx([np.log(170 / 500), np.log(60 / 500), np.log(170 / 60), 0.0, 0.0])


def test_box_only_regressor_is_not_fitted_on_the_holdout(shards):
    with pytest.raises(ValueError, match=r"a\.npz holds sample \(7, 0, 'holdout'\) .*expected 'train'"):
        holdout.regressor_rows(shards)


@pytest.mark.parametrize("split", ["train"])
def test_training_shards_are_not_scored_as_a_holdout(shards):
    with pytest.raises(ValueError, match=r"the split 'train', expected 'holdout'"):
        next(holdout.pictures_in(shards))


def test_empty_folder_says_how_to_fill_it(tmp_path):
    with pytest.raises(FileNotFoundError, match="hdnet synth --split holdout --out"):
        list(holdout.pictures_in(tmp_path))


def test_pictures_know_what_the_report_breaks_down_by(shards):
    picture = next(holdout.pictures_in(shards))
    assert picture.name == "sample 7/0"
    assert picture.stature_mm.tolist() == [1700.0, 1200.0]
    assert picture.root_camera_mm.tolist() == [[0, 0, 5000], [0, 0, 8000]]
    assert picture.visible_fraction.tolist() == [1.0, 1.0] and not picture.truncated.any()


def test_rendered_pictures_are_the_holdout_samples_of_a_seed(monkeypatch):
    people = {0: [person(visible_fraction=0.1)], 1: [person()], 2: [person(), person(stature_mm=1100.0)]}

    def make_sample(seed, n, split):
        image = np.zeros((480, 640, 3), np.uint8)
        return SimpleNamespace(image_rgb=image, camera=CAMERA, people=people[n], key=(seed, n, split))

    monkeypatch.setattr(holdout, "make_sample", make_sample)
    pictures = list(holdout.rendered_pictures(range(3), seed=5))
    assert [picture.name for picture in pictures] == ["sample 5/1", "sample 5/2"]
    assert [len(picture.detections) for picture in pictures] == [1, 2]
