"""RootNet through the ordinary trainer: its losses, that it learns, and what it exports."""

from dataclasses import replace

import numpy as np
import pytest
import torch

pytest.importorskip("accelerate", reason="training needs the learn requirements")
pytest.importorskip("numba", reason="training needs the learn requirements")

from hdnet_ros.core.patch import PatchConvention
from hdnet_ros.core.skeleton import ROOT
from hdnet_ros.learn import start, train
from hdnet_ros.learn.config import DataConfig, OptimiserConfig, TrainConfig
from hdnet_ros.learn.dataset import TrainingPatch, collate
from hdnet_ros.learn.objectives import GAMMA_WEIGHT, compute_losses
from hdnet_ros.learn.train import Trainer
from hdnet_ros.model.checkpoint import load_checkpoint
from hdnet_ros.model.rootnet import RootNet, RootNetConfig, normalised_depth_of

NETWORK = RootNetConfig(backbone="efficientnet_lite0", deconvolution_channels=16)
CONFIG = TrainConfig(
    name="rival",
    precision="fp32",
    network=NETWORK,
    convention=PatchConvention(input_px=64, mode="crop", ladder=False, patch_per_box=1.25),
    data=DataConfig(workers=0, people_per_patch=1),
    optimiser=OptimiserConfig(
        learning_rate=0.01, batch_size=4, steps=25, warmup_steps=1, cooldown_steps=1,
        freeze_backbone_stages=4, ema_decay=0.0,
    ),
)  # fmt: skip


def patch_of(number):
    """A bright square whose place is the root and whose brightness is the depth."""
    rng = np.random.default_rng(number)
    row, column = rng.integers(4, 12, 2)
    bright = int(rng.integers(80, 255))
    image = np.zeros((64, 64, 3), np.uint8)
    image[4 * row - 8 : 4 * row + 8, 4 * column - 8 : 4 * column + 8] = bright
    joints = np.full((1, 17, 2), np.nan, np.float32)
    joints[0, ROOT] = column, row
    weight = np.zeros((1, 17), np.float32)
    weight[0, ROOT] = 1.0
    depth = np.array([normalised_depth_of(0.5 + bright / 255)], np.float32)
    return TrainingPatch(
        image=image,
        joints_cells=joints,
        joint_weight=weight,
        normalised_depth=depth,
        box_masks=np.ones((1, 16, 16), bool),
        relative_depth_mm=np.zeros((1, 17), np.float32),
        other_boxes_cells=np.full((1, 2, 4), np.nan, np.float32),
        log_stature=np.zeros(1, np.float32),
        is_child=np.zeros(1, np.float32),
        key=(1, number),
    )


@pytest.fixture
def stream(monkeypatch):
    """Training on the same four patches, without rendering and without downloads."""

    class Stream(torch.utils.data.IterableDataset):
        def __init__(self, data, convention, split="train", start=0, stride=1):
            self.start = start

        def __iter__(self):
            while True:
                yield from (patch_of(n) for n in range(4))

    def random_state(name):
        torch.manual_seed(3)
        return RootNet(NETWORK).backbone.state_dict()

    monkeypatch.setattr(start, "pretrained_backbone_state", random_state)
    monkeypatch.setattr(train, "PatchStream", Stream)
    torch.set_num_threads(1)


def test_loss_is_cells_of_the_root_and_gamma_by_its_weight():
    batch = collate([patch_of(0), patch_of(1)])
    network = RootNet(NETWORK).eval()
    exact = network(batch["images"])
    gamma = batch["normalised_depth"] / 2
    joints = batch["joints_cells"].clone()
    joints[:, ROOT] += torch.tensor([1.5, -0.5])
    moved = exact._replace(gamma=gamma + torch.tensor([0.1, -0.3]), joints_cells=joints)
    parts = compute_losses(moved, batch, CONFIG, step=0)
    assert set(parts) == {"root", "gamma", "total"}
    assert parts["root"].item() == pytest.approx(2.0, rel=1e-5)
    assert parts["gamma"].item() == pytest.approx(0.2, rel=1e-5)
    assert parts["total"].item() == pytest.approx(2.0 + 0.2 * GAMMA_WEIGHT, rel=1e-5)


def test_root_outside_the_picture_costs_depth_only():
    batch = collate([patch_of(0)])
    batch["joint_weight"][:] = 0.0
    parts = compute_losses(RootNet(NETWORK).eval()(batch["images"]), batch, CONFIG, 0)
    assert parts["root"].item() == 0.0
    assert parts["gamma"].item() > 0.0


def test_few_steps_on_one_batch_bring_both_losses_down(stream, tmp_path):
    trainer = Trainer(CONFIG, tmp_path, cpu=True)
    batch = collate([patch_of(n) for n in range(4)])
    trainer._train_mode()
    losses = [trainer.train_step(dict(batch)) for _ in range(25)]
    for name, share in (("root", 0.8), ("gamma", 0.7)):
        before, after = losses[0][name], np.mean([step[name] for step in losses[-5:]])
        assert after < share * before, name


def test_run_exports_a_rootnet_that_loads(stream, tmp_path):
    config = replace(CONFIG, optimiser=replace(CONFIG.optimiser, steps=2))
    trainer = Trainer(config, tmp_path, cpu=True)
    trainer.run()
    trainer.export(tmp_path / "w.safetensors")
    loaded = load_checkpoint(tmp_path / "w.safetensors")
    assert loaded.config == NETWORK
    assert loaded.metadata["data"].endswith("2 steps of 4 patches")


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"data": DataConfig(people_per_patch=3)}, "data.people_per_patch is 3, expected 1"),
        ({"convention": PatchConvention()}, "convention.patch_per_box is 0.0, expected above 0"),
    ],
)
def test_rootnet_with_hdnets_patches_is_refused(changes, named):
    values = {"name": "a", "network": NETWORK, "data": CONFIG.data, "convention": CONFIG.convention}
    with pytest.raises(ValueError, match=named):
        TrainConfig(**(values | changes))
