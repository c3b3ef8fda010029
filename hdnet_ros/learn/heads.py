"""Training of what comes after the pooled features alone: graph network, depth bins, existence.

All before them is frozen, so a patch's features are computed once and kept, and a step costs a thousandth of
one through the whole network: minutes on one core instead of hours. How a network gets an existence output
without its depths moving, or its depth learns from other people than those it was trained on.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.utils.data import DataLoader

from hdnet_ros.learn import losses
from hdnet_ros.learn.averaging import average_into
from hdnet_ros.learn.config import DataConfig
from hdnet_ros.learn.dataset import PatchStream, collate, network_inputs
from hdnet_ros.learn.start import start_from_checkpoint
from hdnet_ros.model.checkpoint import load_checkpoint, save_checkpoint
from hdnet_ros.model.hdnet import HDNet

PATCHES_AT_ONCE = 16
_AVERAGE = 0.995
_WARMUP_STEPS = 100
_COOLDOWN_SHARE = 0.6


@dataclass(frozen=True)
class HeadsConfig:
    """How long and on what the heads are trained.

    Attributes
    ----------
    patches : so many are cut and kept, 9 kB each
    only_existence : leave graph network and depth as they are
    index_weight, agreement_weight : of the error of the depth and of its difference between two views of a
        person, in bins, beside the cross-entropies of depth and existence
    """

    patches: int = 20000
    steps: int = 1200
    batch_size: int = 192
    learning_rate: float = 1e-3
    weight_decay: float = 1e-3
    index_weight: float = 0.5
    agreement_weight: float = 1.0
    only_existence: bool = False
    seed: int = 0


class PooledRows(NamedTuple):
    """What the heads read of N boxes, two views of each one after the other, and what they should say.

    Attributes
    ----------
    joint_features : (N, J, C) float16
    peak, confidence : (N, J), see `ExistenceHead`
    target_index : (N,) of the depth bins; of boxes of nobody it counts for nothing
    exists : (N,) 1 where somebody is in the box
    """

    joint_features: Tensor
    peak: Tensor
    confidence: Tensor
    target_index: Tensor
    exists: Tensor


def network_with_existence(path: Path, joint_witness: str = "") -> HDNet:
    """The network of a checkpoint with an existence output, untrained where it had none.

    Parameters
    ----------
    joint_witness : what it is to have in the place of its own witness of the joints; "" leaves that

    Raises
    ------
    CheckpointError : the file is no checkpoint
    ValueError : a network without a graph network
    FileNotFoundError : the witness was not converted yet
    """
    config = load_checkpoint(path).config
    if not getattr(config, "use_gnn", False):
        raise ValueError(f"{path}: expected an HDNet with a graph network")
    witness = joint_witness or config.joint_witness
    network = HDNet(replace(config, existence=True, joint_witness=witness))
    start_from_checkpoint(network, path)
    return network.eval()


def pooled_rows(
    network: HDNet, data: DataConfig, convention, count: int, progress: Callable[[int], None] | None = None
) -> PooledRows:
    """Features of the first `count` patches of a stream, computed as the network runs in use."""
    return pooled_rows_of_each([network], data, convention, count, progress)[0]


def pooled_rows_of_each(
    networks: Sequence[HDNet], data: DataConfig, convention, count: int, progress: Callable[[int], None] | None = None
) -> list[PooledRows]:
    """`pooled_rows` of networks with the same convolutions that pool differently; only the first one's are computed.

    Parameters
    ----------
    networks : each with graph network and existence; one without a depth branch pools the heatmap branch's features
    """
    taps = [_Tap(network) for network in networks]
    targets: list[tuple[Tensor, Tensor]] = []
    stream = PatchStream(replace(data, views=2, boxes_per_view=1, people_per_patch=1), convention)
    done = 0
    for batch in DataLoader(stream, PATCHES_AT_ONCE, collate_fn=collate, drop_last=True):
        _read_each(networks, batch)
        targets.append((networks[0].config.bins.index(batch["normalised_depth"].float()), batch["exists"]))
        done += len(batch["exists"])
        if progress:
            progress(done)
        if done >= count:
            break
    told = [torch.cat(column).clone() for column in zip(*targets, strict=True)]
    return [PooledRows(*tap.columns(), *told) for tap in taps]


class _Tap:
    """Keeps what a network's heads are given."""

    def __init__(self, network: HDNet) -> None:
        self._features: list[Tensor] = []
        self._evidence: list[tuple[Tensor, Tensor]] = []
        self._hooks = [
            network.gnn.register_forward_pre_hook(lambda _, given: self._features.append(given[0].half())),
            network.existence.register_forward_pre_hook(lambda _, given: self._evidence.append(given[1:])),
        ]

    def columns(self) -> tuple[Tensor, ...]:
        """Joint features, peak and confidence of everybody that was read; nothing is kept any more."""
        for hook in self._hooks:
            hook.remove()
        columns = (self._features, *zip(*self._evidence, strict=True))
        return tuple(torch.cat(tuple(column)).clone() for column in columns)


@torch.inference_mode()
def _read_each(networks: Sequence[HDNet], batch: dict) -> None:
    """Have each network read the maps of the first."""
    first, heatmap_features = networks[0], []
    hook = first.heatmap_branch.register_forward_hook(lambda _, given, made: heatmap_features.append(made))
    images, *boxes = network_inputs(first, batch)
    with torch.autocast("cpu", torch.bfloat16):
        maps = first.maps(images)
        hook.remove()
        shared = maps._replace(depth_features=heatmap_features[0])
        for network in networks:
            network.read(maps if network.depth_branch else shared, *boxes)


def train_heads(network: HDNet, rows: PooledRows, config: HeadsConfig) -> None:
    """Train the heads that a network has on pooled features, in place; it ends in eval mode, with averaged weights."""
    heads = {"existence": network.existence}
    if not config.only_existence:
        heads |= {"gnn": network.gnn, "depth_head": network.depth_head}
    trained = nn.ModuleDict({name: head for name, head in heads.items() if head is not None})
    train_on_rows(trained, lambda chosen: _loss(network, rows, config, chosen), len(rows.exists), config)
    network.eval()


def train_on_rows(
    heads: nn.Module, loss_of: Callable[[Tensor], Tensor], count: int, config: HeadsConfig
) -> None:
    """Train modules in place on `count` kept rows, two views of a person one after the other.

    Parameters
    ----------
    loss_of : a scalar of the numbers (B,) of a batch's rows, the first views of all before the second
    """
    torch.manual_seed(config.seed)
    average = copy.deepcopy(heads)
    optimiser = torch.optim.AdamW(
        heads.parameters(), lr=config.learning_rate, weight_decay=config.weight_decay
    )
    heads.train()
    for step in range(config.steps):
        warm = min(1.0, (step + 1) / _WARMUP_STEPS)
        fall = min(1.0, (config.steps - step) / (_COOLDOWN_SHARE * config.steps))
        for group in optimiser.param_groups:
            group["lr"] = config.learning_rate * warm * fall
        pairs = torch.randint(count // 2, (config.batch_size // 2,))
        loss = loss_of(torch.cat([2 * pairs, 2 * pairs + 1]))
        optimiser.zero_grad(set_to_none=True)
        loss.backward()
        nn.utils.clip_grad_norm_(heads.parameters(), 5.0)
        optimiser.step()
        average_into(average, heads, min(_AVERAGE, step / (step + 10.0)))
    heads.load_state_dict(average.state_dict())


def _loss(network: HDNet, rows: PooledRows, config: HeadsConfig, chosen: Tensor) -> Tensor:
    batch = PooledRows(*(column[chosen].float() for column in rows))
    loss = batch.exists.new_zeros(())
    if network.existence is not None:
        logit = network.existence(batch.joint_features, batch.peak, batch.confidence)
        loss = F.binary_cross_entropy_with_logits(logit, batch.exists)
    if config.only_existence:
        return loss
    found, cost = _depth_cost(network, batch)
    cost = cost + config.index_weight * losses.index_l1(found, batch.target_index)
    loss = loss + (cost * batch.exists).sum() / batch.exists.sum().clamp_min(1.0)
    twins = torch.arange(len(chosen)).view(2, -1).T
    apart = losses.twin_disagreement(found, batch.target_index, twins) * batch.exists[: len(twins)]
    return loss + config.agreement_weight * apart.mean()


def _depth_cost(network: HDNet, batch: PooledRows) -> tuple[Tensor, Tensor]:
    """Bin index and cross-entropy of the bins, each (N,); a regressed index has no bins that could cost."""
    features = network.gnn(batch.joint_features) if network.gnn else batch.joint_features
    depth, bins = network.depth_head(features.mean(1)), network.config.bins
    if network.config.direct_regression:
        return depth.squeeze(-1), torch.zeros_like(batch.target_index)
    found = bins.soft_argmax(torch.softmax(depth, -1))
    return found, losses.bins_cross_entropy(depth, bins.target(batch.target_index))


def save_with_heads(path: Path, network: HDNet, start: Path, told: str) -> None:
    """Write a network whose heads went on from a checkpoint, with what that says of itself and `told`."""
    loaded = load_checkpoint(start)
    about = loaded.metadata
    save_checkpoint(
        path, network, loaded.convention, name=about["name"], licence=about["licence"],
        data=f"{about['data']}; {told}", calibration=loaded.calibration,
        seed=about.get("seed", ""), budget=about.get("budget", ""), half=loaded.half,
    )  # fmt: skip
