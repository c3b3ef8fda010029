"""Training configuration: frozen dataclasses, read from YAML, an unknown key is an error."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field
from pathlib import Path

import yaml

from hdnet_ros.core.patch import PatchConvention
from hdnet_ros.model.hdnet import HDNetConfig
from hdnet_ros.model.networks import DEFAULT_KIND, config_class
from hdnet_ros.model.rootnet import RootNetConfig


@dataclass(frozen=True)
class DataConfig:
    """Where training pictures come from and how a patch is cut from them.

    Attributes
    ----------
    shards : str
        Folder of shards written by ``hdnet synth --out``; empty renders every picture on the fly.
    dataset, dataset_root : str
        "human36m", "muco" or "coco" and the folder of its files, to train on them instead.
    seed : int
        Seed of the synthetic stream when `shards` is empty.
    workers : int
        Loader processes; 0 loads in the training process.
    people_per_patch : int
        Most people of one patch that get a loss.
    views : int
        Patches cut for each person drawn, each with its own box, rung, zoom and colours; they follow
        one another, so a batch should hold a multiple.
    boxes_per_view : int
        Boxes that are drawn for that person in each patch, each with a loss of its own.
    nobody_share : float
        Share of the patches that are cut around a box that holds nobody, for `network.existence`.
    rung_jitter : float
        Probability that the patch is one rung of the scale ladder too large, and likewise too small.
    zoom_range : float
        Patch zoom is drawn log-uniformly in [1 / (1 + z), 1 + z].
    centre_jitter : float
        Standard deviation of the shift of the patch, as a fraction of the patch.
    box_scale_jitter, box_shift_jitter : float
        Standard deviations added to the detector-like boxes, log scale and fraction of the side.
    photometric : bool
        Colour, blur and noise on the patch, over what the rendered camera already did.
    """

    shards: str = ""
    dataset: str = ""
    dataset_root: str = ""
    seed: int = 1
    workers: int = 1
    people_per_patch: int = 3
    views: int = 1
    boxes_per_view: int = 1
    nobody_share: float = 0.0
    rung_jitter: float = 0.2
    zoom_range: float = 0.2
    centre_jitter: float = 0.04
    box_scale_jitter: float = 0.06
    box_shift_jitter: float = 0.03
    photometric: bool = True

    def __post_init__(self) -> None:
        _expect("views", self.views, self.views >= 1, "at least 1")
        _expect("boxes_per_view", self.boxes_per_view, self.boxes_per_view >= 1, "at least 1")
        _expect("nobody_share", self.nobody_share, 0.0 <= self.nobody_share < 1.0, "0 to below 1")
        _expect_one_of("dataset", self.dataset, ("", "human36m", "muco", "coco"))
        _expect("dataset_root", self.dataset_root, bool(self.dataset_root) == bool(self.dataset), "set with dataset")
        _expect("shards", self.shards, not (self.shards and self.dataset), "empty beside dataset")


@dataclass(frozen=True)
class LossConfig:
    """Weights of the four losses of section 3.3, and what ours adds.

    Attributes
    ----------
    heatmap : str
        "mse" is equation 2; "cross_entropy" learns far faster from a masked softmax.
    heatmap_sigma_cells : float
        Standard deviation of the target Gaussian, in heatmap cells.
    heatmap_weight, pose_weight, bins_weight, index_weight : float
        Weights of equations 2, 3, 8 and 9.
    existence_weight : float
        Weight of the cross-entropy of whether somebody is in the box (`network.existence`).
    agreement_weight : float
        Weight of the difference between the depths of two views of one person (`DataConfig.views`)
        or of two boxes in one view (`DataConfig.boxes_per_view`).
    pose_joints : str
        "all" is equation 3; "unpaired" leaves out joints that have a left and a right, where
        soft-argmax would average two modes.
    swap_tolerant_steps : int
        Steps during which a left limb and its right counterpart may be exchanged.
    """

    heatmap: str = "cross_entropy"
    heatmap_sigma_cells: float = 1.0
    heatmap_weight: float = 1.0
    pose_weight: float = 0.1
    bins_weight: float = 1.0
    index_weight: float = 0.2
    existence_weight: float = 1.0
    agreement_weight: float = 0.0
    pose_joints: str = "unpaired"
    swap_tolerant_steps: int = 0

    def __post_init__(self) -> None:
        _expect_one_of("heatmap", self.heatmap, ("mse", "cross_entropy"))
        _expect_one_of("pose_joints", self.pose_joints, ("all", "unpaired"))
        _expect("heatmap_sigma_cells", self.heatmap_sigma_cells, self.heatmap_sigma_cells > 0, "above 0")


@dataclass(frozen=True)
class OptimiserConfig:
    """Adam or AdamW with one of two schedules.

    Attributes
    ----------
    batch_size : int
        Patches per step and process.
    schedule : str
        "step" multiplies the rate by `decay_factor` every `decay_every` steps (section 4.1);
        "stable" warms up, stays, and falls linearly to zero over the last `cooldown_steps`, so
        that a run can be prolonged without having decayed too early.
    backbone_rate_factor : float
        Learning rate of the pretrained backbone relative to the rest.
    freeze_backbone_stages : int
        First stages of the backbone that keep their ImageNet weights.
    gradient_clip : float
        Largest norm of the gradient.
    ema_decay : float
        Share of the averaged network that stays at each step; 0 makes it the network itself.
    """

    learning_rate: float = 1e-3
    weight_decay: float = 1e-4
    batch_size: int = 16
    steps: int = 20000
    schedule: str = "stable"
    warmup_steps: int = 200
    cooldown_steps: int = 2000
    decay_factor: float = 0.8
    decay_every: int = 20000
    backbone_rate_factor: float = 0.5
    freeze_backbone_stages: int = 1
    gradient_clip: float = 5.0
    ema_decay: float = 0.998

    def __post_init__(self) -> None:
        _expect_one_of("schedule", self.schedule, ("step", "stable"))
        for name in ("learning_rate", "batch_size", "steps", "decay_every", "gradient_clip"):
            _expect(name, getattr(self, name), getattr(self, name) > 0, "above 0")
        _expect("ema_decay", self.ema_decay, 0.0 <= self.ema_decay < 1.0, "0 (no average) to below 1")
        stages = self.freeze_backbone_stages
        _expect("freeze_backbone_stages", stages, 0 <= stages <= 5, "0 to 5")


@dataclass(frozen=True)
class TrainConfig:
    """One training run. `name` and `licence` go into the checkpoint's metadata."""

    name: str
    data_description: str = "synthetic people rendered by hdnet_ros"
    licence: str = "Apache-2.0"
    seed: int = 1
    precision: str = "bf16"
    validate_every: int = 1000
    save_every: int = 200
    network: HDNetConfig | RootNetConfig = field(default_factory=HDNetConfig)
    convention: PatchConvention = field(default_factory=PatchConvention)
    data: DataConfig = field(default_factory=DataConfig)
    losses: LossConfig = field(default_factory=LossConfig)
    optimiser: OptimiserConfig = field(default_factory=OptimiserConfig)

    def __post_init__(self) -> None:
        _expect_one_of("precision", self.precision, ("fp32", "bf16", "fp16"))
        for name in ("validate_every", "save_every"):
            _expect(name, getattr(self, name), getattr(self, name) > 0, "above 0")
        if isinstance(self.network, RootNetConfig):
            people, per_box = self.data.people_per_patch, self.convention.patch_per_box
            _expect("data.people_per_patch", people, people == 1, "1: RootNet's patch is one person's box")
            _expect("convention.patch_per_box", per_box, per_box > 0, "above 0: RootNet's patch is the box")


_SECTIONS = {
    "data": DataConfig,
    "losses": LossConfig,
    "optimiser": OptimiserConfig,
    "convention": PatchConvention,
}
_TYPES = {"int": int, "float": (int, float), "str": str, "bool": bool}


def load_train_config(path: str | Path, overrides: dict | None = None) -> TrainConfig:
    """Read a training configuration.

    Parameters
    ----------
    path : YAML file with the fields of `TrainConfig`; `network` may name its kind, "hdnet" or
        "rootnet", and `base` a file beside this one whose values this one's replace.
    overrides : optional top-level or dotted keys ("optimiser.steps") that replace the file's values.

    Raises
    ------
    ValueError
        For a file that is no mapping, a key that no dataclass has, or a value of the wrong kind or
        out of range; file and key are named.
    """
    values = _read_yaml(Path(path))
    for dotted, value in (overrides or {}).items():
        _set_dotted(values, dotted, value)
    for section, kind in _SECTIONS.items():
        if section in values:
            values[section] = _build(kind, values[section], f"{path}: {section}")
    if "network" in values:
        values["network"] = _build_network(values["network"], f"{path}: network")
    return _build(TrainConfig, values, str(path))


def _read_yaml(path: Path, heirs: tuple[Path, ...] = ()) -> dict:
    try:
        values = yaml.safe_load(path.read_text())
    except yaml.YAMLError as error:
        raise ValueError(f"{path}: no YAML: {error}") from error
    _expect_mapping(values, str(path))
    if "base" not in values:
        return values
    base = path.parent / str(values.pop("base"))
    if base.resolve() in heirs:
        raise ValueError(f"{path}: base {base} is based on this file")
    return _merged(_read_yaml(base, (*heirs, path.resolve())), values)


def _merged(base: dict, changes: dict) -> dict:
    """The base's values with those of `changes` in their place, mappings key by key."""
    merged = dict(base)
    for key, value in changes.items():
        both_map = isinstance(value, dict) and isinstance(base.get(key), dict)
        merged[key] = _merged(base[key], value) if both_map else value
    return merged


def _build_network(values: dict, where: str) -> HDNetConfig | RootNetConfig:
    _expect_mapping(values, where)
    values = dict(values)
    try:
        kind = config_class(values.pop("kind", DEFAULT_KIND))
    except ValueError as error:
        raise ValueError(f"{where}: {error}") from error
    return _build(kind, values, where)


def _set_dotted(values: dict, dotted: str, value) -> None:
    *parents, last = dotted.split(".")
    for depth, parent in enumerate(parents):
        values = values.setdefault(parent, {})
        _expect_mapping(values, f"{dotted}: {'.'.join(parents[: depth + 1])}")
    values[last] = value


def _build(kind, values: dict, where: str):
    _expect_mapping(values, where)
    fields = {f.name: f for f in dataclasses.fields(kind)}
    unknown = sorted(set(values) - set(fields), key=str)
    if unknown:
        raise ValueError(f"{where}: unknown key {unknown[0]!r}; expected one of {', '.join(sorted(fields))}")
    for name, f in fields.items():
        needed = f.default is dataclasses.MISSING and f.default_factory is dataclasses.MISSING
        if needed and name not in values:
            raise ValueError(f"{where}: {name!r} is missing")
    try:
        return kind(**{name: _typed(fields[name], value) for name, value in values.items()})
    except (TypeError, ValueError) as error:
        raise ValueError(f"{where}: {error}") from error


def _typed(f: dataclasses.Field, value):
    """The value as its field's type: 3 is a float too, and so is "1e-4", which YAML 1.1 reads as text."""
    expected = _TYPES.get(str(f.type))
    if expected is None:
        return value
    if f.type == "float" and isinstance(value, str):
        try:
            value = float(value)
        except ValueError:
            pass
    if not isinstance(value, expected) or (isinstance(value, bool) and f.type != "bool"):
        raise ValueError(f"{f.name} is {value!r}, expected {f.type}")
    return float(value) if f.type == "float" else value


def _expect_mapping(values, where: str) -> None:
    if not isinstance(values, dict):
        raise ValueError(f"{where}: expected a mapping of settings, found {type(values).__name__}")


def _expect(name: str, value, is_fine: bool, expected: str) -> None:
    if not is_fine:
        raise ValueError(f"{name} is {value!r}, expected {expected}")


def _expect_one_of(name: str, value: str, choices: tuple[str, ...]) -> None:
    _expect(name, value, value in choices, f"one of {', '.join(choices)}")
