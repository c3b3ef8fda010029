"""Heads are trained on features that are kept: existence alone, or with graph network and depth."""

import copy
from types import SimpleNamespace

import numpy as np
import pytest
import torch

pytest.importorskip("numba", reason="the synthetic package needs the learn requirements")

from hdnet_ros.core.camera import Camera
from hdnet_ros.core.patch import PatchConvention
from hdnet_ros.learn import heads, start
from hdnet_ros.learn.config import DataConfig
from hdnet_ros.learn.dataset import make_empty_patch, make_training_patch
from hdnet_ros.model.checkpoint import load_checkpoint, save_checkpoint
from hdnet_ros.model.fpn import make_backbone
from hdnet_ros.model.hdnet import HDNet, hdnet_lite

CONVENTION = PatchConvention(input_px=64)
EXACT = DataConfig(photometric=False)
TINY = {"fpn_channels": 8, "branch_mid_channels": 8, "branch_channels": 4, "gnn_channels": 8}


def sample_of_noise():
    """A picture of noise with one person, 17 joints on a line 4 m away."""
    camera = Camera.from_matrix([[300.0, 0, 160], [0, 300.0, 120], [0, 0, 1]], (320, 240), "none", [])
    joints_mm = np.linspace([-200.0, -800.0, 4000.0], [200.0, 800.0, 4000.0], 17)
    person = SimpleNamespace(
        box_xywh_center_px=np.array([160.0, 120.0, 50.0, 140.0]), joints_px=camera.project(joints_mm),
        joints_camera_mm=joints_mm, joint_visible=np.ones(17, bool), root_camera_mm=joints_mm[8],
        visible_fraction=1.0, stature_mm=1700.0, age_years=30.0,
    )  # fmt: skip
    image = np.random.default_rng(3).integers(0, 256, (240, 320, 3), dtype=np.uint8)
    return SimpleNamespace(image_rgb=image, camera=camera, people=[person])


@pytest.fixture
def checkpoint(tmp_path):
    torch.manual_seed(2)
    path = tmp_path / "start.safetensors"
    about = {"name": "tiny", "data": "rendered people", "licence": "Apache-2.0"}
    save_checkpoint(path, HDNet(hdnet_lite(**TINY)).eval(), CONVENTION, **about)
    return path


def rows_of(count: int = 400) -> heads.PooledRows:
    """Pairs of views: where somebody is, features are positive and the first of them tells the depth."""
    generator = torch.Generator().manual_seed(5)
    exists = (torch.rand(count // 2, generator=generator) < 0.7).float().repeat_interleave(2)
    depth = torch.rand(count // 2, generator=generator).repeat_interleave(2)
    features = torch.rand(count, 17, 16, generator=generator) * exists[:, None, None]
    features[..., 0] = depth[:, None]
    plain = torch.rand(count, 17, generator=generator)
    return heads.PooledRows(features.half(), plain, plain, 20.0 + 30.0 * depth, exists)


def frozen_part(network) -> dict:
    return {k: v.clone() for k, v in network.state_dict().items() if not k.startswith("existence.")}


def test_existence_alone_is_learnt_and_nothing_else_moves(checkpoint):
    network, rows = heads.network_with_existence(checkpoint), rows_of()
    before = frozen_part(network)
    heads.train_heads(network, rows, heads.HeadsConfig(steps=150, batch_size=64, only_existence=True))
    after = frozen_part(network)
    assert all(torch.equal(after[name], value) for name, value in before.items())
    with torch.inference_mode():
        logit = network.existence(rows.joint_features.float(), rows.peak, rows.confidence)
    assert ((logit > 0).float() == rows.exists).float().mean() > 0.98


def test_depth_is_learnt_from_those_who_are_there(checkpoint):
    network, rows = heads.network_with_existence(checkpoint), rows_of()
    before = frozen_part(network)
    heads.train_heads(network, rows, heads.HeadsConfig(steps=500, batch_size=64, learning_rate=1e-2))
    with torch.inference_mode():
        logits = network.depth_head(network.gnn(rows.joint_features.float()).mean(1))
    found = network.config.bins.soft_argmax(torch.softmax(logits, -1))
    error = (found - rows.target_index).abs()[rows.exists > 0].mean()
    assert error < 0.3 * rows.target_index.std()
    moved = {name.split(".")[0] for name, value in frozen_part(network).items() if not torch.equal(value, before[name])}
    assert moved == {"gnn", "depth_head"}


def test_what_is_written_says_what_was_added(checkpoint, tmp_path):
    network = heads.network_with_existence(checkpoint)
    heads.save_with_heads(tmp_path / "out.safetensors", network, checkpoint, "existence: 12 patches")
    loaded = load_checkpoint(tmp_path / "out.safetensors")
    assert loaded.config.existence
    assert loaded.metadata["data"] == "rendered people; existence: 12 patches"
    assert loaded.convention == CONVENTION


def test_a_witness_of_the_joints_is_added_as_its_authors_trained_it(checkpoint, monkeypatch, tmp_path):
    theirs = make_backbone("movenet_lightning").state_dict()
    monkeypatch.setattr(start, "pretrained_backbone_state", lambda name: theirs)
    network = heads.network_with_existence(checkpoint, "movenet_lightning")
    heads.save_with_heads(tmp_path / "out.safetensors", network, checkpoint, "witness")
    witness = load_checkpoint(tmp_path / "out.safetensors").network.witness.backbone.state_dict()
    assert all(torch.allclose(witness[name], value, atol=1e-2) for name, value in theirs.items())
    again = heads.network_with_existence(tmp_path / "out.safetensors")
    assert again.config.joint_witness == "movenet_lightning"


def test_another_witness_takes_the_place_of_the_checkpoints_own(checkpoint, monkeypatch, tmp_path):
    theirs = {name: make_backbone(name).state_dict() for name in ("movenet_lightning", "movenet_thunder")}
    monkeypatch.setattr(start, "pretrained_backbone_state", lambda name: theirs[name])
    network = heads.network_with_existence(checkpoint, "movenet_lightning")
    heads.save_with_heads(tmp_path / "out.safetensors", network, checkpoint, "witness")
    again = heads.network_with_existence(tmp_path / "out.safetensors", "movenet_thunder")
    assert again.config.joint_witness == "movenet_thunder"
    found = again.witness.backbone.state_dict()
    assert all(torch.equal(found[name], value) for name, value in theirs["movenet_thunder"].items())
    own = {name: value for name, value in again.state_dict().items() if not name.startswith("witness.")}
    before = network.state_dict()
    assert all(torch.allclose(value, before[name], atol=1e-2) for name, value in own.items())


def test_a_patch_of_nobody_has_no_labels_and_says_so():
    sample = sample_of_noise()
    box = sample.people[0].box_xywh_center_px
    patch = make_empty_patch(sample, box, CONVENTION, EXACT, np.random.default_rng(1), (3, 4))
    someone = make_training_patch(sample, 0, CONVENTION, DataConfig(), np.random.default_rng(1))
    assert not patch.exists
    assert someone.exists
    assert not patch.joint_weight.any()
    assert patch.box_masks.shape == (1, 16, 16)
    assert patch.box_masks.any()


def test_kept_features_are_those_that_the_network_pools(checkpoint, monkeypatch):
    network = heads.network_with_existence(checkpoint)
    sample, rng = sample_of_noise(), np.random.default_rng(1)
    patches = [make_training_patch(sample, 0, CONVENTION, EXACT, rng) for _ in range(16)]
    monkeypatch.setattr(heads, "PatchStream", lambda data, convention: Patches(patches))
    rows = heads.pooled_rows(network, DataConfig(), CONVENTION, 16)
    assert rows.joint_features.shape == (16, 17, 16)
    images = torch.from_numpy(patches[3].image).permute(2, 0, 1)[None]
    with torch.inference_mode():
        output = network(images, torch.from_numpy(patches[3].box_masks))
        again = network.depth_head(network.gnn(rows.joint_features[3:4].float()).mean(1))
    torch.testing.assert_close(again, output.bin_logits, atol=0.05, rtol=0.05)


class Patches(torch.utils.data.IterableDataset):
    def __init__(self, patches):
        self.patches = copy.copy(patches)

    def __iter__(self):
        return iter(self.patches)
