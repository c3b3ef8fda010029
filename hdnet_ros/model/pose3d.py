"""Root-relative 3D pose by integral regression: volumetric heatmaps and their expectation.

The pose network of the paper's reference 29 (Sun et al., ECCV 2018, arXiv 1711.08229): one volume a
joint, softmax over the cells of the person's box, soft-argmax in x, y and z.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from hdnet_ros.model.fpn import BACKBONES, MOST_CHANNELS, make_backbone
from hdnet_ros.model.heatmap import MASKED_LOGIT, soft_argmax_cells

SHARED = "shared"


@dataclass(frozen=True)
class PoseConfig:
    """Architecture of an `IntegralPose`; the defaults are the paper's.

    Parameters
    ----------
    backbone : "resnet50" or "efficientnet_lite0", the pose's own, with three deconvolutions to
        stride 4; "shared" reads HDNet's pyramid at stride 8, so that both answers cost one backbone
    slices : depth slices of a volume
    half_range_mm : slices cover this much before and behind the root
    channels : of the layers before the volume
    """

    backbone: str = "resnet50"
    slices: int = 64
    half_range_mm: float = 1000.0
    channels: int = 256

    def __post_init__(self) -> None:
        if self.backbone not in (SHARED, *BACKBONES):
            known = ", ".join([SHARED, *sorted(BACKBONES)])
            raise ValueError(f"pose backbone is {self.backbone!r}, expected one of {known}")
        for name, smallest in (("slices", 2), ("channels", 1)):
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, int) or not smallest <= value <= MOST_CHANNELS:
                raise ValueError(f"{name} is {str(value)[:80]}, expected an integer of at least {smallest}, at most {MOST_CHANNELS}")
        if not 0.0 < self.half_range_mm < float("inf"):
            raise ValueError(f"half_range_mm is {self.half_range_mm}, expected above 0")

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> PoseConfig:
        """Config from a mapping; an unknown key is a ValueError that names it."""
        known = [f.name for f in fields(cls)]
        unknown = sorted(set(values) - set(known))
        if unknown:
            raise ValueError(f"unknown pose key {unknown[0]!r}, expected one of {', '.join(known)}")
        return cls(**values)


class PoseOutput(NamedTuple):
    """The pose of N people.

    Attributes
    ----------
    joints_cells : (N, J, 2) x, y in cells of HDNet's heatmaps (stride 4)
    relative_depth_mm : (N, J) along the patch's axis, from the root, positive behind it
    heatmaps : (N, J, h, w) volumes summed over depth, each summing to one; None where there are no volumes
    slice_probabilities : (N, J, D) volumes summed over the patch, nearest slice first; None where there are no volumes
    """

    joints_cells: Tensor
    relative_depth_mm: Tensor
    heatmaps: Tensor | None = None
    slice_probabilities: Tensor | None = None


class IntegralPose(nn.Module):
    """Volumetric heatmaps of every joint, from HDNet's features or from a backbone of its own.

    On HDNet's features the volume starts as HDNet's own heatmaps, spread evenly over the slices:
    where a joint is in the patch is known, and left to learn is its depth.

    Parameters
    ----------
    pyramid_channels : of HDNet's pyramid; not read with a backbone of its own
    joint_count : J
    """

    def __init__(self, config: PoseConfig, pyramid_channels: int, joint_count: int) -> None:
        super().__init__()
        self.config = config
        self.joint_count = joint_count
        self.backbone = None if config.backbone == SHARED else make_backbone(config.backbone)
        is_shared = self.backbone is None
        if self.backbone is None:
            self.neck: nn.Module = PyramidNeck(pyramid_channels, config.channels)
        else:
            self.neck = _deconvolutions(self.backbone.level_channels[-1], config.channels)
        self.volume = nn.Conv2d(config.channels, joint_count * config.slices, 1)
        if is_shared:
            nn.init.zeros_(self.volume.weight)
            nn.init.zeros_(self.volume.bias)
        half = config.half_range_mm
        edges = torch.linspace(-half, half, config.slices + 1)
        self.register_buffer("slices_mm", 0.5 * (edges[1:] + edges[:-1]), persistent=False)

    def forward(self, images: Tensor, pyramid: list[Tensor], heatmap_logits: Tensor) -> Tensor:
        """Logits of the volumes, per patch.

        Parameters
        ----------
        images : (B, 3, S, S) RGB from 0 to 255
        pyramid : [P2, P3, P4, P5] of HDNet
        heatmap_logits : (B, J, S / 4, S / 4) of HDNet, before any box mask; as the pyramid read
            with the shared backbone only

        Returns
        -------
        (B, J, D, h, w), h = w = S / 8 on HDNet's features, S / 4 with a backbone of its own
        """
        if self.backbone is None:
            features = self.neck(pyramid)
        else:
            features = self.neck(self.backbone(images)[-1])
        volumes = self.volume(features).unflatten(1, (self.joint_count, self.config.slices))
        if self.backbone is None:
            volumes = volumes + _halved(heatmap_logits.float()).unsqueeze(2)
        return volumes

    def decode(
        self, volumes: Tensor, box_masks: Tensor, patch_index: Tensor | None = None
    ) -> PoseOutput:
        """Softmax inside each person's box, and soft-argmax in x, y and z.

        Parameters
        ----------
        volumes : (B, J, D, h, w) logits, float32
        box_masks : (N, S / 4, S / 4) bool
        patch_index : (N,) long, the patch each person is in; None means person n is in patch n
        """
        cell = box_masks.shape[-1] // volumes.shape[-1]
        masks = box_masks if cell == 1 else F.max_pool2d(box_masks.float().unsqueeze(1), cell).squeeze(1) > 0.5
        volumes = volumes if patch_index is None else volumes[patch_index]
        logits = volumes.masked_fill(~masks[:, None, None], MASKED_LOGIT)
        probabilities = torch.softmax(logits.flatten(2), dim=-1).view_as(logits)
        heatmaps = probabilities.sum(2)
        slices = probabilities.sum((-2, -1))
        joints_cells = soft_argmax_cells(heatmaps) * cell + 0.5 * (cell - 1)
        return PoseOutput(joints_cells, slices @ self.slices_mm, heatmaps, slices)

    def load_backbone(self, state: Mapping[str, Tensor]) -> None:
        """Fill the pose's own backbone, for instance from `fpn.pretrained_backbone_state`."""
        if self.backbone is None:
            raise ValueError("the backbone is shared with HDNet, expected one of the pose's own")
        self.backbone.load_state_dict(state)

    def backbone_parameters(self) -> Iterator[nn.Parameter]:
        """Parameters that come pretrained; none with the shared backbone."""
        return iter(()) if self.backbone is None else self.backbone.parameters()

    def freeze_backbone_stages(self, count: int) -> None:
        """Keep the first `count` of stem, C2, C3, C4, C5 as they are while training."""
        if self.backbone is not None:
            self.backbone.freeze_stages(count)


class PyramidNeck(nn.Module):
    """P3, P4 and P5 reduced, brought to P3's resolution, added and convolved."""

    def __init__(self, in_channels: int, channels: int) -> None:
        super().__init__()
        self.reduce = nn.ModuleList(nn.Conv2d(in_channels, channels, 1) for _ in range(3))
        self.mix = nn.Sequential(
            nn.BatchNorm2d(channels),
            nn.ReLU(inplace=True),
            nn.Conv2d(channels, channels, 3, padding=1, bias=False),
            nn.BatchNorm2d(channels),
            nn.ReLU(inplace=True),
        )

    def forward(self, pyramid: list[Tensor]) -> Tensor:
        """[P2, P3, P4, P5] to (B, channels, h, w) of P3's size."""
        size = pyramid[1].shape[-2:]
        levels = [reduce(p) for reduce, p in zip(self.reduce, pyramid[1:], strict=True)]
        return self.mix(sum(F.interpolate(p, size=size, mode="nearest") for p in levels))


def _deconvolutions(in_channels: int, channels: int) -> nn.Sequential:
    """Stride 32 to stride 4."""
    layers: list[nn.Module] = []
    for cin in (in_channels, channels, channels):
        layers += [
            nn.ConvTranspose2d(cin, channels, 4, stride=2, padding=1, bias=False),
            nn.BatchNorm2d(channels),
            nn.ReLU(inplace=True),
        ]
    return nn.Sequential(*layers)


def _halved(logits: Tensor) -> Tensor:
    """Logits (B, J, 2 h, 2 w) of cells to those of 2 x 2 cells: their probabilities add."""
    height, width = logits.shape[-2] // 2, logits.shape[-1] // 2
    blocks = logits.unflatten(-1, (width, 2)).unflatten(-3, (height, 2))
    return blocks.logsumexp((-3, -1))
