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

from hdnet_ros.core.depth_bins import denormalise_depth
from hdnet_ros.learn import losses
from hdnet_ros.learn.averaging import average_into
from hdnet_ros.learn.config import DataConfig
from hdnet_ros.learn.dataset import PatchStream, collate, network_inputs
from hdnet_ros.learn.start import start_from_checkpoint
from hdnet_ros.model.checkpoint import load_checkpoint
from hdnet_ros.model.hdnet import HDNet
from hdnet_ros.model.refiner import DEPTH_UNIT_MM, Refined, RefinerInputs, corners_of, longer_side, moves_of

_PATCHES_AT_ONCE = 16
_WARMUP_STEPS = 100
_AVERAGE = 0.995
# Of the logarithm of the stature and of whether it is a child, beside the losses of the depth.
_STATURE_WEIGHT, _CHILD_WEIGHT = 3.0, 0.3
# Of a joint's place in space, in 150 mm, and in the picture, in longer sides of the box, likewise.
_POSE_UNIT_MM, _IN_PICTURE_WEIGHT = 150.0, 5.0
# Beyond these a joint is no worse: it shows where nobody could know.
_MOST_OFF_MM, _MOST_OFF_SIDES = 1500.0, 1.0
_SMOOTH_MM2 = 100.0
# What a joint that no box holds counts in the picture, beside its weight.
_LEAST_WEIGHT = 0.3


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
    joint_moves : (N, J, 3) see `Refined`
    joint_weight : (N, J) of each joint; 0 outside the box
    side_mm : (N,) length of the box's longer side at the root's distance
    views : of each person
    """

    inputs: RefinerInputs
    target_index: Tensor
    log_stature: Tensor
    is_child: Tensor
    joint_moves: Tensor
    joint_weight: Tensor
    side_mm: Tensor
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
    start_from_checkpoint(network, path, [name for name, _ in network.named_children() if name != "refiner"])
    return network.eval()


def refiner_rows(
    network: HDNet, data: DataConfig, convention, count: int, progress: Callable[[int], None] | None = None
) -> RefinerRows:
    """Rows of the first `count` patches of a stream with one box a patch, computed as the network runs in use; its
    refiner must be untrained, so that joints are where they were found.
    """
    seen: list[tuple[Tensor, ...]] = []
    hook = network.refiner.register_forward_pre_hook(lambda module, inputs: seen.append(inputs))
    targets: list[tuple[Tensor, ...]] = []
    stream = PatchStream(replace(data, boxes_per_view=1, people_per_patch=1, nobody_share=0.0), convention)
    at_once = _PATCHES_AT_ONCE // data.views * data.views
    for batch in DataLoader(stream, at_once, collate_fn=collate):
        with torch.inference_mode(), torch.autocast("cpu", torch.bfloat16):
            found = network(*network_inputs(network, batch)).joints_cells
        index = network.config.bins.index(batch["normalised_depth"].float())
        body = (batch["log_stature"], batch["is_child"])
        targets.append((index, *body, *_joint_targets(batch, found, convention)))
        done = at_once * len(targets)
        if progress:
            progress(done)
        if done >= count:
            break
    hook.remove()
    columns = [torch.cat(column).clone() for column in zip(*seen, strict=True)]
    inputs = RefinerInputs(columns[0].half(), *columns[1:])
    return RefinerRows(inputs, *(torch.cat(column).clone() for column in zip(*targets, strict=True)), data.views)


def _joint_targets(batch: dict, found_cells: Tensor, convention) -> tuple[Tensor, Tensor, Tensor]:
    """`joint_moves`, `joint_weight` and `side_mm` of `RefinerRows`, of joints (N, J, 2) as they were found."""
    masks = batch["box_masks"]
    moves = moves_of(batch["joints_cells"], batch["relative_depth_mm"], found_cells, masks)
    cell_px = convention.input_px / masks.shape[-1]
    # The depth of the root over the focal length of the patch is how long a pixel is there.
    px_mm = denormalise_depth(batch["normalised_depth"].float(), 1.0, convention.input_px)
    return moves, batch["joint_weight"], longer_side(corners_of(masks)) * cell_px * px_mm


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
    refined = Refined(*(said.float() for said in refined))
    target = rows.target_index[chosen]
    found = bins.soft_argmax(torch.softmax(refined.bin_logits, -1))
    off = (found - target).view(-1, rows.views)
    apart = (off - off.roll(1, 1)).abs()
    loss = losses.bins_cross_entropy(refined.bin_logits, bins.target(target)).mean()
    loss = loss + config.index_weight * off.abs().mean() + config.agreement_weight * apart.mean()
    loss = loss + _STATURE_WEIGHT * (refined.log_stature - rows.log_stature[chosen]).abs().mean()
    loss = loss + _CHILD_WEIGHT * F.binary_cross_entropy_with_logits(refined.child_logit, rows.is_child[chosen])
    return loss + _pose_loss(refined.joint_moves, rows, chosen)


def _pose_loss(moves: Tensor, rows: RefinerRows, chosen: Tensor) -> Tensor:
    """Distances of the joints (N, J, 3) from the true ones, in space and in the picture."""
    off = moves - rows.joint_moves[chosen]
    across_mm = off[..., :2] * rows.side_mm[chosen][:, None, None]
    off_mm = torch.cat([across_mm, DEPTH_UNIT_MM * off[..., 2:]], -1)
    in_space = (off_mm.square().sum(-1) + _SMOOTH_MM2).sqrt().clamp_max(_MOST_OFF_MM) / _POSE_UNIT_MM
    in_picture = off[..., :2].norm(dim=-1).clamp_max(_MOST_OFF_SIDES) * (_LEAST_WEIGHT + rows.joint_weight[chosen])
    return in_space.mean() + _IN_PICTURE_WEIGHT * in_picture.mean()
