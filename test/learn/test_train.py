"""Training: schedules, losses, that a run that died goes on as if it had not, and what it exports."""

import csv
from dataclasses import replace

import numpy as np
import pytest
import torch

pytest.importorskip("accelerate", reason="training needs the learn requirements")
pytest.importorskip("numba", reason="training needs the learn requirements")

from hdnet_ros.core.depth_bins import DepthBins
from hdnet_ros.core.patch import PatchConvention
from hdnet_ros.evaluate.provenance import weights_facts
from hdnet_ros.learn import start, train
from hdnet_ros.learn.config import DataConfig, LossConfig, OptimiserConfig, TrainConfig
from hdnet_ros.learn.dataset import TrainingPatch
from hdnet_ros.learn.train import NonFiniteLoss, Trainer, compute_losses, learning_rate_factor
from hdnet_ros.model.checkpoint import load_checkpoint
from hdnet_ros.model.hdnet import HDNet, HDNetOutput, hdnet_lite

NETWORK = hdnet_lite(fpn_channels=8, branch_mid_channels=8, branch_channels=4, gnn_channels=8)
CONFIG = TrainConfig(
    name="tiny",
    precision="fp32",
    save_every=3,
    validate_every=2,
    network=NETWORK,
    convention=PatchConvention(input_px=64),
    data=DataConfig(workers=0),
    optimiser=OptimiserConfig(
        batch_size=2, steps=6, warmup_steps=2, cooldown_steps=2, freeze_backbone_stages=4, ema_decay=0.5
    ),
)


def patch_of(number: int) -> TrainingPatch:
    """Patch `number`: noise, one person, the same whenever it is asked for."""
    rng = np.random.default_rng(number)
    mask = np.zeros((1, 16, 16), bool)
    mask[:, 1:15, 4:12] = True
    return TrainingPatch(
        image=rng.integers(0, 255, (64, 64, 3), dtype=np.uint8),
        joints_cells=rng.uniform(4, 11, (1, 17, 2)).astype(np.float32),
        joint_weight=np.ones((1, 17), np.float32),
        normalised_depth=np.array([rng.uniform(1, 8)], np.float32),
        box_masks=mask,
        relative_depth_mm=rng.uniform(-500, 500, (1, 17)).astype(np.float32),
        other_boxes_cells=np.full((1, 2, 4), np.nan, np.float32),
        log_stature=np.zeros(1, np.float32),
        is_child=np.zeros(1, np.float32),
        key=(7, number),
    )


class NumberedStream(torch.utils.data.IterableDataset):
    """Stands in for PatchStream; the power goes off at patch `dies_at`."""

    dies_at = None
    change = staticmethod(lambda patch: patch)

    def __init__(self, data, convention, split="train", start=0, stride=1):
        self.start, self.stride = start, stride

    def __iter__(self):
        number = self.start
        while True:
            if number == self.dies_at:
                raise KeyboardInterrupt
            yield self.change(patch_of(number))
            number += self.stride


@pytest.fixture
def stream(monkeypatch):
    """Training without rendering and without downloads; the class of the stream, to be set up."""

    def random_state(name):
        torch.manual_seed(3)
        return HDNet(NETWORK).backbone.state_dict()

    kind = type("Stream", (NumberedStream,), {})
    monkeypatch.setattr(start, "pretrained_backbone_state", random_state)
    monkeypatch.setattr(train, "PatchStream", kind)
    torch.set_num_threads(1)
    return kind


def trained(folder, config=CONFIG, **arguments):
    trainer = Trainer(config, folder, cpu=True)
    trainer.run(**arguments)
    return trainer


def test_run_that_died_ends_where_an_uninterrupted_one_does(stream, tmp_path):
    whole = trained(tmp_path / "whole")
    stream.dies_at = 8  # patch 8 is the first of step 5; the state of step 3 was saved
    with pytest.raises(KeyboardInterrupt):
        trained(tmp_path / "halved")
    stream.dies_at = None
    resumed = Trainer(CONFIG, tmp_path / "halved", cpu=True)
    assert resumed.step == 3
    resumed.run()
    assert (whole.step, resumed.step) == (6, 6)
    for part in ("network", "average"):
        expected, found = (getattr(t, part).state_dict() for t in (whole, resumed))
        torch.testing.assert_close(found, expected, rtol=1e-5, atol=1e-6)
    torch.testing.assert_close(
        resumed.optimiser.state_dict()["state"], whole.optimiser.state_dict()["state"], rtol=1e-4, atol=1e-6
    )


def test_finished_run_changes_nothing_when_started_again(stream, tmp_path):
    before = trained(tmp_path).network.state_dict()
    stream.dies_at = 12
    torch.testing.assert_close(trained(tmp_path).network.state_dict(), before, rtol=0, atol=0)


def test_deadline_stops_and_saves(stream, tmp_path):
    assert trained(tmp_path, deadline_s=0.0).step == 0
    assert (tmp_path / "state.pt").is_file()


def test_average_follows_the_network_at_its_decay(stream, tmp_path):
    trainer = Trainer(CONFIG, tmp_path, cpu=True)
    batch = train.collate([patch_of(0), patch_of(1)])
    trainer._train_mode()
    weights = []
    for _ in range(3):
        trainer.train_step(batch)
        weights.append(trainer.network.depth_head.weight.detach().clone())
    expected = 0.25 * weights[0] + 0.25 * weights[1] + 0.5 * weights[2]
    torch.testing.assert_close(trainer.average.module.depth_head.weight.detach(), expected)


def test_frozen_stages_keep_weights_and_statistics(stream, tmp_path):
    trainer = Trainer(CONFIG, tmp_path, cpu=True)
    start = {k: v.clone() for k, v in trainer.network.state_dict().items()}
    trainer.run()
    end = trainer.network.state_dict()
    stem = [k for k in start if k.startswith("backbone.stem")]
    assert len(stem) == 6
    assert all(torch.equal(start[k], end[k]) for k in stem)
    last = "backbone.blocks.15.layers.expand.weight"
    assert not torch.equal(start[last], end[last])


@pytest.mark.parametrize(
    ("label", "named"),
    [("joints_cells", "loss"), ("joint_weight", "loss"), ("normalised_depth", "normalised depth")],
)
def test_label_that_is_not_finite_names_the_samples(stream, tmp_path, label, named):
    def spoilt(patch):
        broken = {label: getattr(patch, label) * np.float32(np.nan)}
        return replace(patch, **broken) if patch.key[1] == 3 else patch

    stream.change = staticmethod(spoilt)
    with pytest.raises(NonFiniteLoss, match=rf"step 1: {named} is nan on samples .*\(7, 2\), \(7, 3\)"):
        trained(tmp_path)
    assert not (tmp_path / "state.pt").exists()


def test_gradient_that_is_not_finite_stops_before_the_weights_change(stream, tmp_path):
    trainer = Trainer(CONFIG, tmp_path, cpu=True)
    trainer.network.depth_head.weight.register_hook(lambda gradient: gradient * torch.nan)
    before = {k: v.clone() for k, v in trainer.network.named_parameters()}
    with pytest.raises(NonFiniteLoss, match=r"gradient is nan on samples .*\(7, 0\), \(7, 1\)"):
        trainer.run()
    assert all(torch.equal(before[k], v) for k, v in trainer.network.named_parameters())


def test_export_loads_and_answers_like_the_averaged_network(stream, tmp_path):
    # A slow average and fast steps, so that average and network are far apart.
    fast = replace(CONFIG, optimiser=replace(CONFIG.optimiser, learning_rate=0.01, ema_decay=0.9))
    trainer = trained(tmp_path, fast)
    trainer.export(tmp_path / "w.safetensors")
    loaded = load_checkpoint(tmp_path / "w.safetensors")
    assert (loaded.config, loaded.convention) == (NETWORK, CONFIG.convention)
    assert loaded.metadata["name"] == "tiny"
    assert loaded.metadata["data"].endswith("6 steps of 2 patches")
    told = weights_facts(tmp_path / "w.safetensors")
    assert told["seed of the training"] == str(CONFIG.seed)
    assert told["budget"] == f"6 steps of 2 patches of {CONFIG.convention.input_px} px, fp32"
    batch = train.collate([patch_of(90), patch_of(91)])
    inputs = batch["images"], batch["box_masks"], batch["patch_index"]
    with torch.inference_mode():
        found, expected, live = (
            n.eval()(*inputs).bin_logits for n in (loaded.network, trainer.average.module, trainer.network)
        )
    rounding, apart = ((other - expected).abs().max().item() for other in (found, live))
    assert rounding < 0.005  # float16 in the file
    assert apart > 5 * rounding


def test_validation_is_called_and_its_scores_are_kept(stream, tmp_path):
    trained(tmp_path, validate=lambda trainer: {"error": trainer.step / 10})
    rows = list(csv.reader((tmp_path / "validation.csv").open()))
    assert rows[0] == ["step", "elapsed_s", "error"]
    assert [(row[0], row[2]) for row in rows[1:]] == [("2", "0.20000"), ("4", "0.40000"), ("6", "0.60000")]


def test_scores_of_another_kind_do_not_go_under_old_headings(stream, tmp_path):
    short = replace(CONFIG, optimiser=replace(CONFIG.optimiser, steps=2))
    trained(tmp_path, short, validate=lambda t: {"a": 1.0})
    trained(tmp_path, validate=lambda t: {"a": 1.0, "b": 2.0})
    old, current = (
        list(csv.reader((tmp_path / name).open())) for name in ("validation_before_4.csv", "validation.csv")
    )
    assert (old[0], old[1][0]) == (["step", "elapsed_s", "a"], "2")
    assert (current[0], [row[0] for row in current[1:]]) == (["step", "elapsed_s", "a", "b"], ["4", "6"])


def test_init_starts_from_the_average_of_another_run(stream, tmp_path):
    first = trained(tmp_path / "first")
    second = Trainer(CONFIG, tmp_path / "second", init=tmp_path / "first" / "state.pt", cpu=True)
    assert second.step == 0
    torch.testing.assert_close(second.network.state_dict(), first.average.module.state_dict())


def test_state_of_another_network_is_refused_by_name(stream, tmp_path):
    trained(tmp_path, replace(CONFIG, optimiser=replace(CONFIG.optimiser, steps=1)))
    wider = replace(CONFIG, network=replace(NETWORK, gnn_channels=16))
    with pytest.raises(ValueError, match="state.pt holds another network .*gnn.layers.0.* and 14 more"):
        Trainer(wider, tmp_path, cpu=True)
    (tmp_path / "state.pt").write_bytes(b"no state")
    with pytest.raises(ValueError, match="state.pt: not the state.pt of a training run"):
        Trainer(CONFIG, tmp_path, cpu=True)


def test_stream_goes_on_behind_the_patches_already_used(stream, tmp_path):
    trainer = Trainer(CONFIG, tmp_path, cpu=True)
    trainer.step = 5
    assert next(iter(trainer.loader()))["keys"] == [(7, 10), (7, 11)]


def test_stream_of_views_goes_on_behind_the_samples_already_used(stream, tmp_path):
    config = replace(CONFIG, data=replace(CONFIG.data, views=2))
    trainer = Trainer(config, tmp_path, cpu=True)
    trainer.step = 5  # ten patches of five samples
    assert trainer.loader().dataset.start == 5


def with_schedule(**changes):
    return TrainConfig(name="a", optimiser=OptimiserConfig(**changes))


@pytest.mark.parametrize(
    ("step", "factor"),
    [(0, 0.01), (49, 0.5), (99, 1.0), (500, 1.0), (800, 1.0), (900, 0.5), (999, 0.005), (1000, 0.0)],
)
def test_stable_schedule_warms_up_stays_and_falls_to_zero(step, factor):
    config = with_schedule(schedule="stable", steps=1000, warmup_steps=100, cooldown_steps=200)
    assert learning_rate_factor(config, step) == pytest.approx(factor)


@pytest.mark.parametrize(("step", "factor"), [(0, 1.0), (19_999, 1.0), (20_000, 0.8), (60_000, 0.512)])
def test_step_schedule_takes_a_fifth_off_each_20_000_steps(step, factor):
    config = with_schedule(schedule="step", decay_factor=0.8, decay_every=20_000)
    assert learning_rate_factor(config, step) == pytest.approx(factor)


def test_backbone_learns_at_its_own_rate(stream, tmp_path):
    trainer = Trainer(CONFIG, tmp_path, cpu=True)
    trainer.step = 2
    trainer._train_mode()
    trainer.train_step(train.collate([patch_of(0), patch_of(1)]))
    assert [group["lr"] for group in trainer.optimiser.param_groups] == pytest.approx([1e-3, 0.5e-3])


def perfect_output(batch, bins: DepthBins) -> HDNetOutput:
    index = bins.index(batch["normalised_depth"])
    probabilities = bins.target(index)
    heatmaps = torch.full((1, 17, 16, 16), 1.0 / 256)
    logits = probabilities.clamp_min(1e-12).log()
    return HDNetOutput(heatmaps.log(), heatmaps, batch["joints_cells"].clone(), logits, probabilities, index)


def test_losses_of_known_errors_have_known_values():
    batch = train.collate([patch_of(0)])
    config = replace(CONFIG, losses=LossConfig(pose_joints="all", heatmap_weight=2.0))
    exact = perfect_output(batch, NETWORK.bins)
    moved = exact._replace(joints_cells=exact.joints_cells + 1.5, bin_index=exact.bin_index - 2.0)
    parts = compute_losses(moved, batch, config, step=0)
    assert parts["pose"].item() == pytest.approx(3.0, rel=1e-5)  # 1.5 cells in x and in y
    assert parts["index"].item() == pytest.approx(2.0, rel=1e-5)
    assert parts["heatmap"].item() == pytest.approx(np.log(256), rel=1e-4)  # of a map that says nothing
    expected = 2.0 * parts["heatmap"] + 0.1 * parts["pose"] + parts["bins"] + 0.2 * parts["index"]
    assert parts["total"].item() == pytest.approx(expected.item())


def test_unpaired_pose_loss_leaves_limbs_out():
    batch = train.collate([patch_of(0)])
    output = perfect_output(batch, NETWORK.bins)
    shift = torch.zeros(1, 17, 2)
    shift[:, [3, 6, 13, 16]] = 5.0  # ankles and wrists
    output = output._replace(joints_cells=output.joints_cells + shift)
    assert compute_losses(output, batch, CONFIG, 0)["pose"].item() == pytest.approx(0.0, abs=1e-5)
    everything = replace(CONFIG, losses=LossConfig(pose_joints="all"))
    assert compute_losses(output, batch, everything, 0)["pose"].item() == pytest.approx(40.0 / 17, rel=1e-4)
