"""RootNet (Moon et al., ICCV 2019): the root joint's pixel and a factor on the depth its box says.

The rival that HDNet is compared with. k = sqrt(fx fy A_real / A_box) is how far away a person would
be who fills 2 m x 2 m; the network corrects it by gamma, depth = k * gamma. A_box is the patch
itself, the square box of `PatchConvention.patch_per_box`, so with P px to its side k = f * 2000 / P.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field, fields
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from hdnet_ros.core.depth_bins import DepthBins, normalise_depth
from hdnet_ros.core.skeleton import JOINT_NAMES, ROOT
from hdnet_ros.model.fpn import BACKBONES, MOST_CHANNELS, make_backbone
from hdnet_ros.model.heatmap import soft_argmax_cells, spatial_softmax

SIDE_REAL_MM = 2000.0
"""Side of the square that a person is taken to fill, A_real = 2000 mm x 2000 mm."""

_DECONVOLUTIONS = 3


@dataclass(frozen=True)
class RootNetConfig:
    """Architecture of a `RootNet`; the defaults are the paper's.

    Parameters
    ----------
    backbone : "resnet50", the paper's, or "efficientnet_lite0"
    deconvolution_channels : of each of the three deconvolutions
    bins : in which depth is told, as by `HDNet`; RootNet itself has none, beyond their ends its
        depth is cut off. The ladder's reach from gamma 0.17 to 7.7.
    """

    backbone: str = "resnet50"
    deconvolution_channels: int = 256
    bins: DepthBins = field(default_factory=DepthBins.ladder)

    def __post_init__(self) -> None:
        if self.backbone not in BACKBONES:
            raise ValueError(f"backbone is {self.backbone!r}, expected one of {sorted(BACKBONES)}")
        channels = self.deconvolution_channels
        if isinstance(channels, bool) or not isinstance(channels, int) or not 1 <= channels <= MOST_CHANNELS:
            raise ValueError(f"deconvolution_channels is {str(channels)[:80]}, expected an integer of at least 1, at most {MOST_CHANNELS}")
        if isinstance(self.bins, Mapping):
            object.__setattr__(self, "bins", DepthBins.from_dict(dict(self.bins)))

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> RootNetConfig:
        """Config from a mapping as `to_dict` makes it; an unknown key is a ValueError naming it."""
        known = [f.name for f in fields(cls)]
        unknown = sorted(set(values) - set(known))
        if unknown:
            raise ValueError(f"unknown network key {unknown[0]!r}, expected one of {', '.join(known)}")
        return cls(**values)

    @property
    def joint_count(self) -> int:
        """Joints of the output; all but the root are left open."""
        return len(JOINT_NAMES)

    def to_dict(self) -> dict[str, Any]:
        """Plain values that JSON and YAML can hold."""
        return asdict(self)


class RootNetOutput(NamedTuple):
    """What RootNet says of N people: `gamma`, and the same in the terms of `HDNetOutput`.

    Attributes
    ----------
    heatmap_logits, heatmaps : (N, J, h, w), the root's map seen J times without a copy
    joints_cells : (N, J, 2) x, y in heatmap cells; NaN for every joint but the root
    bin_logits, bin_probabilities : (N, K), the two-bin target of bin_index
    bin_index : (N,) of the depth; NaN where gamma is not positive
    gamma : (N,) depth over k
    pose : None, there is no 3D pose
    """

    heatmap_logits: Tensor
    heatmaps: Tensor
    joints_cells: Tensor
    bin_logits: Tensor
    bin_probabilities: Tensor
    bin_index: Tensor
    gamma: Tensor
    pose: None = None


class RootNet(nn.Module):
    """Backbone, three deconvolutions to one heatmap, and gamma from the pooled backbone.

    Parameters
    ----------
    config : architecture; weights are random until a checkpoint or `load_backbone` fills them
    """

    def __init__(self, config: RootNetConfig) -> None:
        super().__init__()
        self.config = config
        self.backbone = make_backbone(config.backbone)
        deepest, channels = self.backbone.level_channels[-1], config.deconvolution_channels
        widths = [deepest] + [channels] * _DECONVOLUTIONS
        self.deconvolutions = nn.Sequential(*map(_deconvolution, widths[:-1], widths[1:]))
        self.heatmap_head = nn.Conv2d(channels, 1, 1)
        self.gamma_head = nn.Linear(deepest, 1)
        self._initialise()

    def _initialise(self) -> None:
        for module in (*self.deconvolutions.modules(), self.heatmap_head, self.gamma_head):
            if isinstance(module, (nn.Conv2d, nn.ConvTranspose2d, nn.Linear)):
                nn.init.normal_(module.weight, std=0.001)
        nn.init.zeros_(self.heatmap_head.bias)
        # Training starts from the box alone; an upright adult in a patch of 1.25 boxes has 1.06.
        nn.init.ones_(self.gamma_head.bias)

    def forward(
        self, images: Tensor, box_masks: Tensor | None = None, patch_index: Tensor | None = None
    ) -> RootNetOutput:
        """Estimate N people in as many patches.

        Parameters
        ----------
        images : (N, 3, S, S) RGB from 0 to 255, uint8 or floating
        box_masks : not read, the patch is the box; here so that `HDNet`'s callers need not differ
        patch_index : (N,) long, each patch once in its order; None means just that

        Raises
        ------
        ValueError : several people in a patch: pooled features could not tell them apart
        """
        if patch_index is not None and not torch.equal(
            patch_index, torch.arange(len(images), device=patch_index.device)
        ):
            raise ValueError(
                f"{len(patch_index)} people in {len(images)} patches, expected one person per patch"
            )
        features = self.backbone(images)[-1]
        logits = self.heatmap_head(self.deconvolutions(features))
        with torch.autocast(images.device.type, enabled=False):
            gamma = self.gamma_head(features.float().mean((-2, -1))).squeeze(-1)
            return self._output(logits.float(), gamma)

    def _output(self, logits: Tensor, gamma: Tensor) -> RootNetOutput:
        bins = self.config.bins
        heatmaps = spatial_softmax(logits)
        root_cells = soft_argmax_cells(heatmaps)
        joints = self.config.joint_count
        joints_cells = torch.full_like(root_cells, torch.nan).repeat(1, joints, 1)
        joints_cells[:, ROOT] = root_cells[:, 0]
        bin_index = bins.index(normalised_depth_of(gamma))
        probabilities = bins.target(bin_index.detach().nan_to_num())
        return RootNetOutput(
            logits.expand(-1, joints, -1, -1),
            heatmaps.expand(-1, joints, -1, -1),
            joints_cells,
            probabilities.clamp_min(1e-12).log(),
            probabilities,
            bin_index,
            gamma,
        )

    def load_backbone(self, state: Mapping[str, Tensor]) -> None:
        """Fill the backbone, for instance from `fpn.pretrained_backbone_state`."""
        self.backbone.load_state_dict(state)

    def backbone_parameters(self) -> Iterator[nn.Parameter]:
        """Parameters that come pretrained, for a learning rate of their own."""
        return self.backbone.parameters()

    def freeze_backbone_stages(self, count: int) -> None:
        """Keep the first `count` of stem, C2, C3, C4, C5 as they are while training."""
        self.backbone.freeze_stages(count)


def k_mm(focal_px, side_px):
    """k = sqrt(fx fy A_real / A_box) in mm, for f = sqrt(fx fy) and a square box, any shapes.

    The ratio of the two is the same in px of the source and of the patch.
    """
    return focal_px * SIDE_REAL_MM / side_px


def normalised_depth_of(gamma):
    """Normalised depth (`core.depth_bins`) of gamma: 2 gamma, whatever focal length and patch."""
    return normalise_depth(gamma * k_mm(1.0, 1.0), 1.0, 1.0)


def gamma_of(normalised_depth):
    """gamma of normalised depth; the inverse of `normalised_depth_of`."""
    return normalised_depth / normalised_depth_of(1.0)


def _deconvolution(in_channels: int, out_channels: int) -> nn.Sequential:
    """Twice the resolution: 4 x 4, stride 2."""
    return nn.Sequential(
        nn.ConvTranspose2d(in_channels, out_channels, 4, stride=2, padding=1, bias=False),
        nn.BatchNorm2d(out_channels),
        nn.ReLU(inplace=True),
    )
