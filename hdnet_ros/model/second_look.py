"""A second look at each person, at another scale and mirrored, and the mean of both answers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from hdnet_ros.core.patch import box_in_patch, patch_camera_for
from hdnet_ros.core.patch_camera import LADDER_FILL, PatchConvention
from hdnet_ros.core.skeleton import MIRRORED_JOINTS
from hdnet_ros.model.hdnet import HDNet, HDNetOutput
from hdnet_ros.model.heatmap import mask_logits
from hdnet_ros.model.look import Patches, PersonInImage, as_taken, network_inputs, other_boxes, reads_other_boxes
from hdnet_ros.model.pose3d import PoseOutput

_SMALLEST_PROBABILITY = 1e-30


class SecondLook(nn.Module):
    """Network whose answer is the mean of another's to two patches of each person.

    The first patch is cut as always, on the ladder; the second around the same middle so that the
    box fills it as a box on a rung does, and mirrored. Which way round a picture is and how large
    says nothing about depth: what differs between the two is error, and the mean loses part of it.
    A box that grows into the next rung moves only one of the two. Takes twice the time.

    Parameters
    ----------
    network : HDNet in eval mode
    convention : of the first patches

    Raises
    ------
    ValueError : a network of another kind, which has no heatmaps to average, or patches without
        ladder, not around the box, or (the authors') whose mirror image is not centred
    """

    patches_per_person = 2

    def __init__(self, network: HDNet, convention: PatchConvention) -> None:
        super().__init__()
        problem = second_look_problem(network, convention)
        if problem:
            raise ValueError(f"second_look: {problem}")
        self.network = network
        self._convention = convention
        self._second_convention = replace(
            convention, ladder=False, patch_per_box=1.0 / LADDER_FILL
        )

    def at(self, people: Sequence[PersonInImage], device: torch.device) -> HDNetOutput:
        """As `Look.at`; the second patch of each person is cut here."""
        seconds = [self._second_view(person) for person in people]
        patches, masks, patch_index = network_inputs(people, self._convention, device)
        second, second_masks, _ = network_inputs(seconds, self._second_convention, device)
        magnification = [
            theirs.patch_camera.focal_px / ours.patch_camera.focal_px
            for ours, theirs in zip(people, seconds, strict=True)
        ]
        both = Patches(patches.cuts + [_mirrored(cut) for cut in second.cuts], self._convention.input_px)
        return self._mean_of(
            as_taken(self.network, both),
            masks,
            patch_index,
            second_masks,
            torch.tensor(magnification, device=device),
            self._other_boxes(people, seconds, device),
        )

    def _other_boxes(
        self, people: Sequence[PersonInImage], seconds: Sequence[PersonInImage], device: torch.device
    ) -> Tensor | None:
        """Boxes of others in the first patches and in the second, mirrored ones; None where nobody reads them."""
        if not reads_other_boxes(self.network):
            return None
        second = other_boxes(seconds, self._second_convention, device)
        cells = self._convention.heatmap_px
        mirrored = torch.stack(
            [cells - 1 - second[..., 2], second[..., 1], cells - 1 - second[..., 0], second[..., 3]], -1
        )
        return torch.cat([other_boxes(people, self._convention, device), mirrored])

    def _second_view(self, person: PersonInImage) -> PersonInImage:
        box, camera = person.box_xywh_center_px, person.camera
        patch_camera = patch_camera_for(camera, box, self._second_convention)
        return replace(
            person, patch_camera=patch_camera, box_patch_px=box_in_patch(box, camera, patch_camera)
        )

    def forward(
        self,
        images: Tensor,
        box_masks: Tensor,
        patch_index: Tensor | None,
        second_images: Tensor,
        second_box_masks: Tensor,
        magnification: Tensor,
    ) -> HDNetOutput:
        """The mean in terms of the first patches; both go through the network in one batch.

        Parameters
        ----------
        images, box_masks, patch_index : as `HDNet.forward` has them
        second_images : (N, 3, S, S), not mirrored, one a person
        second_box_masks : (N, S / 4, S / 4) bool
        magnification : (N,) focal length of the second patch over that of the first
        """
        if patch_index is None:
            patch_index = torch.arange(len(images), device=images.device)
        both = torch.cat([images, second_images.flip(-1)])
        return self._mean_of(both, box_masks, patch_index, second_box_masks, magnification)

    def _mean_of(
        self,
        patches: Tensor | Patches,
        box_masks: Tensor,
        patch_index: Tensor,
        second_box_masks: Tensor,
        magnification: Tensor,
        other_boxes_cells: Tensor | None = None,
    ) -> HDNetOutput:
        """As `forward`, of the first patches and behind them the second ones, mirrored."""
        device = box_masks.device
        second_index = len(patches) - len(second_box_masks) + torch.arange(len(second_box_masks), device=device)
        both = self.network(
            patches,
            torch.cat([box_masks, second_box_masks.flip(-1)]),
            torch.cat([patch_index, second_index]),
            *(() if other_boxes_cells is None else (other_boxes_cells,)),
        )
        bins = self.network.config.bins
        with torch.autocast(device.type, enabled=False):
            magnification = magnification.float()
            heatmaps = _mean_maps(both.heatmaps, magnification) * box_masks.unsqueeze(1)
            heatmaps = heatmaps / heatmaps.sum((-2, -1), keepdim=True)
            # The same depth is one over the magnification as large in the second patch's terms.
            shift_bins = magnification.log() / bins.log_step
            first, second = both.bin_probabilities.chunk(2)
            bin_probabilities = 0.5 * (first + bins.shifted(second, shift_bins))
            first_index, second_index = both.bin_index.chunk(2)
            # In the last bin of either end there is no telling how much farther, shifted or not.
            is_known = (second_index >= 1.0) & (second_index <= bins.count - 2.0)
            second_index = second_index + shift_bins * is_known
            bin_index = 0.5 * (first_index + second_index)
            seen = (box_masks.shape[-2:], magnification)
            joints_cells = _mean_joints(both.joints_cells, *seen) if self.network.refiner else self.network.joints_of(heatmaps)
            return HDNetOutput(
                mask_logits(_logarithm(heatmaps), box_masks),
                heatmaps,
                joints_cells,
                _logarithm(bin_probabilities),
                bin_probabilities,
                bin_index.clamp(0.0, bins.count - 1.0),
                None if both.pose is None else _mean_pose(both.pose, *seen),
                None if both.existence_logit is None else sum(both.existence_logit.chunk(2)) / 2,
                None if both.log_sigma is None else sum(both.log_sigma.chunk(2)) / 2,
                None if both.child_logit is None else sum(both.child_logit.chunk(2)) / 2,
            )


def _mirrored(cut: Callable[[], Tensor]) -> Callable[[], Tensor]:
    return lambda: cut().flip(1)


def second_look_problem(network: nn.Module, convention: PatchConvention) -> str:
    """Why there can be no second look with a network and its patches; empty where there can."""
    if not isinstance(network, HDNet):
        return f"is for HDNet, not for {type(network).__name__}"
    if not convention.half_pixel:
        return "convention.half_pixel is false, as in the authors' weights: mirrored, their patches lie a px aside"
    if not convention.ladder or convention.centre != "box":
        return (
            f"convention has ladder {convention.ladder} and centre {convention.centre!r}, expected true and 'box': "
            "the second patch is cut at the box's own size"
        )
    return ""


def _mean(both: Tensor) -> Tensor:
    """Mean of the people of the first patches (first half) and of the mirrored second (second half)."""
    first, second = both.chunk(2)
    return 0.5 * (first + second[:, MIRRORED_JOINTS])


def _mean_maps(both: Tensor, magnification: Tensor) -> Tensor:
    first, second = both.chunk(2)
    second = _as_first_sees(second[:, MIRRORED_JOINTS].flip(-1), magnification)
    return 0.5 * (first + second)


def _as_first_sees(maps: Tensor, magnification: Tensor) -> Tensor:
    """Maps (N, J, h, w) of the second patches resampled to the first's scale, each summing to one.

    What the second patch does not reach is zero.
    """
    scaling = maps.new_zeros(len(maps), 2, 3)
    scaling[:, 0, 0] = scaling[:, 1, 1] = magnification
    grid = F.affine_grid(scaling, list(maps.shape), align_corners=False)
    seen = F.grid_sample(maps, grid, align_corners=False)
    return seen / seen.sum((-2, -1), keepdim=True).clamp_min(_SMALLEST_PROBABILITY)


def _mean_joints(both_cells: Tensor, size_cells: tuple[int, int], magnification: Tensor) -> Tensor:
    first, second = both_cells.chunk(2)
    height, width = size_cells
    turned = torch.stack((width - 1 - second[..., 0], second[..., 1]), dim=-1)
    middle = turned.new_tensor([0.5 * (width - 1), 0.5 * (height - 1)])
    return _mean(torch.cat([first, middle + (turned - middle) / magnification[:, None, None]]))


def _mean_pose(both: PoseOutput, size_cells: tuple[int, int], magnification: Tensor) -> PoseOutput:
    return PoseOutput(_mean_joints(both.joints_cells, size_cells, magnification), _mean(both.relative_depth_mm))


def _logarithm(probabilities: Tensor) -> Tensor:
    return probabilities.clamp_min(_SMALLEST_PROBABILITY).log()
