"""Losses of section 3.3 and what ours adds; pure functions, one value per person.

Heatmap losses take the network's output, joints (N, J, 2) in heatmap cells, a weight (N, J) per
joint that is 0 where there is no label, the box masks (N, h, w), and the standard deviation of the
target Gaussian in cells. A person without any weighted joint costs 0.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import torch
from torch import Tensor
from torch.nn import functional as F

from hdnet_ros.core.skeleton import LEFT_RIGHT_PAIRS

# Legs and arms: the sides of a whole limb are exchanged together.
LEFT_RIGHT_LIMBS = (LEFT_RIGHT_PAIRS[:3], LEFT_RIGHT_PAIRS[3:])
# A joint with less than this share of its Gaussian inside the mask gives no target.
_SMALLEST_MASS_INSIDE = 0.05


class Heatmaps(Protocol):
    """The part of the network's output that heatmap losses read."""

    heatmap_logits: Tensor
    heatmaps: Tensor


def gaussian_heatmaps(joints_cells: Tensor, size_hw: tuple[int, int], sigma_cells: float) -> Tensor:
    """Gaussian around each joint, (N, J, h, w), with the mass of an unbounded map equal to one."""
    height, width = size_hw
    columns = torch.arange(width, dtype=joints_cells.dtype, device=joints_cells.device)
    rows = torch.arange(height, dtype=joints_cells.dtype, device=joints_cells.device)
    scale = 1.0 / (sigma_cells * (2.0 * torch.pi) ** 0.5)
    x, y = joints_cells[..., 0:1], joints_cells[..., 1:2]
    across = scale * torch.exp(-0.5 * ((columns - x) / sigma_cells) ** 2)
    down = scale * torch.exp(-0.5 * ((rows - y) / sigma_cells) ** 2)
    return down.unsqueeze(-1) * across.unsqueeze(-2)


def heatmap_mse(
    output: Heatmaps,
    joints_cells: Tensor,
    joint_weight: Tensor,
    box_masks: Tensor,
    sigma_cells: float,
) -> Tensor:
    """Mean squared error of the softmax heatmaps, equation 2, (N,).

    The target sums to one over the whole map, whatever the box; `box_masks` is not read.
    """
    target = gaussian_heatmaps(joints_cells, output.heatmaps.shape[-2:], sigma_cells)
    target = target / target.sum((-2, -1), keepdim=True).clamp_min(1e-10)
    error = (output.heatmaps - target).square().mean((-2, -1))
    return _weighted_mean(error, joint_weight)


def heatmap_cross_entropy(
    output: Heatmaps,
    joints_cells: Tensor,
    joint_weight: Tensor,
    box_masks: Tensor,
    sigma_cells: float,
) -> Tensor:
    """Cross-entropy of the softmax heatmaps against the Gaussian inside the box, (N,).

    Equation 2 has gradients of the size of the probabilities, 1 / 4096 at the start; these have
    the size of their error.
    """
    target, weight = _targets_in_box(joints_cells, joint_weight, box_masks, sigma_cells)
    log_heatmaps = _log_softmax(output.heatmap_logits)
    return _weighted_mean(-(target * log_heatmaps).sum((-2, -1)), weight)


def heatmap_cross_entropy_swap_tolerant(
    output: Heatmaps,
    joints_cells: Tensor,
    joint_weight: Tensor,
    box_masks: Tensor,
    sigma_cells: float,
    limbs: Sequence[Sequence[tuple[int, int]]] = LEFT_RIGHT_LIMBS,
) -> Tensor:
    """`heatmap_cross_entropy` with each limb's sides labelled whichever way costs less, (N,).

    While left and right cannot be told apart, the ordinary loss is least where both maps show both
    limbs; this one is least where each map shows one.

    Parameters
    ----------
    limbs : groups of (left, right) joints; the joints of a group are exchanged together
    """
    target, weight = _targets_in_box(joints_cells, joint_weight, box_masks, sigma_cells)
    log_heatmaps = _log_softmax(output.heatmap_logits)
    mirrored = list(range(target.shape[1]))
    for left, right in (pair for limb in limbs for pair in limb):
        mirrored[left], mirrored[right] = right, left
    straight = -(target * log_heatmaps).sum((-2, -1)) * weight
    swapped = -(target[:, mirrored] * log_heatmaps).sum((-2, -1)) * weight[:, mirrored]
    cost = straight.sum(-1)
    for limb in limbs:
        members = [joint for pair in limb for joint in pair]
        gain = (straight[:, members] - swapped[:, members]).sum(-1)
        cost = cost - F.relu(gain)
    return cost / weight.sum(-1).clamp_min(1e-6)


def pose_l1(joints: Tensor, target_joints: Tensor, joint_weight: Tensor) -> Tensor:
    """|dx| + |dy| averaged over the weighted joints, equation 3, (N,); any unit, (N, J, 2)."""
    return _weighted_mean((joints - target_joints).abs().sum(-1), joint_weight)


def bins_cross_entropy(bin_logits: Tensor, target: Tensor) -> Tensor:
    """Cross-entropy of the bins against a target (N, K) summing to one, equation 8, (N,)."""
    return -(target * torch.log_softmax(bin_logits, dim=-1)).sum(-1)


def index_l1(bin_index: Tensor, target_index: Tensor) -> Tensor:
    """Absolute error of the bin index, in bins, equation 9, (N,)."""
    return (bin_index - target_index).abs()


def twin_disagreement(bin_index: Tensor, target_index: Tensor, twins: Tensor) -> Tensor:
    """How differently two views of one person are wrong, in bins, (M,); ours.

    The views' boxes, scales and colours differ and their depth does not: whatever the error is, it
    should be the same.

    Parameters
    ----------
    bin_index, target_index : (N,)
    twins : (M, 2) long, rows of the same person
    """
    error = bin_index - target_index
    return (error[twins[:, 0]] - error[twins[:, 1]]).abs()


def slices_cross_entropy(
    log_slices: Tensor, relative_depth_mm: Tensor, joint_weight: Tensor, half_range_mm: float
) -> Tensor:
    """Cross-entropy of a volume's depth slices against a Gaussian of one slice around the truth, (N,).

    Parameters
    ----------
    log_slices : (N, J, D) logarithms of probabilities of slices from -half_range_mm to half_range_mm
    relative_depth_mm : (N, J); beyond the slices it counts as in the last one
    joint_weight : (N, J)
    """
    slices = log_slices.shape[-1]
    index = (relative_depth_mm / half_range_mm + 1.0) * (0.5 * slices) - 0.5
    places = torch.arange(slices, dtype=index.dtype, device=index.device)
    distance = places - index.clamp(0.0, slices - 1.0).unsqueeze(-1)
    target = torch.softmax(-0.5 * distance.square(), dim=-1)
    return _weighted_mean(-(target * log_slices).sum(-1), joint_weight)


def _targets_in_box(
    joints_cells: Tensor, joint_weight: Tensor, box_masks: Tensor, sigma_cells: float
) -> tuple[Tensor, Tensor]:
    """Gaussians that sum to one inside the box, and weights without joints outside it."""
    target = gaussian_heatmaps(joints_cells, box_masks.shape[-2:], sigma_cells)
    target = target * box_masks.unsqueeze(1)
    inside = target.sum((-2, -1))
    has_target = inside > _SMALLEST_MASS_INSIDE
    target = target / inside.clamp_min(_SMALLEST_MASS_INSIDE)[..., None, None]
    return target, joint_weight * has_target


def _log_softmax(logits: Tensor) -> Tensor:
    return torch.log_softmax(logits.flatten(2), dim=-1).view_as(logits)


def _weighted_mean(values: Tensor, weight: Tensor) -> Tensor:
    return (values * weight).sum(-1) / weight.sum(-1).clamp_min(1e-6)
