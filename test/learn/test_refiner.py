"""A refiner learns what the bins do not say, from people with several views each; all before it stays as it is."""

import sys
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from click.testing import CliRunner

pytest.importorskip("numba", reason="the synthetic package needs the learn requirements")

sys.path.insert(0, str(Path(__file__).parent))
from test_ablation import toy_sample  # noqa: E402

from hdnet_ros.cli.main import main
from hdnet_ros.core.patch import PatchConvention
from hdnet_ros.data.synthetic.shards import save_shard
from hdnet_ros.learn import refiner
from hdnet_ros.learn.config import DataConfig
from hdnet_ros.model.checkpoint import load_checkpoint, save_checkpoint
from hdnet_ros.model.hdnet import HDNet, hdnet_lite
from hdnet_ros.model.refiner import RefinerInputs

TINY = {"fpn_channels": 8, "branch_mid_channels": 8, "branch_channels": 4, "gnn_channels": 8}
CONVENTION = PatchConvention(input_px=64)
TRAINING = refiner.RefinerTraining(channels=16, layers=1, steps=150, people=32, learning_rate=1e-2, strength=1.0)


def write_checkpoint(path: Path, **network) -> Path:
    torch.manual_seed(2)
    about = {"name": "tiny", "data": "rendered people", "licence": "Apache-2.0"}
    save_checkpoint(path, HDNet(hdnet_lite(**TINY, **network)).eval(), CONVENTION, **about)
    return path


@pytest.fixture
def checkpoint(tmp_path):
    return write_checkpoint(tmp_path / "start.safetensors", joint_witness="movenet_lightning", joint_witness_px=64)


def rows_of(network: HDNet, people: int = 300, views: int = 2) -> refiner.RefinerRows:
    """People whose bins say index 30 and whose first feature says that children are 8 bins nearer, and that their joints
    are 0.1 of the box to the right of where they were found and 200 mm behind the root.
    """
    generator = torch.Generator().manual_seed(7)
    part = network.refiner
    is_child = (torch.arange(people) % 2).float().repeat_interleave(views)
    features = torch.randn(people * views, 17, part.joints.in_features, generator=generator)
    features[..., 0] = 2.0 * is_child.unsqueeze(1)
    logits = -0.1 * (torch.arange(71.0) - 30.0).square().repeat(people * views, 1)
    overall = torch.randn(people * views, part.overall.in_features - 71, generator=generator)
    places = torch.randn(people * views, 17, 13, generator=generator)
    inputs = RefinerInputs(features.half(), places, overall, logits)
    moves = is_child[:, None, None] * torch.tensor([0.1, 0.0, 0.5]).expand(people * views, 17, 3)
    ones = torch.ones(people * views)
    return refiner.RefinerRows(
        inputs, 30.0 - 8.0 * is_child, -0.4 * is_child, is_child, moves, ones[:, None].expand(-1, 17), 2000.0 * ones, views
    )


def test_it_learns_who_is_nearer_than_the_bins_say_and_nothing_else_moves(checkpoint):
    network = refiner.network_with_refiner(checkpoint, TRAINING)
    before = {k: v.clone() for k, v in network.state_dict().items() if not k.startswith("refiner.")}
    rows = rows_of(network)
    refiner.train_refiner(network, rows, TRAINING)
    with torch.inference_mode():
        said = network.refiner(*(column.float() for column in rows.inputs))
    index = network.config.bins.median(torch.softmax(said.bin_logits, -1))
    assert (index - rows.target_index).abs().mean() < 1.0
    assert ((said.child_logit > 0) == rows.is_child.bool()).float().mean() > 0.95
    off = (said.joint_moves - rows.joint_moves).abs().mean((0, 1))
    assert (off < torch.tensor([0.02, 0.02, 0.1])).all()
    assert all(torch.equal(network.state_dict()[name], value) for name, value in before.items())


def test_of_the_correction_a_share_is_kept(checkpoint):
    said = []
    for strength in (1.0, 0.5):
        training = replace(TRAINING, steps=5, strength=strength)
        network = refiner.network_with_refiner(checkpoint, training)
        rows = rows_of(network, people=20)
        refiner.train_refiner(network, rows, training)
        with torch.inference_mode():
            said.append(network.refiner(*(column.float() for column in rows.inputs)).bin_logits - rows.inputs.bin_logits)
    assert said[0].abs().max() > 1e-3
    torch.testing.assert_close(said[1], 0.5 * said[0], atol=1e-4, rtol=1e-3)


def test_rows_hold_where_joints_should_go_in_the_units_of_the_box(checkpoint, tmp_path):
    sample = toy_sample(0, "train")
    save_shard(tmp_path / "train_5_000000000.npz", [sample])
    network = refiner.network_with_refiner(checkpoint, TRAINING)
    data = DataConfig(shards=str(tmp_path), views=2, photometric=False)
    rows = refiner.refiner_rows(network, data, CONVENTION, 16)
    person = sample.people[0]
    true_mm = person.joints_camera_mm - person.root_camera_mm
    # The box is about as tall as the person, and the patch looks the way the camera does.
    tall_mm = true_mm[:, 1].max() - true_mm[:, 1].min()
    assert 0.9 < (rows.side_mm / tall_mm).median() < 2.0
    behind_mm = 400.0 * rows.joint_moves[..., 2]
    torch.testing.assert_close(behind_mm[0], torch.from_numpy(true_mm[:, 2]).float(), atol=60.0, rtol=0.0)


def test_without_a_witness_there_are_no_features_to_refine_by(tmp_path):
    path = write_checkpoint(tmp_path / "plain.safetensors")
    with pytest.raises(ValueError, match="expected an HDNet with a witness of the joints"):
        refiner.network_with_refiner(path, TRAINING)


def test_the_command_gives_a_checkpoint_a_refiner(checkpoint, tmp_path):
    save_shard(tmp_path / "train_5_000000000.npz", [toy_sample(n, "train") for n in range(3)])
    out = tmp_path / "out.safetensors"
    arguments = ["heads", str(checkpoint), "--shards", str(tmp_path), "--out", str(out), "--only-refiner",
                 "--patches", "32", "--steps", "2"]  # fmt: skip
    said = CliRunner().invoke(main, arguments)
    assert said.exit_code == 0, said.output
    loaded = load_checkpoint(out)
    assert loaded.config.refiner_layers == refiner.RefinerTraining().layers
    assert loaded.metadata["data"] == "rendered people; refiner: 32 patches of synthetic people, 2 steps, seed 1"
    # Its depths are others, and so is how wrong they are.
    assert not refiner.network_with_refiner(out, TRAINING).refiner.correction[-1].weight.any()
    again = ["heads", str(out), "--shards", str(tmp_path), "--out", str(out), "--only-sigma", "--patches", "32", "--steps", "2"]
    said = CliRunner().invoke(main, again)
    assert said.exit_code == 0, said.output
    assert load_checkpoint(out).config.sigma_head
