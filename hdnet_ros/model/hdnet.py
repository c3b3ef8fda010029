"""HDNet (Lin and Lee, ECCV 2020): 2D joints and the depth of the root joint of each person.

The forward pass reads like Figure 2 of the paper (arXiv 2007.08943).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import NamedTuple

import torch
from torch import Tensor, nn

from hdnet_ros.core.skeleton import LEFT_RIGHT_PAIRS
from hdnet_ros.model.branch import MultiScaleBranch
from hdnet_ros.model.config import HDNetConfig, hdnet_lite, hdnet_resnet50
from hdnet_ros.model.existence import ExistenceHead
from hdnet_ros.model.fpn import FeaturePyramid, make_backbone
from hdnet_ros.model.heatmap import (
    CONFIDENCE_REACH_CELLS,
    MASKED_LOGIT,
    mask_logits,
    mass_around,
    separated_pairs_cells,
    soft_argmax_cells,
    spatial_softmax,
    windowed_soft_argmax_cells,
)
from hdnet_ros.model.joint_witness import JointWitness
from hdnet_ros.model.pieces import Piece, SplitFeatures, pool_in_window
from hdnet_ros.model.pose3d import IntegralPose, PoseOutput
from hdnet_ros.model.refiner import (
    DepthRefiner,
    Joints,
    at_joints,
    over_box,
    pose_of,
    refiner_inputs,
)
from hdnet_ros.model.sigma import SigmaHead
from hdnet_ros.model.skeleton_gnn import SkeletonGNN
from hdnet_ros.model.window import Window

__all__ = ["HDNet", "HDNetConfig", "HDNetMaps", "HDNetOutput", "hdnet_lite", "hdnet_resnet50"]


class HDNetMaps(NamedTuple):
    """What HDNet's convolutions say of B patches, before anybody's box is looked at.

    Attributes
    ----------
    heatmap_logits : (B, J, S / 4, S / 4)
    depth_features : (B, C, S / 4, S / 4), or the same in pieces
    volumes : (B, J, D, h, w) logits of the 3D pose, or None where the network has no pose head
    witness : (B, J, S / 4, S / 4) what a `JointWitness` adds to the logits, or None without one
    witness_levels : three maps of the witness's features, at strides 4, 8 and 16, or None where nothing reads them
    """

    heatmap_logits: Tensor
    depth_features: Tensor | SplitFeatures
    volumes: Tensor | None = None
    witness: Tensor | None = None
    witness_levels: tuple[Tensor, ...] | None = None


class HDNetOutput(NamedTuple):
    """What HDNet says of N people; float32 whatever the network computes in.

    Attributes
    ----------
    heatmap_logits : (N, J, h, w), -1e15 outside the person's box
    heatmaps : (N, J, h, w), each summing to one
    joints_cells : (N, J, 2) x, y in heatmap cells; a refiner's, which may lie outside the box, where there is one
    bin_logits, bin_probabilities : (N, K) over the depth bins; with direct regression the two-bin
        target of the regressed index stands in, so that readers need not tell the two apart
    bin_index : (N,) mean of the bins, or in eval mode their median where `median_depth` says so
    pose : the root-relative 3D pose, or None where the network has neither pose head nor refiner
    existence_logit : (N,) of the probability that somebody is in the box, or None where the network does
        not say
    log_sigma : (N,) logarithm of the standard deviation of ln(depth), or None where the network leaves
        that to the spread of its bins
    child_logit : (N,) of the probability that the person is a child, or None where the network does not say
    """

    heatmap_logits: Tensor
    heatmaps: Tensor
    joints_cells: Tensor
    bin_logits: Tensor
    bin_probabilities: Tensor
    bin_index: Tensor
    pose: PoseOutput | None = None
    existence_logit: Tensor | None = None
    log_sigma: Tensor | None = None
    child_logit: Tensor | None = None


class HDNet(nn.Module):
    """Human depth estimation network.

    Parameters
    ----------
    config : architecture; weights are random until a checkpoint or `load_backbone` fills them

    Attributes
    ----------
    takes_patches : whether images may come as `Patches`, cut one by one; in a copy made by `with_maps`
    tells_heatmap_joints : whether joints are told as the heatmaps have them, and not those of a refiner's 3D pose: where
        the two are to be compared
    """

    takes_patches = False
    tells_heatmap_joints = False

    def __init__(self, config: HDNetConfig) -> None:
        super().__init__()
        self.config = config
        self.backbone = make_backbone(config.backbone)
        self.fpn = FeaturePyramid(
            self.backbone.level_channels, config.fpn_channels, config.smooth_p2, config.smooth_p5
        )
        widths = (config.fpn_channels, config.branch_mid_channels, config.branch_channels)
        self.heatmap_branch = MultiScaleBranch(*widths, config.upsample_first)
        self.depth_branch = (
            None if config.shared_branch else MultiScaleBranch(*widths, config.upsample_first)
        )
        branch_channels = 4 * config.branch_channels
        self.heatmap_head = nn.Conv2d(branch_channels, config.joint_count, 1)
        self.gnn = (
            SkeletonGNN(
                branch_channels,
                config.gnn_channels,
                config.gnn_layers,
                config.joint_count,
                config.links,
            )
            if config.use_gnn
            else None
        )
        self.depth_head = nn.Linear(
            config.gnn_channels if config.use_gnn else branch_channels,
            1 if config.direct_regression else config.bins.count,
        )
        if config.direct_regression:
            nn.init.constant_(self.depth_head.bias, 0.5 * (config.bins.count - 1))
        self.existence = ExistenceHead(branch_channels, config.joint_count) if config.existence else None
        witness = config.joint_witness
        self.witness = JointWitness(witness, config.joint_witness_px) if witness else None
        self.refiner = self._make_refiner(branch_channels) if config.refiner_layers else None
        depth_channels = self.depth_head.in_features
        self.sigma_head = SigmaHead(depth_channels, config.joint_count) if config.sigma_head else None
        self.pose = (
            IntegralPose(config.pose, config.fpn_channels, config.joint_count)
            if config.pose
            else None
        )

    def _make_refiner(self, branch_channels: int) -> DepthRefiner:
        assert self.witness is not None
        config, levels = self.config, self.witness.level_channels
        return DepthRefiner(
            branch_channels + sum(levels),
            branch_channels + levels[-1],
            config.joint_count,
            config.bins.count,
            config.refiner_channels,
            config.refiner_layers,
        )

    def features(self, images: Tensor) -> list[Tensor]:
        """Pyramid [P2, P3, P4, P5] of (B, 3, S, S) images."""
        return self.fpn(self.backbone(images))

    @property
    def reads_other_boxes(self) -> bool:
        """Whether `other_boxes_cells` makes a difference."""
        return self.refiner is not None

    def forward(
        self,
        images: Tensor,
        box_masks: Tensor,
        patch_index: Tensor | None = None,
        other_boxes_cells: Tensor | None = None,
    ) -> HDNetOutput:
        """Estimate N people in B patches.

        Parameters
        ----------
        images : (B, 3, S, S) RGB from 0 to 255, uint8 or floating
        box_masks : (N, S / 4, S / 4) bool, the cells of each person's box, at least one
        patch_index : (N,) long, the patch each person is in; None means person n is in patch n
        other_boxes_cells : (N, 2, 4) corners of the boxes of others that overlap each person's, widened as the masks are,
            NaN where there are none; None says nobody's does. Only a network with a refiner reads them.

        Raises
        ------
        ValueError : sizes that do not belong together
        """
        _check_inputs(images, box_masks, patch_index)
        return self.read(self.maps(images), box_masks, patch_index, other_boxes_cells)

    def maps(self, images: Tensor) -> HDNetMaps:
        """What the convolutions make of (B, 3, S, S) patches, whoever is in them.

        Nearly all of the cost, and a graph without choices: what an inference engine compiles.
        """
        pyramid = self.features(images)
        heatmap_features = self.heatmap_branch(pyramid)
        depth_features = self.depth_branch(pyramid) if self.depth_branch else heatmap_features
        logits = self.heatmap_head(heatmap_features)
        volumes = self.pose(images, pyramid, logits) if self.pose else None
        witness, *levels = self.witness_maps(images) or (None,)
        return HDNetMaps(logits, depth_features, volumes, witness, tuple(levels) or None)

    def witness_maps(self, images: Tensor) -> tuple[Tensor, ...]:
        """`witness` of `HDNetMaps` and, where they are read, its levels; nothing without a witness."""
        if self.witness is None:
            return ()
        return self.witness(images)[: None if self.refiner else 1]

    @property
    def depth_pieces(self) -> tuple[tuple[Piece, ...], ...]:
        """The pieces that the depth features have where they are split."""
        return (self.depth_branch or self.heatmap_branch).pieces

    @property
    def map_names(self) -> tuple[str, ...]:
        """Which of `HDNetMaps` this network has, in their order."""
        has = {
            "volumes": self.pose is not None,
            "witness": self.witness is not None,
            "witness_levels": self.refiner is not None,
        }
        return tuple(name for name in HDNetMaps._fields if has.get(name, True))

    def read(
        self,
        maps: HDNetMaps,
        box_masks: Tensor,
        patch_index: Tensor | None = None,
        other_boxes_cells: Tensor | None = None,
    ) -> HDNetOutput:
        """Read N people off the maps of B patches; parameters as `forward` has them."""
        window = Window.around(box_masks, patch_index, len(maps.heatmap_logits), self.training)
        # Sums over thousands of cells and the depth itself do not bear bfloat16's 8 bits.
        with torch.autocast(box_masks.device.type, enabled=False):
            own_logits = mask_logits(window.cut(maps.heatmap_logits), window.inside)
            own = spatial_softmax(own_logits)
            heard_logits, heard = self._heard(maps, own_logits, own, window)
            joints = self._joints(own_logits, own, heard, window)
            joint_features, box_features = self._pooled(maps, own, window)
            person_features = (self.gnn(joint_features) if self.gnn else joint_features).mean(dim=1)
            depth = self.depth_head(person_features)
            evidence = (joints.peak, joints.own_confidence)
            existence = self.existence(joint_features, *evidence) if self.existence else None
            child_logit, pose = None, None
            if self.refiner:
                seen = self._seen(maps.witness_levels, joint_features, box_features, own, joints, window)
                refined = self.refiner(*refiner_inputs(*seen, joints, depth, box_masks, other_boxes_cells))
                depth, child_logit = refined.bin_logits, refined.child_logit
                pose = pose_of(refined.joint_moves, joints.cells, box_masks)
                if not self.tells_heatmap_joints:
                    joints = joints._replace(cells=pose.joints_cells)
            bin_logits, bin_probabilities, bin_index = self._depth(depth)
            log_sigma = None
            if self.sigma_head:
                log_sigma = self.sigma_head(person_features, bin_probabilities, bin_index, *evidence)
            if self.pose and maps.volumes is not None:
                pose = self.pose.decode(maps.volumes.float(), box_masks, window.patch_index)
        return HDNetOutput(
            window.in_whole_map(heard_logits, MASKED_LOGIT),
            window.in_whole_map(heard, 0.0),
            joints.cells,
            bin_logits,
            bin_probabilities,
            bin_index,
            pose,
            existence,
            log_sigma,
            child_logit,
        )

    def _heard(self, maps: HDNetMaps, own_logits: Tensor, own: Tensor, window: Window) -> tuple[Tensor, Tensor]:
        """Logits and heatmaps with the witness's word; the own ones without a witness."""
        if maps.witness is None:
            return own_logits, own
        logits = mask_logits(window.cut(maps.heatmap_logits) + window.cut(maps.witness), window.inside)
        return logits, spatial_softmax(logits)

    def _joints(self, own_logits: Tensor, own: Tensor, heard: Tensor, window: Window) -> Joints:
        """Joints of heatmaps within a window, the witness not heard and heard."""
        cells = self.joints_of(heard)
        # Without a witness nothing is heard but the own maps.
        is_same = heard is own and not self.training
        own_cells = (cells if is_same else self._decoded(own)).detach()
        own_confidence = mass_around(own, own_cells, CONFIDENCE_REACH_CELLS)
        confidence = own_confidence if is_same else mass_around(heard, cells, CONFIDENCE_REACH_CELLS)
        first, peak = window.first_cell, own_logits.flatten(2).amax(-1)
        return Joints(cells + first, own_cells + first, peak, own_confidence, confidence)

    def _pooled(self, maps: HDNetMaps, heatmaps: Tensor, window: Window) -> tuple[Tensor, Tensor]:
        """Depth features at the joints (N, J, C), and over the box (N, C) where a refiner reads them."""
        even = _even(window.inside, heatmaps)
        weights = heatmaps if self.config.heatmap_pooling else even
        weights = torch.cat([weights, even[:, :1]], 1) if self.refiner else weights
        pooled = pool_in_window(weights, maps.depth_features, window.rows, window.columns, window.patch_index)
        return pooled[:, : self.config.joint_count], pooled[:, -1]

    def _seen(
        self,
        levels: tuple[Tensor, ...] | None,
        joint_features: Tensor,
        box_features: Tensor,
        weights: Tensor,
        joints: Joints,
        window: Window,
    ) -> tuple[Tensor, Tensor]:
        """Own features and the witness's, at the joints (N, J, C), of all levels, and over the box (N, C), of the coarsest."""
        assert levels is not None
        finest, *coarser = levels
        found = [joint_features, pool_in_window(weights, finest, window.rows, window.columns, window.patch_index)]
        for level in coarser:
            level = window.of_each(level)
            found.append(at_joints(level, joints.own_cells, finest.shape[-1]))
        return torch.cat(found, -1), torch.cat([over_box(level, window.masks), box_features], -1)

    def joints_of(self, heatmaps: Tensor) -> Tensor:
        """Joints (N, J, 2) in cells of heatmaps (N, J, h, w), decoded as the configuration says."""
        return soft_argmax_cells(heatmaps) if self.training else self._decoded(heatmaps)

    def _decoded(self, heatmaps: Tensor) -> Tensor:
        radius = self.config.decode_radius_cells
        if not radius:
            return soft_argmax_cells(heatmaps)
        joints_cells = windowed_soft_argmax_cells(heatmaps, radius)
        if self.config.separate_pairs:
            return separated_pairs_cells(heatmaps, joints_cells, LEFT_RIGHT_PAIRS, radius)
        return joints_cells

    def _depth(self, depth: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        bins = self.config.bins
        if self.config.direct_regression:
            bin_index = depth.squeeze(-1)
            probabilities = bins.target(bin_index.detach().nan_to_num())
            return probabilities.clamp_min(1e-12).log(), probabilities, bin_index
        probabilities = torch.softmax(depth, dim=-1)
        if self.config.median_depth and not self.training:
            return depth, probabilities, bins.median(probabilities)
        return depth, probabilities, bins.soft_argmax(probabilities)

    def load_backbone(self, state: Mapping[str, Tensor]) -> None:
        """Fill the backbone, for instance from `fpn.pretrained_backbone_state`."""
        self.backbone.load_state_dict(state)

    def backbone_parameters(self) -> Iterator[nn.Parameter]:
        """Parameters that come pretrained, for a learning rate of their own."""
        return self.backbone.parameters()

    def freeze_backbone_stages(self, count: int) -> None:
        """Keep the first `count` of stem, C2, C3, C4, C5 as they are while training."""
        self.backbone.freeze_stages(count)


def _even(box_masks: Tensor, heatmaps: Tensor) -> Tensor:
    inside = box_masks.unsqueeze(1).to(heatmaps.dtype)
    return (inside / inside.sum((-2, -1), keepdim=True)).expand_as(heatmaps)


def _check_inputs(images: Tensor, box_masks: Tensor, patch_index: Tensor | None) -> None:
    if images.ndim != 4 or images.shape[1] != 3 or images.shape[-1] % 32 or images.shape[-2] % 32:
        raise ValueError(
            f"images have shape {tuple(images.shape)}, expected (B, 3, S, S), S a multiple of 32"
        )
    cells = (images.shape[-2] // 4, images.shape[-1] // 4)
    if box_masks.ndim != 3 or tuple(box_masks.shape[1:]) != cells or box_masks.dtype != torch.bool:
        raise ValueError(
            f"box_masks have shape {tuple(box_masks.shape)} and type {box_masks.dtype},"
            f" expected (N, {cells[0]}, {cells[1]}) of bool"
        )
    people = len(images) if patch_index is None else len(patch_index)
    if len(box_masks) != people:
        raise ValueError(f"{len(box_masks)} box masks for {people} people")
