"""Depth and pose from more than the network's own features: a second network's, where the joints lie, and who else is there.

The paper's network learns depth from rendered people alone. Its witness of the joints has seen real ones, and what it
computes at them comes for free; joints say how large a person appears whatever the box is, and boxes of others say
who may be hiding whom. Joints exchange all this by attention, each with every other, correct the depth bins, and say
where each of them is in 3D: those that are hidden or out of the picture, too.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from hdnet_ros.core.patch import OTHERS_TOLD
from hdnet_ros.core.skeleton import ROOT
from hdnet_ros.model.pose3d import PoseOutput

_HEADS = 4
_DROPOUT = 0.1
# Of what is read: no single feature of rendered people is to be relied on.
_INPUT_DROPOUT = 0.25
# Where a joint and the witness's opinion of it lie further apart than this, in cells, it no longer matters how far.
_FAR_APART_CELLS = 12.0
_PEAK_SCALE = 10.0
# What depths of joints behind the root are told in.
DEPTH_UNIT_MM = 400.0
_PLACE_CHANNELS = 9 + 2 * OTHERS_TOLD
_SURROUNDING_CHANNELS = 5 * OTHERS_TOLD


class Joints(NamedTuple):
    """Where N people's J joints are found, and how clearly.

    Attributes
    ----------
    cells : (N, J, 2) x, y in heatmap cells, the witness heard
    own_cells : (N, J, 2) without the witness
    peak : (N, J) highest logits of the own heatmaps inside the box
    own_confidence, confidence : (N, J) mass of the heatmaps around the joints, without the witness and with it
    """

    cells: Tensor
    own_cells: Tensor
    peak: Tensor
    own_confidence: Tensor
    confidence: Tensor


class RefinerInputs(NamedTuple):
    """What `DepthRefiner` reads of N people.

    Attributes
    ----------
    joint_features : (N, J, C) own and the witness's features at the joints
    places : (N, J, 13) see `places_of`
    surroundings : (N, G) features over the whole box, and the boxes of others
    bin_logits : (N, K) of the depth as it is without refinement
    """

    joint_features: Tensor
    places: Tensor
    surroundings: Tensor
    bin_logits: Tensor


class Refined(NamedTuple):
    """What `DepthRefiner` says of N people.

    Attributes
    ----------
    bin_logits : (N, K)
    child_logit : (N,) of the probability that the person is a child
    log_stature : (N,) natural logarithm of the standing height over 1.7 m
    joint_moves : (N, J, 3) of each joint: how far it is from where it was found, x and y in longer sides of the box, and
        how far behind the root in units of 400 mm; `pose_of` makes a pose of them
    """

    bin_logits: Tensor
    child_logit: Tensor
    log_stature: Tensor
    joint_moves: Tensor


class DepthRefiner(nn.Module):
    """Corrects the logits of the depth bins and gives the joints a place in 3D; without training it changes nothing, and
    all joints are as far away as the root.

    Parameters
    ----------
    joint_channels : C, own and the witness's together
    box_channels : of the features over the whole box in `RefinerInputs.surroundings`
    joint_count, bin_count : J, K
    channels, layers : D and the number of attention blocks
    """

    def __init__(
        self, joint_channels: int, box_channels: int, joint_count: int, bin_count: int, channels: int, layers: int
    ) -> None:
        super().__init__()
        overall = box_channels + _SURROUNDING_CHANNELS + bin_count
        self.norm_joints = nn.BatchNorm1d(joint_channels)
        self.norm_places = nn.BatchNorm1d(_PLACE_CHANNELS)
        self.norm_overall = nn.BatchNorm1d(overall)
        self.joints = nn.Linear(joint_channels, channels)
        self.places = nn.Sequential(nn.Linear(_PLACE_CHANNELS, channels), nn.GELU(), nn.Linear(channels, channels))
        self.overall = nn.Linear(overall, channels)
        self.forget = nn.Dropout(_INPUT_DROPOUT)
        self.names = nn.Parameter(0.02 * torch.randn(1 + joint_count, channels))
        self.blocks = nn.Sequential(*(_AttentionBlock(channels) for _ in range(layers)))
        self.norm_summary = nn.LayerNorm(2 * channels)
        self.correction = nn.Sequential(
            nn.Linear(2 * channels, channels), nn.GELU(), nn.Dropout(_DROPOUT), nn.Linear(channels, bin_count)
        )
        self.body = nn.Linear(2 * channels, 2)
        self.norm_joint = nn.LayerNorm(channels)
        self.pose = nn.Sequential(nn.Linear(3 * channels, 2 * channels), nn.GELU(), nn.Linear(2 * channels, 3))
        for last in (self.correction[-1], self.pose[-1]):
            nn.init.zeros_(last.weight)
            nn.init.zeros_(last.bias)

    @torch.no_grad()
    def scale(self, factor: float) -> None:
        """Multiply every correction of the depth by a factor."""
        for parameter in self.correction[-1].parameters():
            parameter *= factor

    def forward(self, joint_features: Tensor, places: Tensor, surroundings: Tensor, bin_logits: Tensor) -> Refined:
        """Parameters as `RefinerInputs` has them."""
        amplitudes = torch.softmax(bin_logits, -1).sqrt()
        overall = self.overall(self.forget(self.norm_overall(torch.cat([surroundings, amplitudes], -1))))
        joints = self.joints(self.forget(_over_joints(self.norm_joints, joint_features)))
        joints = joints + self.places(_over_joints(self.norm_places, places))
        tokens = self.blocks(torch.cat([overall.unsqueeze(1), joints], 1) + self.names)
        summary = self.norm_summary(torch.cat([tokens[:, 0], tokens[:, 1:].mean(1)], -1))
        child_logit, log_stature = self.body(summary).unbind(-1)
        of_all = summary.unsqueeze(1).expand(-1, joints.shape[1], -1)
        moves = self.pose(torch.cat([self.norm_joint(tokens[:, 1:]), of_all], -1))
        return Refined(bin_logits + self.correction(summary), child_logit, log_stature, moves)


class _AttentionBlock(nn.Module):
    """Attention among a person's tokens (N, T, D), then a layer for each; both are added to what was there."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(channels)
        self.query_key_value = nn.Linear(channels, 3 * channels)
        self.mix = nn.Linear(channels, channels)
        self.each = nn.Sequential(
            nn.LayerNorm(channels), nn.Linear(channels, 2 * channels), nn.GELU(), nn.Linear(2 * channels, channels)
        )
        self.dropout = nn.Dropout(_DROPOUT)

    def forward(self, tokens: Tensor) -> Tensor:
        heads = self.query_key_value(self.norm(tokens)).unflatten(-1, (3, _HEADS, -1))
        query, key, value = heads.permute(2, 0, 3, 1, 4).unbind(0)
        mixed = F.scaled_dot_product_attention(query, key, value)
        tokens = tokens + self.dropout(self.mix(mixed.transpose(1, 2).flatten(2)))
        return tokens + self.dropout(self.each(tokens))


def _over_joints(norm: nn.BatchNorm1d, values: Tensor) -> Tensor:
    return norm(values.transpose(1, 2)).transpose(1, 2)


def refiner_inputs(
    joint_features: Tensor,
    box_features: Tensor,
    joints: Joints,
    bin_logits: Tensor,
    box_masks: Tensor,
    other_boxes_cells: Tensor | None,
) -> RefinerInputs:
    """What a refiner reads of N people.

    Parameters
    ----------
    joint_features : (N, J, C) own and the witness's
    box_features : (N, C') over the whole box
    bin_logits : (N, K)
    box_masks : (N, h, w) bool
    other_boxes_cells : as `HDNet.forward` takes it
    """
    box_cells = corners_of(box_masks)
    others = nobody_else(box_cells) if other_boxes_cells is None else other_boxes_cells
    places = places_of(joints, box_cells, others, box_masks.shape[-1])
    return RefinerInputs(joint_features, places, surroundings_of(box_features, box_cells, others), bin_logits)


def places_of(joints: Joints, box_cells: Tensor, other_boxes_cells: Tensor, size_cells: int) -> Tensor:
    """Where the joints lie (N, J, 13).

    From the root in units of the box's longer side, and in the patch; how far the witness moved each; how clear each
    is; and of every other person's box, whether a joint lies in it and how much lower it ends, which says who is nearer.

    Parameters
    ----------
    box_cells : (N, 4) corners of the own box
    other_boxes_cells : (N, `OTHERS_TOLD`, 4), NaN where there is nobody
    size_cells : side of the heatmaps
    """
    cells, middle = joints.cells, 0.5 * (size_cells - 1)
    side = longer_side(box_cells)
    from_root = (cells - cells[:, ROOT : ROOT + 1]) / side[:, None, None]
    in_patch = (cells - middle) / (middle + 0.5)
    moved = ((joints.own_cells - cells) / _FAR_APART_CELLS).clamp(-1.0, 1.0)
    clear = torch.stack([joints.peak / _PEAK_SCALE, joints.own_confidence, joints.confidence], -1)
    is_there = ~other_boxes_cells[..., 0].isnan()
    others = other_boxes_cells.nan_to_num(-1e4)
    points = cells.unsqueeze(2)
    lies_in = ((points >= others[:, None, :, :2]) & (points <= others[:, None, :, 2:])).all(-1).float()
    lower = ((others[..., 3] - box_cells[:, 3:]) / side[:, None]).clamp(-1.0, 1.0) * is_there
    return torch.cat([from_root, in_patch, moved, clear, lies_in, lies_in * lower.unsqueeze(1)], -1)


def surroundings_of(box_features: Tensor, box_cells: Tensor, other_boxes_cells: Tensor) -> Tensor:
    """Features over the whole box (N, C), and where others' boxes are beside the own: (N, C + 10)."""
    is_there = (~other_boxes_cells[..., 0].isnan()).float()
    middle = 0.5 * (box_cells[:, :2] + box_cells[:, 2:]).repeat(1, 2)
    beside = (other_boxes_cells.nan_to_num(0.0) - middle[:, None]) / longer_side(box_cells)[:, None, None]
    beside = beside.clamp(-2.0, 2.0) * is_there.unsqueeze(-1)
    return torch.cat([box_features, beside.flatten(1), is_there], -1)


def pose_of(joint_moves: Tensor, joints_cells: Tensor, box_masks: Tensor) -> PoseOutput:
    """The 3D pose of N people whose joints were found at `joints_cells` (N, J, 2); joints may lie outside their box."""
    side = longer_side(corners_of(box_masks))[:, None, None]
    return PoseOutput(joints_cells + joint_moves[..., :2] * side, joint_moves[..., 2] * DEPTH_UNIT_MM)


def moves_of(joints_cells: Tensor, relative_depth_mm: Tensor, found_cells: Tensor, box_masks: Tensor) -> Tensor:
    """`Refined.joint_moves` (N, J, 3) that would be right for true joints; `pose_of` undoes it."""
    side = longer_side(corners_of(box_masks))[:, None, None]
    return torch.cat([(joints_cells - found_cells) / side, relative_depth_mm.unsqueeze(-1) / DEPTH_UNIT_MM], -1)


def corners_of(box_masks: Tensor) -> Tensor:
    """Corners (N, 4) x0, y0, x1, y1, in cells, of what masks (N, h, w) bool cover, one cell at least each."""
    columns, rows = box_masks.any(-2).int(), box_masks.any(-1).int()
    first = [columns.argmax(-1), rows.argmax(-1)]
    last = [side.shape[-1] - 1 - side.flip(-1).argmax(-1) for side in (columns, rows)]
    return torch.stack(first + last, -1).float() + torch.tensor([-0.5, -0.5, 0.5, 0.5], device=box_masks.device)


def nobody_else(box_cells: Tensor) -> Tensor:
    """`other_boxes_cells` (N, `OTHERS_TOLD`, 4) of people who are alone in their boxes (N, 4), in a traced graph of any N."""
    return torch.full_like(box_cells, torch.nan).unsqueeze(1).repeat(1, OTHERS_TOLD, 1)


def at_joints(features: Tensor, joints_cells: Tensor, size_cells: int) -> Tensor:
    """Features (N, J, C) of coarse maps (N, C, h, w) at joints (N, J, 2) in cells of maps of side `size_cells`."""
    places = (joints_cells + 0.5) * (2.0 / size_cells) - 1.0
    found = F.grid_sample(features, places.unsqueeze(2), align_corners=False)
    return found.squeeze(-1).transpose(1, 2)


def over_box(features: Tensor, box_masks: Tensor) -> Tensor:
    """Mean (N, C) of coarse maps (N, C, h, w) over masks (N, H, W) of finer cells."""
    weights = _coarser(box_masks.float().unsqueeze(1), features.shape[-2:])
    return (features * weights).sum((-2, -1)) / weights.sum((-2, -1))


def _coarser(maps: Tensor, size_cells: torch.Size) -> Tensor:
    """Means of maps (N, 1, H, W) over the cells of coarser ones of a size (h, w)."""
    height, width, rows, columns = (int(side) for side in (*maps.shape[-2:], *size_cells))
    if height % rows or width % columns:
        return F.adaptive_avg_pool2d(maps, (rows, columns))
    # The same, and one that ONNX has.
    return F.avg_pool2d(maps, (height // rows, width // columns))


def longer_side(box_cells: Tensor) -> Tensor:
    """(N,) of boxes (N, 4) as corners."""
    return (box_cells[:, 2:] - box_cells[:, :2]).amax(-1)
