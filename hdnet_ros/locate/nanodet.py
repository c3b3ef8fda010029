"""NanoDet-g's network, people only: one pass over a picture gives a score and a box in every cell.

Architecture and weights are those of RangiLyu/nanodet (Apache-2.0), batch norm folded into the
convolutions; `tools/convert_nanodet.py` makes the weights' file.
"""

from __future__ import annotations

from functools import lru_cache

import torch
import torch.nn.functional as F
from torch import Tensor, nn

STRIDES_PX = (8, 16, 32)
# The sides of what the network takes are multiples of this.
SIDE_MULTIPLE_PX = 32
# A distance from a cell's centre to a side of its box is a distribution over 0 to 10 strides.
DISTANCE_BINS = 11
MEAN_RGB = (123.675, 116.28, 103.53)
_STD_RGB = (58.395, 57.12, 57.375)
_SLOPE = 0.1
_PYRAMID_WIDTH = 128
# Widths and residual blocks of the four stages; all but the first halve the picture.
_STAGES = ((32, 1, 1), (64, 2, 2), (128, 2, 2), (256, 3, 2))


class _Conv(nn.Conv2d):
    """A convolution that keeps the size (at stride 1), then a leaky ReLU."""

    def __init__(self, width_in: int, width_out: int, stride: int = 1) -> None:
        super().__init__(width_in, width_out, 3, stride, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        return F.leaky_relu(super().forward(x), _SLOPE)


class _Residual(nn.Module):
    """Two narrow convolutions whose outputs are joined, the later one first."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.first = _Conv(width, width // 2)
        self.second = _Conv(width // 2, width // 2)

    def forward(self, x: Tensor) -> Tensor:
        first = self.first(x)
        return torch.cat([self.second(first), first], dim=1)


class _Stage(nn.Module):
    """A cross-stage-partial block: (B, C, h, w) to (B, 2 width, h / stride, w / stride)."""

    def __init__(self, width_in: int, width: int, blocks: int, stride: int) -> None:
        super().__init__()
        self.enter = _Conv(width_in, width, stride)
        self.blocks = nn.Sequential(*(_Residual(width) for _ in range(blocks)))
        self.leave = _Conv(width, width)

    def forward(self, x: Tensor) -> Tensor:
        entered = self.enter(x)
        return torch.cat([self.leave(self.blocks(entered)), entered], dim=1)


class NanoDet(nn.Module):
    """The network; what it says of each cell still has to be read by `decode`.

    Examples
    --------
    >>> NanoDet().eval()(torch.zeros(1, 3, 64, 96, dtype=torch.uint8)).shape
    torch.Size([1, 126, 45])
    """

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("mean", torch.tensor(MEAN_RGB).view(1, 3, 1, 1), persistent=False)
        self.register_buffer("std", torch.tensor(_STD_RGB).view(1, 3, 1, 1), persistent=False)
        self.stem = _Conv(3, _STAGES[0][0], stride=2)
        widths_in = [_STAGES[0][0], *(2 * width for width, _, _ in _STAGES)]
        self.stages = nn.ModuleList(
            _Stage(width_in, *stage) for width_in, stage in zip(widths_in, _STAGES)
        )
        self.lateral = nn.ModuleList(
            nn.Conv2d(width, _PYRAMID_WIDTH, 1) for width in widths_in[-len(STRIDES_PX) :]
        )
        self.head = nn.ModuleList(_Conv(_PYRAMID_WIDTH, _PYRAMID_WIDTH) for _ in STRIDES_PX)
        outputs = 1 + 4 * DISTANCE_BINS
        self.out = nn.ModuleList(nn.Conv2d(_PYRAMID_WIDTH, outputs, 1) for _ in STRIDES_PX)

    def forward(self, pictures_rgb: Tensor) -> Tensor:
        """Logits of every cell.

        Parameters
        ----------
        pictures_rgb : (B, 3, H, W) RGB, 0 to 255, uint8 or float; H and W multiples of 32

        Returns
        -------
        (B, cells, 45): the logit of a person, then 4 x 11 logits of the distances from the cell's
        centre to the box's left, top, right and bottom. Cells in rows, stride 8 first.
        """
        x = self.stem((pictures_rgb.to(self.mean.dtype) - self.mean) / self.std)
        x = F.max_pool2d(x, 3, stride=2, padding=1)
        levels = []
        for stage in self.stages:
            x = stage(x)
            levels.append(x)
        levels = self._pyramid(levels[-len(STRIDES_PX) :])
        answers = [out(head(x)) for x, head, out in zip(levels, self.head, self.out)]
        return torch.cat([answer.flatten(2) for answer in answers], dim=2).transpose(1, 2)

    def _pyramid(self, features: list[Tensor]) -> list[Tensor]:
        """Sums down to the finest level, then up again (a path aggregation network)."""
        levels = [lateral(x) for x, lateral in zip(features, self.lateral)]
        for level in (1, 0):
            levels[level] = levels[level] + _resized(levels[level + 1], 2.0)
        for level in (1, 2):
            levels[level] = levels[level] + _resized(levels[level - 1], 0.5)
        return levels


@lru_cache(maxsize=16)
def cell_centres_px(height: int, width: int) -> tuple[Tensor, Tensor]:
    """Centres (cells, 2) x, y and strides (cells,) of a picture's cells, in px of the network's input.

    Pixels are counted from the picture's outer border, as the network was trained. Not to be written to.
    """
    centres, strides = [], []
    for stride in STRIDES_PX:
        rows = (torch.arange(height // stride) + 0.5) * stride
        columns = (torch.arange(width // stride) + 0.5) * stride
        y, x = torch.meshgrid(rows, columns, indexing="ij")
        centres.append(torch.stack([x, y], dim=-1).reshape(-1, 2))
        strides.append(torch.full((x.numel(),), float(stride)))
    return torch.cat(centres), torch.cat(strides)


def decode(logits: Tensor, height: int, width: int, score_threshold: float) -> tuple[Tensor, Tensor]:
    """Boxes and scores of one picture's cells that reach a score.

    Parameters
    ----------
    logits : (cells, 45) of `NanoDet.forward`
    height, width : of the network's input, px
    score_threshold : 0..1

    Returns
    -------
    Boxes (N, 4) x0, y0, x1, y1 in px of the network's input from its outer border, and scores (N,).
    """
    scores = torch.sigmoid(logits[:, 0].float())
    kept = torch.nonzero(scores >= score_threshold).flatten()
    centres, strides = (v.to(logits.device)[kept] for v in cell_centres_px(height, width))
    shares = torch.softmax(logits[kept, 1:].float().reshape(-1, 4, DISTANCE_BINS), dim=-1)
    bins = torch.arange(DISTANCE_BINS, dtype=torch.float32, device=logits.device)
    distances = (shares @ bins) * strides[:, None]
    return torch.cat([centres - distances[:, :2], centres + distances[:, 2:]], dim=1), scores[kept]


def _resized(x: Tensor, scale: float) -> Tensor:
    return F.interpolate(x, scale_factor=scale, mode="bilinear", align_corners=False)
