"""What training minimises: the losses of HDNet and of RootNet on one batch."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

from hdnet_ros.core.skeleton import LEFT_RIGHT_PAIRS, ROOT
from hdnet_ros.learn import losses
from hdnet_ros.learn.config import TrainConfig
from hdnet_ros.model.hdnet import HDNetOutput
from hdnet_ros.model.rootnet import RootNetOutput, gamma_of

# An error of 1 % of the depth weighs as much as one of 0.2 cells. The paper adds millimetres of depth
# to cells, which lets a person at 40 m weigh ten times one at 4 m; k divided out, all weigh the same.
GAMMA_WEIGHT = 20.0


def compute_losses(
    output: HDNetOutput | RootNetOutput, batch: dict, config: TrainConfig, step: int
) -> dict[str, Tensor]:
    """The losses of a network's own kind, each a scalar, and their weighted sum as "total"."""
    if isinstance(output, RootNetOutput):
        return rootnet_losses(output, batch)
    return hdnet_losses(output, batch, config, step)


def hdnet_losses(
    output: HDNetOutput, batch: dict, config: TrainConfig, step: int
) -> dict[str, Tensor]:
    """The four losses of section 3.3 and ours, each a scalar, and their weighted sum as "total".

    Boxes that hold nobody have no joints and no depth: they cost by their existence alone.
    """
    settings, bins = config.losses, config.network.bins
    joints, weight = batch["joints_cells"], batch["joint_weight"]
    target_index = bins.index(batch["normalised_depth"]).float()
    heatmap_loss = losses.heatmap_mse if settings.heatmap == "mse" else losses.heatmap_cross_entropy
    if settings.heatmap == "cross_entropy" and step < settings.swap_tolerant_steps:
        heatmap_loss = losses.heatmap_cross_entropy_swap_tolerant
    pose_weight = weight
    if settings.pose_joints == "unpaired":
        pose_weight = weight.clone()
        pose_weight[:, [j for pair in LEFT_RIGHT_PAIRS for j in pair]] = 0
    exists = batch["exists"]

    def mean(values: Tensor) -> Tensor:
        return (values * exists).sum() / exists.sum().clamp_min(1.0)

    parts = {
        "heatmap": mean(
            heatmap_loss(output, joints, weight, batch["box_masks"], settings.heatmap_sigma_cells)
        ),
        "pose": mean(losses.pose_l1(output.joints_cells, joints, pose_weight)),
        "index": mean(losses.index_l1(output.bin_index, target_index)),
    }
    if config.network.direct_regression:
        parts["bins"] = torch.zeros_like(parts["index"])
    else:
        parts["bins"] = mean(losses.bins_cross_entropy(output.bin_logits, bins.target(target_index)))
    disagreement = losses.twin_disagreement(output.bin_index, target_index, batch["twins"])
    parts["agreement"] = disagreement.sum() / max(1, len(disagreement))
    if output.existence_logit is not None:
        parts["existence"] = F.binary_cross_entropy_with_logits(output.existence_logit, exists)
    parts["total"] = sum(getattr(settings, f"{name}_weight") * value for name, value in parts.items())
    return parts


def rootnet_losses(output: RootNetOutput, batch: dict) -> dict[str, Tensor]:
    """L1 of the root's pixel, in heatmap cells, and of gamma, and their weighted sum as "total"."""
    weight = batch["joint_weight"][:, ROOT]
    error_cells = (output.joints_cells[:, ROOT] - batch["joints_cells"][:, ROOT]).abs().sum(-1)
    parts = {
        "root": (error_cells * weight).sum() / weight.sum().clamp_min(1e-6),
        "gamma": (output.gamma - gamma_of(batch["normalised_depth"])).abs().mean(),
    }
    return parts | {"total": parts["root"] + GAMMA_WEIGHT * parts["gamma"]}

