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
    return _mean_near(heatmaps, heatmaps.flatten(2).argmax(-1), radius_cells)


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
    left, right = (torch.tensor(side, device=heatmaps.device) for side in zip(*pairs, strict=True))
    together = (joints_cells[:, left] - joints_cells[:, right]).abs().amax(-1) <= radius_cells
    person, pair = _where(together)
    left, right = left[pair], right[pair]
    maps = torch.stack((heatmaps[person, left], heatmaps[person, right]), dim=1)
    both = maps.mean(1, keepdim=True)
    near_first = _window(both, both.flatten(2).argmax(-1), radius_cells)
    rest = both * ~near_first
    near_second = _window(rest, rest.flatten(2).argmax(-1), radius_cells) & ~near_first
    peaks = torch.cat((both * near_first, both * near_second), dim=1)
    share = peaks.sum((-2, -1))
    cells = soft_argmax_cells(peaks / share[..., None, None].clamp_min(1e-12))
    apart = together[person, pair] & (share[:, 1] >= least_share)
    # (K, 2, 2): mass of the left and of the right map near the first and the second peak.
    mass = torch.stack([(maps * near).sum((-2, -1)) for near in (near_first, near_second)], dim=-1)
    left_first = mass[:, 0, 0] * mass[:, 1, 1] >= mass[:, 0, 1] * mass[:, 1, 0]
    cells = torch.where(left_first[:, None, None], cells, cells.flip(1))
    result = joints_cells.clone()
    for number, side in enumerate((left, right)):
        result[person, side] = torch.where(apart[:, None], cells[:, number], joints_cells[person, side])
    return result


def _where(chosen: Tensor) -> tuple[Tensor, Tensor]:
    """Rows and columns of a table (N, P) where it is True, or all where to choose costs more than it saves."""
    if torch.jit.is_tracing() or chosen.device.type != "cpu":
        chosen = torch.ones_like(chosen)
    person, pair = chosen.nonzero(as_tuple=True)
    return person, pair


def _mean_near(heatmaps: Tensor, peak: Tensor, radius_cells: int) -> Tensor:
    """Expected cells (N, J, 2) within a square around flat indices (N, J), in one pass over the maps."""
    columns, rows, near_x, near_y = _near(heatmaps, peak, radius_cells)
    sides = torch.stack((near_x, near_x * columns), dim=-1)
    mass, x_mass = (heatmaps @ sides).unbind(-1)
    total = (mass * near_y).sum(-1)
    return torch.stack(((x_mass * near_y).sum(-1), (mass * near_y * rows).sum(-1)), dim=-1) / total.unsqueeze(-1)


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
    _, _, near_x, near_y = _near(heatmaps, peak, radius_cells)
    return near_x.bool().unsqueeze(-2) & near_y.bool().unsqueeze(-1)


def _near(heatmaps: Tensor, peak: Tensor, radius_cells: int) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Numbers (w,) and (h,) of columns and rows; 1 for those (N, J, w) and (N, J, h) near flat indices, else 0."""
    height, width = heatmaps.shape[-2:]
    columns = torch.arange(width, dtype=heatmaps.dtype, device=heatmaps.device)
    rows = torch.arange(height, dtype=heatmaps.dtype, device=heatmaps.device)
    near_x = (columns - (peak % width).unsqueeze(-1)).abs() <= radius_cells
    near_y = (rows - (peak // width).unsqueeze(-1)).abs() <= radius_cells
    return columns, rows, near_x.to(heatmaps.dtype), near_y.to(heatmaps.dtype)


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
