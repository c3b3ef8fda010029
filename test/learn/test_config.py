"""Training configurations: what is read, what is refused, and by which name."""

from pathlib import Path

import pytest

from hdnet_ros.core.depth_bins import DepthBins
from hdnet_ros.learn.config import TrainConfig, load_train_config
from hdnet_ros.model.config import hdnet_lite

CONFIGS = Path(__file__).resolve().parents[2] / "configs"


@pytest.fixture
def written(tmp_path):
    def write(text):
        (tmp_path / "run.yaml").write_text(text)
        return tmp_path / "run.yaml"

    return write


@pytest.mark.parametrize("path", sorted(CONFIGS.glob("*.yaml")), ids=lambda path: path.stem)
def test_shipped_configurations_load(path):
    config = load_train_config(path)
    assert config.name
    assert config.convention.input_px % 32 == 0
    assert config.network.joint_count == 17


def test_three_configurations_are_shipped():
    assert {path.stem for path in CONFIGS.glob("*.yaml")} >= {"hdnet_lite", "hdnet_resnet50", "paper"}


def test_paper_configuration_has_the_papers_numbers():
    paper = load_train_config(CONFIGS / "paper.yaml")
    o, losses, convention, network = paper.optimiser, paper.losses, paper.convention, paper.network
    assert (o.learning_rate, o.weight_decay, o.batch_size, o.steps) == (1e-4, 0.0, 16, 200_000)
    assert (o.schedule, o.decay_factor, o.decay_every) == ("step", 0.8, 20_000)
    assert (o.backbone_rate_factor, o.freeze_backbone_stages, o.ema_decay) == (1.0, 0, 0.0)
    assert (network.backbone, network.bins) == ("resnet50", DepthBins(count=71, start=1.0, end=8.0))
    assert (network.fpn_channels, network.gnn_layers, network.upsample_first) == (256, 2, True)
    assert (convention.mode, convention.ladder, convention.fixed_patch_px) == ("crop", False, 1000.0)
    assert (convention.input_px, convention.box_margin) == (256, 0.0)
    weights = (losses.heatmap_weight, losses.pose_weight, losses.bins_weight, losses.index_weight)
    assert (losses.heatmap, losses.pose_joints, weights) == ("mse", "all", (1.0, 1.0, 1.0, 1.0))
    data = paper.data
    assert (data.rung_jitter, data.zoom_range, data.centre_jitter) == (0.0, 0.0, 0.0)
    assert (data.box_scale_jitter, data.box_shift_jitter, data.people_per_patch) == (0.0, 0.0, 1)


def test_light_configuration_is_the_light_network_on_the_ladder():
    lite = load_train_config(CONFIGS / "hdnet_lite.yaml")
    assert lite.network == hdnet_lite()
    assert (lite.convention.ladder, lite.convention.mode, lite.convention.input_px) == (True, "virtual", 256)


def test_only_a_name_is_needed(written):
    assert load_train_config(written("name: mine")) == TrainConfig(name="mine")


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("name: a\nspeed: 3", "'speed'"),
        ("name: a\ndata: {shard: x}", "data: unknown key 'shard'"),
        ("name: a\nlosses: {heatmap_wieght: 1.0}", "losses: unknown key 'heatmap_wieght'"),
        ("name: a\noptimiser: {lr: 1.0}", "optimiser: unknown key 'lr'"),
        ("name: a\nconvention: {input: 192}", "convention: unknown key 'input'"),
        ("name: a\nnetwork: {fpn: 64}", "network: unknown key 'fpn'"),
        ("steps: 3", "'steps'"),
        ("seed: 3", "'name' is missing"),
        ("name: a\ndata:", "data: expected a mapping of settings, found NoneType"),
        ("- name", "expected a mapping of settings, found list"),
        ("name: [", "no YAML"),
        ("name: a\noptimiser: {steps: 1.5}", "steps is 1.5, expected int"),
        ("name: a\noptimiser: {steps: 0}", "steps is 0, expected above 0"),
        ("name: a\noptimiser: {learning_rate: fast}", "learning_rate is 'fast', expected float"),
        ("name: a\noptimiser: {schedule: cosine}", "schedule is 'cosine', expected one of step, stable"),
        ("name: a\noptimiser: {ema_decay: 1.0}", "ema_decay is 1.0"),
        ("name: a\nlosses: {heatmap: l2}", "heatmap is 'l2', expected one of mse, cross_entropy"),
        ("name: a\nlosses: {pose_joints: none}", "pose_joints is 'none'"),
        ("name: a\ndata: {photometric: 1}", "photometric is 1, expected bool"),
        ("name: a\nprecision: half", "precision is 'half', expected one of fp32, bf16, fp16"),
        ("name: a\nconvention: {mode: warp}", "convention: mode is 'warp'"),
    ],
)
def test_what_is_wrong_is_named_with_the_file(written, text, named):
    with pytest.raises(ValueError, match="run.yaml") as error:
        load_train_config(written(text))
    assert named in str(error.value)


def test_overrides_replace_single_values(written):
    path = written("name: a\noptimiser: {steps: 10, batch_size: 4}\nnetwork: {bins: {count: 11}}")
    overrides = {"optimiser.steps": 50, "data.shards": "/x", "network.bins.start": 0.5, "name": "b"}
    config = load_train_config(path, overrides)
    assert (config.optimiser.steps, config.optimiser.batch_size) == (50, 4)
    assert (config.data.shards, config.name) == ("/x", "b")
    assert (config.network.bins.count, config.network.bins.start) == (11, 0.5)


def test_override_of_an_unknown_key_is_named(written):
    with pytest.raises(ValueError, match="unknown key 'step'"):
        load_train_config(written("name: a"), {"optimiser.step": 50})


def test_override_below_a_plain_value_is_named(written):
    with pytest.raises(ValueError, match="name.first: name: expected a mapping"):
        load_train_config(written("name: a"), {"name.first": "x"})


def test_rates_may_be_written_as_people_write_them(written):
    # YAML 1.1 reads 1e-4 as text and 1 as an integer.
    config = load_train_config(written("name: a\noptimiser: {learning_rate: 1e-4, gradient_clip: 1}"))
    assert config.optimiser.learning_rate == 1e-4
    assert isinstance(config.optimiser.gradient_clip, float)
