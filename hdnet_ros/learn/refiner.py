"""Training of a network's depth refiner alone: all before it is frozen, so what it reads is computed once and kept.

The people must be none that the depth was trained on: there the bins are surer than they will be in use.
"""

from __future__ import annotations

import copy
from collections.abc import Callable
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
from hdnet_ros.model.checkpoint import load_checkpoint
from hdnet_ros.model.hdnet import HDNet
from hdnet_ros.model.refiner import RefinerInputs

_PATCHES_AT_ONCE = 16
_WARMUP_STEPS = 100
_AVERAGE = 0.995
# Of the logarithm of the stature and of whether it is a child, beside the losses of the depth.
_STATURE_WEIGHT, _CHILD_WEIGHT = 3.0, 0.3


@dataclass(frozen=True)
class RefinerTraining:
    """How large a refiner is and how it is trained.

    Attributes
    ----------
    channels, layers : see `HDNetConfig`
    people : so many in a batch, with all their views
    index_weight, agreement_weight : of the error of the depth and of its difference between two views of a person, in
        bins, beside the cross-entropy of the bins
    strength : share of the correction that is kept in the end; what was learnt on rendered people is not trusted wholly
    """

    channels: int = 128
    layers: int = 2
    steps: int = 4000
    people: int = 128
    learning_rate: float = 3e-3
    weight_decay: float = 1e-2
    index_weight: float = 0.5
    agreement_weight: float = 0.5
    strength: float = 0.7
    seed: int = 0


class RefinerRows(NamedTuple):
    """What `DepthRefiner` reads of N boxes, the views of each person one after the other, and what it should say.

    Attributes
    ----------
    inputs : of N rows
    target_index : (N,) of the depth bins
    log_stature : (N,) natural logarithm of the standing height over 1.7 m
    is_child : (N,) 1 below 16 years
    views : of each person
    """

    inputs: RefinerInputs
    target_index: Tensor
    log_stature: Tensor
    is_child: Tensor
    views: int


def network_with_refiner(path: Path, config: RefinerTraining) -> HDNet:
    """The network of a checkpoint with an untrained refiner, in eval mode; its 3D pose is left out, and its sigma, which
    is of other depths.

    Raises
    ------
    CheckpointError : the file is no checkpoint
    ValueError : a network without a witness of the joints
    """
    found = load_checkpoint(path).config
    if not getattr(found, "joint_witness", ""):
        raise ValueError(f"{path}: expected an HDNet with a witness of the joints, whose features a refiner reads")
    torch.manual_seed(config.seed)
    network = HDNet(
        replace(found, refiner_channels=config.channels, refiner_layers=config.layers, sigma_head=False, pose=None)
    )
    start_from_checkpoint(network, path)
    return network.eval()


def refiner_rows(
    network: HDNet, data: DataConfig, convention, count: int, progress: Callable[[int], None] | None = None
) -> RefinerRows:
    """Rows of the first `count` patches of a stream with one box a patch, computed as the network runs in use."""
    seen: list[tuple[Tensor, ...]] = []
    hook = network.refiner.register_forward_pre_hook(lambda module, inputs: seen.append(inputs))
    targets: list[tuple[Tensor, ...]] = []
    stream = PatchStream(replace(data, boxes_per_view=1, people_per_patch=1, nobody_share=0.0), convention)
    at_once = _PATCHES_AT_ONCE // data.views * data.views
    for batch in DataLoader(stream, at_once, collate_fn=collate):
        with torch.inference_mode(), torch.autocast("cpu", torch.bfloat16):
            network(*network_inputs(network, batch))
        index = network.config.bins.index(batch["normalised_depth"].float())
        targets.append((index, batch["log_stature"], batch["is_child"]))
        done = at_once * len(targets)
        if progress:
            progress(done)
        if done >= count:
            break
    hook.remove()
    columns = [torch.cat(column).clone() for column in zip(*seen, strict=True)]
    inputs = RefinerInputs(columns[0].half(), *columns[1:])
    return RefinerRows(inputs, *(torch.cat(column).clone() for column in zip(*targets, strict=True)), data.views)


def train_refiner(
    network: HDNet, rows: RefinerRows, config: RefinerTraining, progress: Callable[[int], None] | None = None
) -> None:
    """Train a network's refiner in place; it ends in eval mode, with averaged weights."""
    torch.manual_seed(config.seed)
    refiner, bins = network.refiner, network.config.bins
    average = copy.deepcopy(refiner)
    optimiser = torch.optim.AdamW(
        refiner.parameters(), config.learning_rate, betas=(0.9, 0.98), weight_decay=config.weight_decay
    )
    refiner.train()
    for step in range(config.steps):
        rate = config.learning_rate * min(1.0, (step + 1) / _WARMUP_STEPS, (config.steps - step) / (0.6 * config.steps))
        for group in optimiser.param_groups:
            group["lr"] = rate
        loss = _loss(refiner, bins, rows, config)
        optimiser.zero_grad(set_to_none=True)
        loss.backward()
        nn.utils.clip_grad_norm_(refiner.parameters(), 5.0)
        optimiser.step()
        average_into(average, refiner, min(_AVERAGE, step / (step + 10.0)))
        if progress:
            progress(step + 1)
    refiner.load_state_dict(average.state_dict())
    refiner.scale(config.strength)
    network.eval()


def _loss(refiner: nn.Module, bins, rows: RefinerRows, config: RefinerTraining) -> Tensor:
    people = torch.randint(len(rows.target_index) // rows.views, (config.people,))
    chosen = (rows.views * people.unsqueeze(1) + torch.arange(rows.views)).flatten()
    inputs = [column[chosen].float() for column in rows.inputs]
    with torch.autocast("cpu", torch.bfloat16):
        refined = refiner(*inputs)
    target, logits = rows.target_index[chosen], refined.bin_logits.float()
    found = bins.soft_argmax(torch.softmax(logits, -1))
    off = (found - target).view(-1, rows.views)
    apart = (off - off.roll(1, 1)).abs()
    loss = losses.bins_cross_entropy(logits, bins.target(target)).mean()
    loss = loss + config.index_weight * off.abs().mean() + config.agreement_weight * apart.mean()
    stature = (refined.log_stature.float() - rows.log_stature[chosen]).abs().mean()
    child = F.binary_cross_entropy_with_logits(refined.child_logit.float(), rows.is_child[chosen])
    return loss + _STATURE_WEIGHT * stature + _CHILD_WEIGHT * child
