"""Sigma is learnt as what a third of the errors exceed, of people like the one seen; nothing else moves."""

import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from click.testing import CliRunner

pytest.importorskip("numba", reason="the synthetic package needs the learn requirements")

sys.path.insert(0, str(Path(__file__).parent))
from test_ablation import toy_sample  # noqa: E402

from hdnet_ros.cli.main import main
from hdnet_ros.core.patch import PatchConvention
from hdnet_ros.data.synthetic.shards import save_shard
from hdnet_ros.learn import sigma
from hdnet_ros.model.checkpoint import load_checkpoint, save_checkpoint
from hdnet_ros.model.hdnet import HDNet, hdnet_lite

TINY = {"fpn_channels": 8, "branch_mid_channels": 8, "branch_channels": 4, "gnn_channels": 8}
CONVENTION = PatchConvention(input_px=64)


@pytest.fixture
def checkpoint(tmp_path):
    torch.manual_seed(2)
    path = tmp_path / "start.safetensors"
    about = {"name": "tiny", "data": "rendered people", "licence": "Apache-2.0"}
    save_checkpoint(path, HDNet(hdnet_lite(**TINY)).eval(), CONVENTION, **about)
    return path


def rows_of_two_kinds(count: int = 3000) -> sigma.SigmaRows:
    """Half of the people err by 8 %, half by 40 % (standard deviations); the first feature says who is which."""
    generator = torch.Generator().manual_seed(7)
    is_hard = torch.arange(count) % 2 == 1
    features = torch.rand(count, 8, generator=generator)
    features[:, 0] = is_hard.float()
    error = torch.randn(count, generator=generator).abs() * torch.where(is_hard, 0.4, 0.08)
    plain = torch.rand(count, 17, generator=generator)
    probabilities = torch.full((count, 71), 1 / 71)
    return sigma.SigmaRows((features, probabilities, torch.full((count,), 35.0), plain, plain), error)


def test_each_kind_is_covered_as_a_standard_deviation_covers(checkpoint):
    network, rows = sigma.network_with_sigma(checkpoint), rows_of_two_kinds()
    before = {k: v.clone() for k, v in network.state_dict().items() if not k.startswith("sigma_head.")}
    sigma.train_sigma(network, rows, sigma.SigmaTraining(steps=600))
    with torch.inference_mode():
        said = sigma.log_published(network.sigma_head(*rows.inputs)).exp()
    for kind in (0, 1):
        covered = (rows.log_error[kind::2] < said[kind::2]).float().mean()
        assert 0.63 < covered < 0.73
    assert said[1::2].median() > 3 * said[0::2].median()
    assert all(torch.equal(network.state_dict()[name], value) for name, value in before.items())


def test_what_is_written_has_no_temperature_and_the_floor_of_unknown_statures(checkpoint, tmp_path):
    network = sigma.network_with_sigma(checkpoint)
    sigma.save_with_sigma(tmp_path / "out.safetensors", network, checkpoint, "sigma: 12 patches")
    loaded = load_checkpoint(tmp_path / "out.safetensors")
    assert loaded.config.sigma_head
    assert (loaded.calibration.temperature, loaded.calibration.floor_relative) == (1.0, 0.056)
    assert loaded.metadata["data"] == "rendered people; sigma: 12 patches"


@pytest.mark.parametrize("what", ["--only-sigma", "--only-existence"])
def test_the_command_trains_one_output_of_a_checkpoint(checkpoint, tmp_path, what):
    save_shard(tmp_path / "train_5_000000000.npz", [toy_sample(n, "train") for n in range(3)])
    said = CliRunner().invoke(
        main,
        ["heads", str(checkpoint), "--shards", str(tmp_path), "--out", str(tmp_path / "out.safetensors"), what,
         "--patches", "32", "--steps", "2", "--nobody-share", "0"],
    )  # fmt: skip
    assert said.exit_code == 0, said.output
    loaded = load_checkpoint(tmp_path / "out.safetensors")
    assert loaded.config.sigma_head == (what == "--only-sigma")
    assert loaded.config.existence == (what == "--only-existence")


def test_the_command_trains_sigma_alone_or_not_at_all(checkpoint, tmp_path):
    said = CliRunner().invoke(
        main,
        ["heads", str(checkpoint), "--shards", str(tmp_path), "--out", str(tmp_path / "out.safetensors"),
         "--only-sigma", "--only-existence"],
    )  # fmt: skip
    assert said.exit_code == 2
    assert "train nothing else" in said.output


def test_calibrate_scales_a_sigma_that_is_too_narrow_for_people_of_other_bodies(checkpoint, tmp_path):
    own = tmp_path / "own.safetensors"
    network = sigma.network_with_sigma(checkpoint)
    sigma.save_with_sigma(own, network, checkpoint, "sigma: none")
    (tmp_path / "holdout").mkdir()
    save_shard(tmp_path / "holdout" / "holdout_5_000000000.npz", [toy_sample(n, "holdout") for n in range(24)])
    out = tmp_path / "out.safetensors"
    said = CliRunner().invoke(
        main, ["calibrate", str(own), "--holdout", str(tmp_path / "holdout"), "--out", str(out), "--device", "cpu"]
    )
    assert said.exit_code == 0, said.output
    assert "sigma times " in said.output and "68% interval covers" in said.output
    factor = float(said.output.split("sigma times ")[1].split(",")[0])
    moved = load_checkpoint(out).network.sigma_head.layers[-1].bias - load_checkpoint(own).network.sigma_head.layers[-1].bias
    assert moved.item() == pytest.approx(np.log(factor), abs=1e-3)
    assert load_checkpoint(out).metadata == load_checkpoint(own).metadata
