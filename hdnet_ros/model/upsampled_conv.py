"""A 3 x 3 convolution of a nearest-upsampled map, computed at the map's own resolution."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from hdnet_ros.model.pieces import Piece, assembled


class UpsampledConv(nn.Module):
    """`conv(upsample(x))` without the upsampled map, equal to rounding; for inference.

    Along one axis the three taps of a fine cell fall on two coarse cells at the first and the last
    of the `factor` fine cells of a coarse one, and on that one alone between them, where all fine
    cells are the same. So a coarse cell costs (2 + 2)^2 products for factor 2 and (2 + 1 + 2)^2
    above, instead of 9 factor^2.

    Parameters
    ----------
    conv : 3 x 3, stride 1, zero padding 1
    factor : fine cells per coarse cell and axis, at least 2

    Attributes
    ----------
    pieces : which fine cells each map of `split` is the value of

    Raises
    ------
    ValueError : another kind of convolution, or a factor below 2
    """

    def __init__(self, conv: nn.Conv2d, factor: int) -> None:
        super().__init__()
        kind = (conv.kernel_size, conv.stride, conv.padding, conv.dilation, conv.groups)
        if kind != ((3, 3), (1, 1), (1, 1), (1, 1), 1) or factor < 2:
            raise ValueError(f"convolution {conv} upsampled by {factor}, expected plain 3 x 3 and 2 or more")
        self.factor = factor
        self.register_buffer("bias", conv.bias)
        # Of the fine cells of a coarse one the first, those between, the last; at factor 2 none is between.
        parts = [(number, extent) for number, extent in enumerate(_extents(factor)) if extent[0] < extent[1]]
        self._numbers = [(i, j) for i, _ in parts for j, _ in parts]
        self.pieces = tuple(Piece(factor, rows, columns) for _, rows in parts for _, columns in parts)
        with torch.no_grad():
            for i, rows in enumerate(_taps(conv.weight, 2)):
                for j, kernel in enumerate(_taps(rows, 3)):
                    self.register_buffer(f"kernel_{i}{j}", kernel.contiguous(memory_format=torch.channels_last))

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, h, w) to (B, C', factor h, factor w)."""
        return assembled(self.split(x), self.pieces)

    def split(self, x: Tensor) -> list[Tensor]:
        """The pieces of `forward`'s map, each (B, C', h, w)."""
        height, width = x.shape[-2:]
        padded = F.pad(x, (1, 1, 1, 1))
        return [
            F.conv2d(
                padded[:, :, _under(i, height), _under(j, width)], getattr(self, f"kernel_{i}{j}"), self.bias
            )
            for i, j in self._numbers
        ]


def _extents(factor: int) -> list[tuple[int, int]]:
    return [(0, 1), (1, factor - 1), (factor - 1, factor)]


def _under(number: int, size: int) -> slice:
    """The padded cells that the taps of a part's fine cells fall on."""
    return (slice(0, size + 1), slice(1, size + 1), slice(1, size + 2))[number]


def _taps(weight: Tensor, axis: int) -> list[Tensor]:
    """The three taps along an axis summed where they fall on one coarse cell: first, middle, last."""
    one, two, three = weight.unbind(axis)
    return [
        torch.stack([one, two + three], axis),
        (one + two + three).unsqueeze(axis),
        torch.stack([one + two, three], axis),
    ]
