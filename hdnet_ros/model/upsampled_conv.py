"""A 3 x 3 convolution of a nearest-upsampled map, computed at the map's own resolution."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F


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
        with torch.no_grad():
            for i, rows in enumerate(_taps(conv.weight, 2)):
                for j, kernel in enumerate(_taps(rows, 3)):
                    self.register_buffer(f"kernel_{i}{j}", kernel.contiguous(memory_format=torch.channels_last))

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, h, w) to (B, C', factor h, factor w), channels last in memory."""
        count, _, height, width = x.shape
        padded = F.pad(x, (1, 1, 1, 1))
        result = None
        for i, (fine_rows, rows) in enumerate(self._parts(height)):
            for j, (fine_columns, columns) in enumerate(self._parts(width)):
                kernel = getattr(self, f"kernel_{i}{j}")
                if fine_rows.start == fine_rows.stop or fine_columns.start == fine_columns.stop:
                    continue
                found = F.conv2d(padded[:, :, rows, columns], kernel, self.bias).permute(0, 2, 3, 1)
                if result is None:
                    shape = (count, height, self.factor, width, self.factor, found.shape[-1])
                    result = found.new_empty(shape)
                result[:, :, fine_rows, :, fine_columns] = found[:, :, None, :, None]
        assert result is not None  # factor is at least 1
        return result.view(count, self.factor * height, self.factor * width, -1).permute(0, 3, 1, 2)

    def _parts(self, size: int) -> list[tuple[slice, slice]]:
        """Fine cells within a coarse one, and the padded cells that their taps fall on."""
        last = self.factor - 1
        return [
            (slice(0, 1), slice(0, size + 1)),
            (slice(1, last), slice(1, size + 1)),
            (slice(last, self.factor), slice(1, size + 2)),
        ]


def _taps(weight: Tensor, axis: int) -> list[Tensor]:
    """The three taps along an axis summed where they fall on one coarse cell: first, middle, last."""
    one, two, three = weight.unbind(axis)
    return [
        torch.stack([one, two + three], axis),
        (one + two + three).unsqueeze(axis),
        torch.stack([one + two, three], axis),
    ]
