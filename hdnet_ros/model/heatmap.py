"""Heatmaps of joints: masked softmax, soft-argmax, and heatmap pooling (equation 4)."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

# Where the person's box is not; large enough that no logit matters beside it.
MASKED_LOGIT = -1e15
# Mass within this many cells of a joint, to each side, is its confidence.
CONFIDENCE_REACH_CELLS = 3.5


def mask_logits(logits: Tensor, box_masks: Tensor) -> Tensor:
    """Logits (N, J, h, w) with `MASKED_LOGIT` outside each person's box mask (N, h, w) bool."""
    return logits.masked_fill(~box_masks.unsqueeze(1), MASKED_LOGIT)


def occupied_window(box_masks: Tensor) -> tuple[slice, slice]:
    """Rows and columns of the smallest window that holds all masks (N, h, w) bool, N at least 1."""
    anybody = box_masks.any(0)
    return _extent(anybody.any(1)), _extent(anybody.any(0))


def _extent(occupied: Tensor) -> slice:
    numbers = occupied.nonzero()
    return slice(int(numbers[0]), int(numbers[-1]) + 1) if len(numbers) else slice(0, len(occupied))


def is_one_each(patch_index: Tensor | None, patches: int) -> bool:
    """Whether person n is in patch n, as None says."""
    if patch_index is None or torch.jit.is_tracing() or patch_index.device.type != "cpu":
        return patch_index is None
    return len(patch_index) == patches and bool((patch_index == torch.arange(patches)).all())


def spatial_softmax(logits: Tensor) -> Tensor:
    """Softmax over the cells of (N, J, h, w); each joint's map sums to one."""
    return torch.softmax(logits.flatten(2), dim=-1).view_as(logits)


def soft_argmax_cells(heatmaps: Tensor) -> Tensor:
    """Expected cell of each joint.

    Parameters
    ----------
    heatmaps : (N, J, h, w), each summing to one

    Returns
    -------
    (N, J, 2) x, y in heatmap cells; the first cell is 0
    """
    height, width = heatmaps.shape[-2:]
    columns = torch.arange(width, dtype=heatmaps.dtype, device=heatmaps.device)
    rows = torch.arange(height, dtype=heatmaps.dtype, device=heatmaps.device)
    x = heatmaps.sum(-2) @ columns
    y = heatmaps.sum(-1) @ rows
    return torch.stack((x, y), dim=-1)


def windowed_soft_argmax_cells(heatmaps: Tensor, radius_cells: int) -> Tensor:
    """Expected cell within a square window around each joint's peak.

    Where a map has two modes (a left and a right ankle), the plain expectation lies between them;
    this one lies on the higher.

    Parameters
    ----------
    heatmaps : (N, J, h, w), each summing to one
    radius_cells : the window reaches this many cells to each side of the peak, at least 0

    Returns
    -------
    (N, J, 2) x, y in heatmap cells
    """
    window = heatmaps * _window(heatmaps, heatmaps.flatten(2).argmax(-1), radius_cells)
    return soft_argmax_cells(window / window.sum((-2, -1), keepdim=True))


def separated_pairs_cells(
    heatmaps: Tensor,
    joints_cells: Tensor,
    pairs: Sequence[tuple[int, int]],
    radius_cells: int,
    least_share: float = 0.25,
) -> Tensor:
    """Joints with a left and its right taken apart where both were read off the same peak.

    Two maps that cannot tell left from right both show both limbs, and their highest peaks are the
    same limb. Where the two maps together hold another peak with at least `least_share` of their
    mass, one of the pair goes there: whichever assignment the maps find likelier.

    Parameters
    ----------
    heatmaps : (N, J, h, w), each summing to one
    joints_cells : (N, J, 2) x, y as `windowed_soft_argmax_cells` reads them
    pairs : (left, right) joint numbers
    radius_cells : peaks closer than this are the same

    Returns
    -------
    (N, J, 2) x, y in heatmap cells
    """
    left, right = (list(side) for side in zip(*pairs, strict=True))
    together = (joints_cells[:, left] - joints_cells[:, right]).abs().amax(-1) <= radius_cells
    both = 0.5 * (heatmaps[:, left] + heatmaps[:, right])
    near_first = _window(both, both.flatten(2).argmax(-1), radius_cells)
    rest = both * ~near_first
    near_second = _window(rest, rest.flatten(2).argmax(-1), radius_cells) & ~near_first
    first, second = both * near_first, both * near_second
    share = second.sum((-2, -1))
    apart = together & (share >= least_share)

    def mass(side: list[int], window: Tensor) -> Tensor:
        return (heatmaps[:, side] * window).sum((-2, -1))

    straight = mass(left, near_first) * mass(right, near_second)
    swapped = mass(left, near_second) * mass(right, near_first)
    first_cells = soft_argmax_cells(first / first.sum((-2, -1), keepdim=True).clamp_min(1e-12))
    second_cells = soft_argmax_cells(second / share[..., None, None].clamp_min(1e-12))
    left_first = (straight >= swapped).unsqueeze(-1)
    result = joints_cells.clone()
    for side, cells in (
        (left, torch.where(left_first, first_cells, second_cells)),
        (right, torch.where(left_first, second_cells, first_cells)),
    ):
        result[:, side] = torch.where(apart.unsqueeze(-1), cells, joints_cells[:, side])
    return result


def mass_around(heatmaps: Tensor, joints_cells: Tensor, reach_cells: float) -> Tensor:
    """Mass (N, J) of heatmaps (N, J, h, w) within a square that reaches so far from joints (N, J, 2)."""
    height, width = heatmaps.shape[-2:]
    columns = torch.arange(width, dtype=heatmaps.dtype, device=heatmaps.device)
    rows = torch.arange(height, dtype=heatmaps.dtype, device=heatmaps.device)
    near_x = ((columns - joints_cells[..., 0:1]).abs() <= reach_cells).to(heatmaps.dtype)
    near_y = ((rows - joints_cells[..., 1:2]).abs() <= reach_cells).to(heatmaps.dtype)
    return ((heatmaps @ near_x.unsqueeze(-1)).squeeze(-1) * near_y).sum(-1)


def _window(heatmaps: Tensor, peak: Tensor, radius_cells: int) -> Tensor:
    """(N, J, h, w) bool: the cells within a square around flat indices (N, J)."""
    height, width = heatmaps.shape[-2:]
    columns = torch.arange(width, device=heatmaps.device)
    rows = torch.arange(height, device=heatmaps.device)
    near_x = (columns - (peak % width).unsqueeze(-1)).abs() <= radius_cells
    near_y = (rows - (peak // width).unsqueeze(-1)).abs() <= radius_cells
    return near_x.unsqueeze(-2) & near_y.unsqueeze(-1)


def pool_features(weights: Tensor, features: Tensor, patch_index: Tensor | None = None) -> Tensor:
    """Sums of a patch's features under each person's weights, equation 4 as one matrix product.

    People of one patch are multiplied with its features together, so features are neither copied
    per person nor expanded to joints x channels x h x w.

    Parameters
    ----------
    weights : (N, J, h, w) heatmaps, or any weights summing to one
    features : (B, C, h, w) features of the patches
    patch_index : (N,) long, the patch each person is in; None means person n is in patch n

    Returns
    -------
    (N, J, C)
    """
    joint_weights = weights.flatten(2)
    cell_features = features.permute(0, 2, 3, 1).flatten(1, 2)
    if patch_index is None:
        return torch.bmm(joint_weights, cell_features)
    count, joints, cells = joint_weights.shape
    slot, slots = _slots(patch_index, features.shape[0])
    grouped = joint_weights.new_zeros((features.shape[0], slots, joints, cells))
    grouped = grouped.index_put((patch_index, slot), joint_weights)
    pooled = torch.bmm(grouped.flatten(1, 2), cell_features)
    return pooled.unflatten(1, (slots, joints))[patch_index, slot]


def _slots(patch_index: Tensor, patches: int) -> tuple[Tensor, int]:
    """Number each person among those of the same patch; also the most people of any patch."""
    people_in_patch = torch.bincount(patch_index, minlength=patches)
    first = people_in_patch.cumsum(0) - people_in_patch
    order = torch.argsort(patch_index, stable=True)
    numbers = torch.arange(len(patch_index), device=patch_index.device)
    slot = torch.empty_like(patch_index)
    slot[order] = numbers - first[patch_index[order]]
    return slot, int(people_in_patch.max()) if len(patch_index) else 0
