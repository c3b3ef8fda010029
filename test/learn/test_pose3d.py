"""Training of the pose head: HDNet stays as it is, and what is exported is HDNet with a pose."""

import sys
from dataclasses import replace
from pathlib import Path

import pytest
import torch

pytest.importorskip("accelerate", reason="training needs the learn requirements")
pytest.importorskip("numba", reason="training needs the learn requirements")

sys.path.insert(0, str(Path(__file__).parent))
from test_train import CONFIG, NETWORK, NumberedStream  # noqa: E402

from hdnet_ros.core.patch import PatchConvention
from hdnet_ros.core.types import SigmaCalibration
from hdnet_ros.learn import losses, pose3d, train
from hdnet_ros.learn.config import LossConfig
from hdnet_ros.learn.pose3d import PoseTrainer, make_trainer, pose_losses
from hdnet_ros.model.checkpoint import load_checkpoint, save_checkpoint
from hdnet_ros.model.config import HDNetConfig
from hdnet_ros.model.hdnet import HDNet
from hdnet_ros.model.pose3d import IntegralPose, PoseConfig

POSE = PoseConfig(backbone="shared", slices=8, channels=8)
POSE_CONFIG = replace(CONFIG, network=HDNetConfig(pose=POSE), convention=PatchConvention())


@pytest.fixture
def checkpoint(tmp_path, monkeypatch):
    """A tiny HDNet without a pose, stored in float32."""
    kind = type("Stream", (NumberedStream,), {})
    monkeypatch.setattr(train, "PatchStream", kind)
    torch.set_num_threads(1)
    torch.manual_seed(8)
    path = tmp_path / "hdnet.safetensors"
    save_checkpoint(
        path, HDNet(NETWORK).eval(), CONFIG.convention, name="tiny", data="noise", licence="CC0-1.0",
        seed="4", budget="two hours",
        calibration=SigmaCalibration(1.5, 0.08), half=False,
    )  # fmt: skip
    return path


def test_a_pose_that_the_checkpoint_has_is_gone_on_with(checkpoint, tmp_path):
    trainer = PoseTrainer(POSE_CONFIG, tmp_path / "run", init=checkpoint, cpu=True)
    trainer.run()
    trainer.export(tmp_path / "with_pose.safetensors")
    again = PoseTrainer(POSE_CONFIG, tmp_path / "again", init=tmp_path / "with_pose.safetensors", cpu=True)
    stored = load_checkpoint(tmp_path / "with_pose.safetensors").network.pose.state_dict()
    torch.testing.assert_close(again.network.state_dict(), stored, rtol=0, atol=0)


def test_hdnet_is_the_same_after_training_and_export(checkpoint, tmp_path):
    trainer = PoseTrainer(POSE_CONFIG, tmp_path / "run", init=checkpoint, cpu=True)
    before = {k: v.clone() for k, v in trainer._frozen.state_dict().items()}
    start = trainer.average.module.volume.weight.clone()
    trainer.run()
    torch.testing.assert_close(trainer._frozen.state_dict(), before, rtol=0, atol=0)
    assert not trainer._frozen.training
    assert (trainer.average.module.volume.weight - start).abs().max() > 1e-4
    trainer.export(tmp_path / "with_pose.safetensors")
    loaded, base = load_checkpoint(tmp_path / "with_pose.safetensors"), load_checkpoint(checkpoint)
    found = loaded.network.state_dict()
    pose = {k for k in found if k.startswith("pose.")}
    assert loaded.config == replace(base.config, pose=POSE) and pose
    # float16 in the file: equal to rounding.
    torch.testing.assert_close(
        {k: v for k, v in found.items() if k not in pose}, base.network.state_dict(), rtol=1e-3, atol=1e-4
    )
    assert (loaded.calibration, loaded.convention) == (base.calibration, base.convention)
    assert (loaded.metadata["name"], loaded.metadata["licence"]) == ("tiny", "CC0-1.0")
    assert loaded.metadata["data"].startswith("noise; 3D pose: ") and "6 steps of 2" in loaded.metadata["data"]
    assert loaded.metadata["seed"] == f"4; 3D pose: {CONFIG.seed}"
    assert loaded.metadata["budget"].startswith("two hours; 3D pose: 6 steps of 2 patches of ")


def test_gradients_reach_the_head_and_not_hdnet(checkpoint, tmp_path):
    trainer = PoseTrainer(POSE_CONFIG, tmp_path / "run", init=checkpoint, cpu=True)
    parts = trainer.train_step(next(iter(trainer.loader())))
    assert set(parts) == {"pose", "heatmap", "bins", "total", "z_error_mm"}
    # Of a volume that starts with zeros only the last layer has a gradient, in the first step.
    assert trainer.network.volume.weight.grad.abs().max() > 0
    assert all(p.grad is None for p in trainer._frozen.parameters())
    assert len(list(trainer.network.backbone_parameters())) == 0


def test_died_run_goes_on_with_the_same_checkpoint(checkpoint, tmp_path):
    folder = tmp_path / "run"
    half = replace(POSE_CONFIG, optimiser=replace(CONFIG.optimiser, steps=3))
    PoseTrainer(half, folder, init=checkpoint, cpu=True).run()
    resumed = PoseTrainer(POSE_CONFIG, folder, init=checkpoint, cpu=True)
    assert resumed.step == 3
    resumed.run()
    assert resumed.step == 6


def test_pose_with_its_own_backbone_starts_from_imagenet_and_does_not_run_hdnet(checkpoint, tmp_path, monkeypatch):
    own = replace(POSE, backbone="efficientnet_lite0")
    torch.manual_seed(9)
    imagenet = IntegralPose(own, 8, 17).backbone.state_dict()
    monkeypatch.setattr(pose3d, "pretrained_backbone_state", lambda name: imagenet)
    config = replace(POSE_CONFIG, network=HDNetConfig(pose=own))
    trainer = PoseTrainer(config, tmp_path / "run", init=checkpoint, cpu=True)
    torch.testing.assert_close(trainer.network.backbone.state_dict(), imagenet, rtol=0, atol=0)
    monkeypatch.setattr(HDNet, "features", None)
    trainer.train_step(next(iter(trainer.loader())))
    assert trainer.network.backbone.blocks[15].layers.project.weight.grad.abs().max() > 0


def test_pose_in_the_configuration_chooses_its_trainer_and_needs_a_checkpoint(checkpoint, tmp_path):
    assert type(make_trainer(POSE_CONFIG, tmp_path / "a", init=checkpoint, cpu=True)) is PoseTrainer
    with pytest.raises(ValueError, match="give its checkpoint, --init"):
        make_trainer(POSE_CONFIG, tmp_path / "b", cpu=True)
    both = replace(POSE_CONFIG, network=replace(NETWORK, pose=POSE))
    with pytest.raises(ValueError, match="network has settings beside pose"):
        make_trainer(both, tmp_path / "c", init=checkpoint, cpu=True)


def exact_pose(depth_mm, x_cells=5.0):
    """A pose that is certain, and a batch whose truth is 125 mm behind the root in cell (5, 5)."""
    head = IntegralPose(POSE, 8, 1)
    volume = torch.full((1, 1, 8, 8, 8), -30.0)
    volume[0, 0, int((depth_mm + 1000) // 250), 2, int(x_cells // 2)] = 0.0
    batch = {
        "box_masks": torch.ones(1, 16, 16, dtype=torch.bool), "joint_weight": torch.ones(1, 1),
        "joints_cells": torch.tensor([[[4.5, 4.5]]]), "relative_depth_mm": torch.tensor([[125.0]]),
    }  # fmt: skip
    return head.decode(volume, batch["box_masks"]), batch


SETTINGS = LossConfig(heatmap_sigma_cells=0.3, heatmap_weight=0.5, pose_weight=2.0, bins_weight=0.25)


def test_loss_of_an_exact_pose_is_the_entropy_of_its_targets():
    parts = pose_losses(*exact_pose(125.0), SETTINGS, POSE)
    assert parts["pose"].item() == pytest.approx(0.0, abs=1e-5)
    assert parts["z_error_mm"].item() == pytest.approx(0.0, abs=1e-2)
    expected = 2.0 * parts["pose"] + 0.5 * parts["heatmap"] + 0.25 * parts["bins"]
    assert parts["total"].item() == pytest.approx(expected.item())


def test_loss_counts_depth_in_half_ranges_and_pixels_in_half_patches():
    parts = pose_losses(*exact_pose(375.0), SETTINGS, POSE)
    assert parts["pose"].item() == pytest.approx(0.25, abs=1e-5)
    assert parts["z_error_mm"].item() == pytest.approx(250.0, abs=0.01)
    # Two cells of 16 to the right: a quarter of half the patch.
    aside = pose_losses(*exact_pose(125.0, x_cells=7.0), SETTINGS, POSE)
    assert aside["pose"].item() == pytest.approx(0.25, abs=1e-5)
    exact = pose_losses(*exact_pose(125.0), SETTINGS, POSE)
    assert aside["heatmap"] > exact["heatmap"] + 1.0
    assert parts["bins"] > exact["bins"] + 0.1


def test_slices_cross_entropy_is_least_for_a_gaussian_around_the_truth():
    def cost(mean_mm, truth_mm=100.0):
        centres = torch.linspace(-875, 875, 8)
        log_slices = torch.log_softmax(-0.5 * ((centres - mean_mm) / 250.0) ** 2, -1)
        return losses.slices_cross_entropy(log_slices[None, None], torch.tensor([[truth_mm]]), torch.ones(1, 1), 1000.0)

    costs = [cost(mean).item() for mean in (-100.0, 0.0, 100.0, 200.0, 300.0)]
    assert min(costs) == costs[2]
    # Beyond the last slice everything counts as in it.
    assert cost(0.0, 875.0).item() == pytest.approx(cost(0.0, 5000.0).item())
