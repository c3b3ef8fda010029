"""`hdnet ablate` on a handful of toy samples: one budget for all, and what is trained is not trained again."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from click.testing import CliRunner

pytest.importorskip("accelerate", reason="training needs the learn requirements")
pytest.importorskip("numba", reason="training needs the learn requirements")

from hdnet_ros.cli.main import main
from hdnet_ros.core.camera import Camera
from hdnet_ros.evaluate.published import ABLATIONS
from hdnet_ros.learn import ablation, start, train
from hdnet_ros.learn.config import load_train_config
from hdnet_ros.data.synthetic.labels import PersonLabel
from hdnet_ros.data.synthetic.sample import SyntheticSample
from hdnet_ros.data.synthetic.shards import save_shard
from hdnet_ros.model.networks import make_network

CONFIGS = Path(__file__).resolve().parents[2] / "configs" / "ablations"


def toy_sample(number, split="train"):
    """A person of noise at 4 to 8 m before a camera of 200 px."""
    rng = np.random.default_rng(number)
    camera = Camera(np.array([[200.0, 0, 80], [0, 200, 80], [0, 0, 1.0]]), (160, 160))
    root_mm = np.array([0.0, 0.0, rng.uniform(4000, 8000)])
    joints_mm = root_mm + rng.uniform(-1, 1, (17, 3)) * (300, 800, 200)
    joints_mm[0] = root_mm
    height_px = 200 * 1700 / root_mm[2]
    box = np.array([80.0, 80.0, 0.4 * height_px, height_px])
    person = PersonLabel(
        box, box, camera.project(joints_mm), joints_mm, np.ones(17, bool), root_mm,
        stature_mm=1700.0, age_years=30.0, pose_kind="upright", visible_fraction=1.0, truncated=False,
        is_adult=True, is_upright=True,
    )  # fmt: skip
    image = rng.integers(0, 255, (160, 160, 3), dtype=np.uint8)
    return SyntheticSample(image, camera, [person], (5, number, split))


@pytest.fixture
def ablate(monkeypatch, tmp_path):
    """A function that runs the command on toy shards at 64 px and returns exit code and output."""

    def random_state(name):
        torch.manual_seed(3)
        return make_network(load_train_config(CONFIGS / "full.yaml").network).backbone.state_dict()

    monkeypatch.setattr(start, "pretrained_backbone_state", random_state)
    torch.set_num_threads(1)
    shards = {"train": tmp_path / "shards", "holdout": tmp_path / "holdout"}
    for split, folder in shards.items():
        folder.mkdir()
        save_shard(folder / f"{split}_5_000000000.npz", [toy_sample(n, split) for n in range(3)])

    def run(*arguments, steps=2):
        fixed = ("--shards", shards["train"], "--holdout", shards["holdout"], "--out", tmp_path / "out", "--configs", CONFIGS)
        quick = ("--input-px", 64, "--set", "optimiser.batch_size=2", "--set", "data.workers=0")
        cpu = ("--set", "precision=fp32", "--cpu")  # one precision for all tests of a process
        everything = ("ablate", *fixed, *quick, *cpu, "--steps", steps, *arguments)
        result = CliRunner().invoke(main, [str(a) for a in everything])
        assert result.exception is None or isinstance(result.exception, SystemExit), repr(result.exception)
        return result.exit_code, result.output

    run.out = tmp_path / "out"
    return run


def test_chosen_variants_are_trained_once_scored_and_told_in_the_papers_order(ablate, monkeypatch):
    chosen = ("--only", "full", "--only", "rootnet")
    code, said = ablate(*chosen)
    assert code == 0, said
    table = [line for line in (ablate.out / "ablation.md").read_text().splitlines() if line.startswith("|")]
    assert [line.split("|")[1].strip() for line in table[2:]] == ["RootNet", "full"]
    assert table[2] in said
    result = json.loads((ablate.out / "ablation.json").read_text())
    assert [row["steps"] for row in result["rows"]] == [2, 2]
    assert all(row["holdout"]["everyone"]["people"] + row["lost"] == 3 for row in result["rows"])
    assert result["about"]["budget of each"] == "2 steps of 2 patches of 64 px, efficientnet_lite0, seed 1"
    assert str(ablate.out) not in (ablate.out / "ablation.json").read_text()
    assert sorted(path.name for path in ablate.out.iterdir() if path.is_dir()) == ["full", "rootnet"]

    monkeypatch.setattr(train.Trainer, "train_step", lambda *_: pytest.fail("trained again"))
    assert ablate(*chosen)[0] == 0
    assert json.loads((ablate.out / "ablation.json").read_text())["rows"] == result["rows"]

    code, said = ablate(*chosen, steps=3)
    assert code == 1
    assert "full holds a run with another optimiser.steps; take another --out" in " ".join(said.split())


def test_unknown_variant_and_clip_without_video_are_named(ablate, tmp_path):
    code, said = ablate("--only", "no_hands")
    assert code == 1
    assert "variant 'no_hands', expected one of rootnet, direct_regression" in said
    code, said = ablate("--root", tmp_path)
    assert code == 2
    assert "give --root and --video together" in said


def test_variants_are_the_papers_rows_and_differ_in_one_part_each():
    assert list(ablation.VARIANTS.values()) == list(ABLATIONS)
    configs = ablation.load_variants(CONFIGS, tuple(ablation.VARIANTS), {})
    full = vars(configs["full"].network)
    changed = {
        key: {name: value for name, value in vars(configs[key].network).items() if value != full[name]}
        for key in configs
        if key not in ("full", "rootnet")
    }
    assert changed == {
        "direct_regression": {"direct_regression": True},
        "shared_branch": {"shared_branch": True},
        "no_gnn": {"use_gnn": False},
        "no_heatmap_pooling": {"heatmap_pooling": False},
    }
    for config in configs.values():
        assert config.optimiser == configs["full"].optimiser
        assert (config.data.views, config.data.box_scale_jitter, config.data.box_shift_jitter) == (
            configs["full"].data.views, configs["full"].data.box_scale_jitter, configs["full"].data.box_shift_jitter,
        )  # fmt: skip


def test_budget_reaches_every_variant_alike(tmp_path):
    overrides = ablation.Budget(steps=1000, input_px=96, seed=4).overrides(tmp_path)
    for config in ablation.load_variants(CONFIGS, tuple(ablation.VARIANTS), overrides).values():
        o = config.optimiser
        assert (o.steps, o.cooldown_steps, o.warmup_steps) == (1000, 150, 50)
        assert (config.convention.input_px, config.seed, config.data.seed) == (96, 4, 4)
        assert config.data.shards == str(tmp_path)
