"""`hdnet ablate --trunk`: all variants keep one network's convolutions, and their heads learn what those say."""

import json
import sys
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from click.testing import CliRunner
from torch.utils.data import DataLoader

pytest.importorskip("accelerate", reason="training needs the learn requirements")
pytest.importorskip("numba", reason="training needs the learn requirements")

sys.path.insert(0, str(Path(__file__).parent))
from test_ablation import toy_sample  # noqa: E402
from test_heads import rows_of  # noqa: E402

from hdnet_ros.cli.main import main
from hdnet_ros.core.patch import PatchConvention
from hdnet_ros.data.synthetic.shards import save_shard
from hdnet_ros.learn import ablation, ablation_heads, heads
from hdnet_ros.learn.dataset import PatchStream, collate, network_inputs
from hdnet_ros.model.checkpoint import load_checkpoint, save_checkpoint
from hdnet_ros.model.hdnet import HDNet, hdnet_lite
from hdnet_ros.model.networks import make_network
from hdnet_ros.model.rootnet import RootNet, RootNetConfig

CONFIGS = Path(__file__).resolve().parents[2] / "configs" / "ablations"
TINY = {"fpn_channels": 8, "branch_mid_channels": 8, "branch_channels": 4, "gnn_channels": 8}
CONVENTION = PatchConvention(input_px=64)
CONVOLUTIONS_OF = dict.fromkeys(ablation.VARIANTS, ablation_heads.CONVOLUTIONS) | {
    "rootnet": ("backbone",),
    "shared_branch": ("backbone", "fpn", "heatmap_branch", "heatmap_head"),
}
HEADS = heads.HeadsConfig(patches=16, steps=3, batch_size=8)


@pytest.fixture
def folder(tmp_path):
    """Toy shards of both splits and a trunk that says more than the paper's network does."""
    torch.set_num_threads(1)
    for split, name in (("train", "shards"), ("holdout", "holdout")):
        (tmp_path / name).mkdir()
        save_shard(tmp_path / name / f"{split}_5_000000000.npz", [toy_sample(n, split) for n in range(3)])
    torch.manual_seed(2)
    about = {"name": "tiny", "data": "rendered people", "licence": "Apache-2.0"}
    network = HDNet(hdnet_lite(**TINY, existence=True, sigma_head=True)).eval()
    save_checkpoint(tmp_path / "trunk.safetensors", network, CONVENTION, **about)
    save_checkpoint(tmp_path / "rootnet.safetensors", make_network(RootNetConfig("efficientnet_lite0", 8)), CONVENTION, **about)
    return tmp_path


def runs_on(folder, trunk, seeds=(1,), keys=tuple(ablation.VARIANTS)):
    variants = [
        ablation.load_variants(CONFIGS, keys, ablation.Budget(3, seed=seed).overrides(folder / "shards")) for seed in seeds
    ]
    runs = ablation.runs_of(variants, folder / "out")
    return [replace(run, config=trunk.variant(run.config, data_seed=1)) for run in runs]


def test_every_variant_keeps_the_trunks_convolutions_and_has_heads_of_its_own(folder):
    trunk = ablation_heads.Trunk.read(folder / "trunk.safetensors")
    runs = runs_on(folder, trunk)
    rows = ablation_heads.kept_rows(trunk, runs, HEADS.patches)
    kept = trunk.loaded.network.state_dict()
    for run in runs:
        ablation_heads.train_run(trunk, run, rows, HEADS)
        loaded = load_checkpoint(run.weights)
        state = loaded.network.state_dict()
        same = [name for name in state if name.partition(".")[0] in CONVOLUTIONS_OF[run.key] and "num_batches" not in name]
        assert {name.partition(".")[0] for name in same} == set(CONVOLUTIONS_OF[run.key])
        assert all(torch.equal(state[name], kept[name]) for name in same), run.key
        assert not [name for name in state if name.startswith(("existence", "sigma_head"))]
        head = state.get("depth_head.weight")
        assert head is None or head.shape != kept["depth_head.weight"].shape or not torch.equal(head, kept["depth_head.weight"])
        assert loaded.metadata["data"].startswith("convolutions: rendered people; heads: ")
        assert loaded.metadata["budget"] == "heads: 3 steps of 8 of 16 patches"
        assert loaded.convention.input_px == 64
    assert load_checkpoint(runs[0].weights).convention.patch_per_box == 1.25


def test_seeds_differ_in_their_heads_and_a_seed_gives_the_same_again(folder):
    trunk = ablation_heads.Trunk.read(folder / "trunk.safetensors")
    runs = runs_on(folder, trunk, seeds=(1, 2), keys=("full",))
    assert [run.folder.name for run in runs] == ["full_seed1", "full_seed2"]
    rows = ablation_heads.kept_rows(trunk, runs, HEADS.patches)

    def head(run):
        ablation_heads.train_run(trunk, run, rows, HEADS)
        return load_checkpoint(run.weights).network.depth_head.weight

    assert not torch.allclose(head(runs[0]), head(runs[1]))
    assert torch.equal(head(runs[0]), head(runs[0]))


def test_kept_rows_are_what_each_variant_reads(folder):
    trunk = ablation_heads.Trunk.read(folder / "trunk.safetensors")
    runs = runs_on(folder, trunk)
    rows = ablation_heads.kept_rows(trunk, runs, HEADS.patches)
    assert len(rows) == 4  # full, without GNN and direct regression read the same
    for run in runs:
        network = trunk.network(run.config.network, seed=3)
        data = replace(run.config.data, views=2, boxes_per_view=1)
        batch = next(iter(DataLoader(PatchStream(data, run.config.convention), 16, collate_fn=collate)))
        own = rows[ablation_heads._pooling(run.config)]
        with torch.inference_mode(), torch.autocast("cpu", torch.bfloat16):
            output = network(*network_inputs(network, batch))
        with torch.inference_mode():
            if isinstance(network, RootNet):
                again, said = network.gamma_head(own.features.float()).squeeze(-1), output.gamma
            else:
                features = own.joint_features.float()
                again = network.depth_head((network.gnn(features) if network.gnn else features).mean(1))
                said = output.bin_index[:, None] if network.config.direct_regression else output.bin_logits
        torch.testing.assert_close(again, said, atol=1e-3, rtol=1e-3)


@pytest.mark.parametrize("change", [{"direct_regression": True}, {"use_gnn": False}])
def test_heads_of_every_kind_learn_depth(change):
    torch.manual_seed(1)
    network, rows = HDNet(hdnet_lite(**TINY, **change)).eval(), rows_of()
    heads.train_heads(network, rows, heads.HeadsConfig(steps=500, batch_size=64, learning_rate=1e-2))
    with torch.inference_mode():
        found, _ = heads._depth_cost(network, rows._replace(joint_features=rows.joint_features.float()))
    assert (found - rows.target_index).abs()[rows.exists > 0].mean() < 0.3 * rows.target_index.std()


@pytest.fixture
def ablate(folder):
    def run(*arguments, trunk="trunk"):
        fixed = ("--shards", folder / "shards", "--holdout", folder / "holdout", "--out", folder / "out", "--configs", CONFIGS)
        quick = ("--steps", 2, "--cpu", "--only", "full", "--only", "rootnet")
        given = ("--trunk", folder / f"{trunk}.safetensors") if trunk else ()
        result = CliRunner().invoke(main, [str(a) for a in ("ablate", *fixed, *quick, *given, *arguments)])
        assert result.exception is None or isinstance(result.exception, SystemExit), repr(result.exception)
        return result.exit_code, " ".join(result.output.split())

    return run


def test_table_has_the_seeds_of_each_variant_and_nothing_is_trained_twice(ablate, folder, monkeypatch):
    code, said = ablate("--seeds", 2, "--patches", 32)
    assert code == 0, said
    lines = (folder / "out" / "ablation.md").read_text().splitlines()
    table = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines if line.startswith("|")]
    assert [row[0] for row in table[2:]] == ["RootNet", "full"]
    assert all("±" in row[1] for row in table[2:])
    root_pck = table[0].index("root PCK")
    assert table[2][root_pck] == ""  # its deconvolutions were not trained
    assert table[3][root_pck].endswith("%")
    about = json.loads((folder / "out" / "ablation.json").read_text())["about"]
    assert about["budget of each"] == (
        "heads on the convolutions of trunk.safetensors: 2 steps of 96 of the same 32 patches of 64 px, seeds 1 to 2"
    )

    monkeypatch.setattr(ablation_heads, "train_run", lambda *_: pytest.fail("trained again"))
    assert ablate("--seeds", 2, "--patches", 32)[0] == 0
    code, said = ablate("--seeds", 2, "--patches", 64)
    assert code == 1
    assert "full_seed1 holds a run with another heads.patches; take another --out" in said


def test_what_cannot_be_a_trunk_or_does_not_go_with_one_is_told(ablate):
    code, said = ablate(trunk="rootnet")
    assert code == 1
    assert "a network of kind rootnet, expected an HDNet, whose convolutions all variants share" in said
    code, said = ablate("--set", "optimiser.batch_size=8")
    assert code == 2
    assert "--set and --input-px belong to training from the start" in said
    code, said = ablate("--patches", 64, trunk=None)
    assert code == 2
    assert "--patches belongs to --trunk" in said
