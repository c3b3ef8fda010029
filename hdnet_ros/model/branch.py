"""From a feature pyramid to the features that heatmaps and depth are read off (section 3.1)."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from hdnet_ros.model.pieces import Piece, whole
from hdnet_ros.model.upsampled_conv import UpsampledConv


class MultiScaleBranch(nn.Module):
    """P2 to P5, each convolved and brought to P2's resolution, concatenated (section 3.1).

    Parameters
    ----------
    in_channels, mid_channels, out_channels : per level
    upsample_first : whether the 3 x 3 convolution sees the upsampled level or the level itself
    """

    def __init__(
        self, in_channels: int, mid_channels: int, out_channels: int, upsample_first: bool
    ) -> None:
        super().__init__()
        self.upsample_first = upsample_first
        self.reduce = nn.ModuleList(_conv_bn_relu(in_channels, mid_channels, 1) for _ in range(4))
        self.mix = nn.ModuleList(_conv_bn_relu(mid_channels, out_channels, 3) for _ in range(4))

    def forward(self, pyramid: list[Tensor]) -> Tensor:
        """[P2, P3, P4, P5] to (B, 4 * out_channels, h, w) of P2's size."""
        size = pyramid[0].shape[-2:]
        levels = []
        for level, reduce, mix in zip(pyramid, self.reduce, self.mix, strict=True):
            reduced = reduce(level)
            if self.upsample_first:
                levels.append(mix(_upsample(reduced, size)))
            else:
                levels.append(_upsample(mix(reduced), size))
        return torch.cat(levels, dim=1)

    @property
    def pieces(self) -> tuple[tuple[Piece, ...], ...]:
        """The pieces of each level that `split` makes."""
        return tuple(self._pieces(number) for number in range(len(self.mix)))

    def split(self, pyramid: list[Tensor]) -> list[list[Tensor]]:
        """`forward`'s features of each level in pieces, each (B, out_channels, h, w) of its own size."""
        levels = []
        for level, reduce, mix in zip(pyramid, self.reduce, self.mix, strict=True):
            reduced = reduce(level)
            if isinstance(mix[0], UpsampledConv):
                levels.append([mix[1:](part) for part in mix[0].split(reduced)])
            else:
                levels.append([mix(_upsample(reduced, pyramid[0].shape[-2:]) if self.upsample_first else reduced)])
        return levels

    def _pieces(self, number: int) -> tuple[Piece, ...]:
        first = self.mix[number][0]
        if isinstance(first, UpsampledConv):
            return first.pieces
        return (whole(1 if self.upsample_first else 2**number),)


def _conv_bn_relu(in_channels: int, out_channels: int, kernel: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(in_channels, out_channels, kernel, padding=kernel // 2, bias=False),
        nn.BatchNorm2d(out_channels),
        nn.ReLU(inplace=True),
    )


def _upsample(level: Tensor, size: torch.Size) -> Tensor:
    return level if level.shape[-2:] == size else F.interpolate(level, size=size, mode="nearest")
