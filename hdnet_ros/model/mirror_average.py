"""What a network says of a picture and of its mirror image, averaged."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from hdnet_ros.core.patch_camera import PatchConvention
from hdnet_ros.core.skeleton import MIRRORED_JOINTS
from hdnet_ros.model.hdnet import HDNet, HDNetOutput
from hdnet_ros.model.heatmap import mask_logits
from hdnet_ros.model.pose3d import PoseOutput

_SMALLEST_PROBABILITY = 1e-30


class MirrorAverage(nn.Module):
    """Network whose answer is the mean of another's on each patch and on the mirrored patch.

    Which way round a picture is says nothing about depth: what differs between the two is error, and
    the mean loses part of it. Takes twice the time. Joints are decoded from the mean heatmaps; depth
    is the mean of both depths; the bins' probabilities are averaged, too, so a depth on which the two
    disagree has the larger sigma.

    Parameters
    ----------
    network : HDNet in eval mode

    Raises
    ------
    ValueError : a network of another kind, which has no heatmaps to average
    """

    def __init__(self, network: HDNet) -> None:
        super().__init__()
        if not isinstance(network, HDNet):
            raise ValueError(f"mirror_average is for HDNet, not for {type(network).__name__}")
        self.network = network

    def forward(
        self, images: Tensor, box_masks: Tensor, patch_index: Tensor | None = None
    ) -> HDNetOutput:
        """As `HDNet.forward`; both ways round go through the network in one batch."""
        if patch_index is None:
            patch_index = torch.arange(len(images), device=images.device)
        both = self.network(
            torch.cat([images, images.flip(-1)]),
            torch.cat([box_masks, box_masks.flip(-1)]),
            torch.cat([patch_index, patch_index + len(images)]),
        )
        with torch.autocast(images.device.type, enabled=False):
            heatmaps = _mean_maps(both.heatmaps)
            bin_probabilities = _mean(both.bin_probabilities)
            return HDNetOutput(
                mask_logits(_logarithm(heatmaps), box_masks),
                heatmaps,
                self.network.joints_of(heatmaps),
                _logarithm(bin_probabilities),
                bin_probabilities,
                _mean(both.bin_index),
                None if both.pose is None else _mean_pose(both.pose, box_masks.shape[-1]),
            )


def mirror_averaged(network: nn.Module, convention: PatchConvention) -> MirrorAverage:
    """Network that averages with the mirrored patch, for patches cut by a convention.

    Raises
    ------
    ValueError : a network of another kind, or patches whose mirror image is not centred (the authors')
    """
    if not convention.half_pixel:
        raise ValueError(
            "convention.half_pixel is false, as in the authors' weights: mirrored, their patches lie a px aside; "
            "leave mirror_average off"
        )
    return MirrorAverage(network)


def _mean(both: Tensor) -> Tensor:
    """Mean of the people of the patches (first half) and of the mirrored patches (second half)."""
    straight, mirrored = both.chunk(2)
    return 0.5 * (straight + mirrored)


def _mean_joints(both: Tensor) -> Tensor:
    straight, mirrored = both.chunk(2)
    return 0.5 * (straight + mirrored[:, MIRRORED_JOINTS])


def _mean_maps(both: Tensor) -> Tensor:
    straight, mirrored = both.chunk(2)
    return 0.5 * (straight + mirrored[:, MIRRORED_JOINTS].flip(-1))


def _mean_pose(both: PoseOutput, width_cells: int) -> PoseOutput:
    straight, mirrored = both.joints_cells.chunk(2)
    turned = torch.stack((width_cells - 1 - mirrored[..., 0], mirrored[..., 1]), dim=-1)
    return PoseOutput(
        _mean_maps(both.heatmaps),
        _mean_joints(both.slice_probabilities),
        _mean_joints(torch.cat([straight, turned])),
        _mean_joints(both.relative_depth_mm),
    )


def _logarithm(probabilities: Tensor) -> Tensor:
    return probabilities.clamp_min(_SMALLEST_PROBABILITY).log()
