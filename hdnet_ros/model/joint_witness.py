"""A second network's word on where the joints are: one that has learnt keypoints on images of real people."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from hdnet_ros.core.keypoints import COCO_JOINTS
from hdnet_ros.core.skeleton import JOINT_NAMES
from hdnet_ros.model.fpn import make_backbone

# What a cell counts where the witness sees nothing: enough to be overruled, little against what it sees.
_NOTHING_SEEN = 0.02
# Strides 4, 8 and 16; what is coarser says nothing of a joint.
_LEVELS = 3


class JointWitness(nn.Module):
    """MoveNet's keypoint scores as logarithms that are added to the logits of heatmaps.

    Both networks were trained on other people, so that where one errs the other seldom errs alike. Only
    joints that both name count: MoveNet knows neither pelvis nor spine, thorax and head top, and its word
    moves neither the root nor the depth, unless a refiner reads what it says. It is not trained further.

    Parameters
    ----------
    backbone : "movenet_lightning" or "movenet_thunder"
    input_px : side to which patches are resized for it
    """

    def __init__(self, backbone: str, input_px: int) -> None:
        super().__init__()
        self.input_px = input_px
        self.backbone = make_backbone(backbone).requires_grad_(False)
        keypoints = [COCO_JOINTS.index(name) if name in COCO_JOINTS else -1 for name in JOINT_NAMES]
        is_known = torch.tensor([keypoint >= 0 for keypoint in keypoints]).view(1, -1, 1, 1)
        self.register_buffer("_keypoints", torch.tensor(keypoints).clamp_min(0), persistent=False)
        self.register_buffer("_is_known", is_known.float(), persistent=False)
        self._is_in_order = False

    @property
    def level_channels(self) -> tuple[int, ...]:
        """Channels of the levels that `forward` returns."""
        return tuple(self.backbone.level_channels[:_LEVELS])

    def forward(self, images: Tensor) -> tuple[Tensor, ...]:
        """What is to be added to the logits, and the features that it comes from.

        Parameters
        ----------
        images : (B, 3, S, S), RGB from 0 to 255

        Returns
        -------
        (B, J, S / 4, S / 4), zero for joints that it does not know, and its levels (B, C, h, w): the finest with as many
        cells, the others at strides 8 and 16 of what it was given
        """
        cells, images = images.shape[-1] // 4, images.float()
        if images.shape[-1] != self.input_px:
            images = _resized(images, self.input_px)
        finest, *coarser = self.backbone(images)[:_LEVELS]
        logits = self.backbone.keypoint_logits(finest)
        scores = torch.sigmoid((logits if self._is_in_order else logits[:, self._keypoints]).float())
        if scores.shape[-1] != cells:
            scores, finest = (_resized(maps, cells) for maps in (scores, finest))
        # Both agree on a joint where their peaks lie a cell apart.
        scores = F.avg_pool2d(scores, 3, stride=1, padding=1)
        return (scores + _NOTHING_SEEN).log() * self._is_known, finest, *coarser

    @torch.no_grad()
    def put_in_order(self) -> None:
        """Have the last convolution compute joints in the skeleton's order; equal, and not to be stored."""
        last = self.backbone.keypoints[-1]
        last.weight, last.bias = (nn.Parameter(values[self._keypoints], False) for values in (last.weight, last.bias))
        self._is_in_order = True


def _resized(maps: Tensor, side: int) -> Tensor:
    return F.interpolate(maps, size=[side, side], mode="bilinear", align_corners=False)
