"""Table 6 on one trunk: what comes after the convolutions trained alone, on features that are kept.

Training each variant whole takes hours times variants times seeds. Here all start from the convolutions of one
trained network and keep them as they are, so that thousands of steps of several seeds are minutes. It compares heads, not
trunks: the trunk learnt with one of the variants.
"""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader

from hdnet_ros.learn.ablation import Run
from hdnet_ros.learn.config import TrainConfig
from hdnet_ros.learn.dataset import PatchStream, collate
from hdnet_ros.learn.heads import PATCHES_AT_ONCE, HeadsConfig, pooled_rows_of_each, train_heads, train_on_rows
from hdnet_ros.learn.start import start_from_checkpoint
from hdnet_ros.model.checkpoint import LoadedCheckpoint, load_checkpoint, save_checkpoint
from hdnet_ros.model.config import HDNetConfig
from hdnet_ros.model.hdnet import HDNet
from hdnet_ros.model.networks import kind_of, make_network
from hdnet_ros.model.rootnet import RootNet, RootNetConfig, gamma_of

# The modules that are the trunk's; RootNet has the first alone.
CONVOLUTIONS = ("backbone", "fpn", "heatmap_branch", "heatmap_head", "depth_branch")
# Smaller than that of `hdnet heads`: for the same price twice the steps, which heads drawn at random need.
BATCH_SIZE = 96
_GAMMA: tuple[bool, ...] = ()
_SWITCHES = ("direct_regression", "shared_branch", "use_gnn", "heatmap_pooling")
_PLAIN = {"existence": False, "sigma_head": False, "joint_witness": "", "refiner_layers": 0, "pose": None}


@dataclass(frozen=True)
class Trunk:
    """A checkpoint whose convolutions all variants have.

    Attributes
    ----------
    plain : its architecture with nothing that the paper's network lacks
    """

    path: Path
    loaded: LoadedCheckpoint
    plain: HDNetConfig

    @classmethod
    def read(cls, path: Path) -> Trunk:
        """The trunk in a checkpoint.

        Raises
        ------
        CheckpointError : the file is no checkpoint
        ValueError : its network is no HDNet with two branches of features
        """
        loaded = load_checkpoint(path)
        config = loaded.config
        if not isinstance(config, HDNetConfig):
            raise ValueError(f"{path}: a network of kind {kind_of(config)}, expected an HDNet, whose convolutions all variants share")
        if config.shared_branch:
            raise ValueError(f"{path}: shared_branch is true, expected an HDNet with a branch for heatmaps and one for depth")
        return cls(path, loaded, replace(config, **_PLAIN))

    def settings(self, heads: HeadsConfig) -> dict:
        """What decides how a run on this trunk ends, beside its configuration."""
        sha256 = hashlib.sha256(self.path.read_bytes()).hexdigest()
        return {"trunk_sha256": sha256, "heads": dataclasses.asdict(heads)}

    def variant(self, config: TrainConfig, data_seed: int) -> TrainConfig:
        """A variant's configuration on this trunk: its architecture and patches, and rows that are the same for all seeds."""
        data = replace(config.data, seed=data_seed)
        network: HDNetConfig | RootNetConfig
        if isinstance(config.network, HDNetConfig):
            switches = {name: getattr(config.network, name) for name in _SWITCHES}
            network, convention = replace(self.plain, **switches), self.loaded.convention
        else:
            network = replace(config.network, backbone=self.plain.backbone)
            convention = replace(config.convention, input_px=self.loaded.convention.input_px)
        return replace(config, data=data, network=network, convention=convention)

    def network(self, config: HDNetConfig | RootNetConfig, seed: int = 0) -> nn.Module:
        """A network with the trunk's convolutions and other weights drawn with a seed, in eval mode."""
        torch.manual_seed(seed)
        network = make_network(config)
        parts = CONVOLUTIONS if isinstance(network, HDNet) else CONVOLUTIONS[:1]
        start_from_checkpoint(network, self.path, parts)
        return network.eval()


class GammaRows(NamedTuple):
    """What RootNet's gamma is read off for N people, two views of each one after the other, and what it should be.

    Attributes
    ----------
    features : (N, C) float16, of the deepest level, averaged over the patch
    gamma : (N,)
    """

    features: Tensor
    gamma: Tensor


Rows = dict[tuple[bool, ...], Any]
Progress = Callable[[int], None]


def check_data(runs: Sequence[Run]) -> None:
    """Read a first shard as each run will.

    Raises
    ------
    FileNotFoundError : there are no shards
    ValueError : a convention or samples that cannot be trained on
    """
    for run in runs:
        PatchStream(run.config.data, run.config.convention).check()


def kept_rows(trunk: Trunk, runs: Sequence[Run], patches: int, progress: Progress | None = None) -> Rows:
    """Rows for all runs, by what they pool: each is computed once, whichever variants and seeds read it."""
    configs = {_pooling(run.config): run.config for run in runs}
    rooted = configs.pop(_GAMMA, None)
    rows: Rows = {}
    if configs:
        poolings = sorted(configs)  # those with a depth branch first: the first network computes what all read
        networks = [trunk.network(_reader(trunk.plain, *pooling)) for pooling in poolings]
        config = configs[poolings[0]]
        found = pooled_rows_of_each(networks, config.data, config.convention, patches, progress)
        rows |= zip(poolings, found, strict=True)
    if rooted:
        rows[_GAMMA] = gamma_rows(trunk.network(rooted.network), rooted, patches, progress)
    return rows


def train_run(trunk: Trunk, run: Run, rows: Rows, heads: HeadsConfig) -> None:
    """Train a run's heads on its rows and write its checkpoint."""
    config = replace(heads, seed=run.config.seed)
    network = trunk.network(run.config.network, config.seed)
    own = rows[_pooling(run.config)]
    if isinstance(network, RootNet):
        _train_gamma(network, own, config)
    else:
        train_heads(network, own, config)
    about = trunk.loaded.metadata
    save_checkpoint(
        run.weights, network, run.config.convention, name=run.config.name, licence=about["licence"],
        data=f"convolutions: {about['data']}; heads: {run.config.data_description}",
        seed=str(config.seed), half=trunk.loaded.half,
        budget=f"heads: {config.steps} steps of {config.batch_size} of {config.patches} patches",
    )  # fmt: skip


def gamma_rows(network: RootNet, config: TrainConfig, count: int, progress: Progress | None = None) -> GammaRows:
    """Rows of the first `count` patches of a stream; RootNet's deconvolutions, which depth does not need, are not run."""
    parts: list[tuple[Tensor, Tensor]] = []
    stream = PatchStream(replace(config.data, views=2, boxes_per_view=1), config.convention)
    for batch in DataLoader(stream, PATCHES_AT_ONCE, collate_fn=collate):
        with torch.inference_mode(), torch.autocast("cpu", torch.bfloat16):
            deepest = network.backbone(batch["images"])[-1]
        parts.append((deepest.float().mean((-2, -1)).half(), gamma_of(batch["normalised_depth"])))
        done = PATCHES_AT_ONCE * len(parts)
        if progress:
            progress(done)
        if done >= count:
            break
    return GammaRows(*(torch.cat(column).clone() for column in zip(*parts, strict=True)))


def _train_gamma(network: RootNet, rows: GammaRows, config: HeadsConfig) -> None:
    def loss_of(chosen: Tensor) -> Tensor:
        found = network.gamma_head(rows.features[chosen].float()).squeeze(-1)
        return (found - rows.gamma[chosen]).abs().mean()

    train_on_rows(network.gamma_head, loss_of, len(rows.gamma), config)
    network.eval()


def tells_root(run: Run) -> bool:
    """Whether the root's place in the picture was trained: that of RootNet comes out of its deconvolutions, which were not."""
    return isinstance(run.config.network, HDNetConfig)


def _pooling(config: TrainConfig) -> tuple[bool, ...]:
    """What tells one kind of kept rows from another."""
    network = config.network
    return (network.shared_branch, network.heatmap_pooling) if isinstance(network, HDNetConfig) else _GAMMA


def _reader(plain: HDNetConfig, shared_branch: bool, heatmap_pooling: bool) -> HDNetConfig:
    """A network that pools so, with the heads at whose door the features are taken."""
    return replace(
        plain, shared_branch=shared_branch, heatmap_pooling=heatmap_pooling, use_gnn=True, existence=True, direct_regression=False
    )
