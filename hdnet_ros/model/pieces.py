"""Features kept as coarse as they vary, and pooled and read there, equal to rounding; for inference.

Where every fine cell of a coarse one has the same features, pooling sums the weights of those cells and
multiplies once, and a 1 x 1 convolution runs before its result is brought to the fine resolution.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from hdnet_ros.model.heatmap import pool_features


class Piece(NamedTuple):
    """Which fine cells a coarse map is the value of.

    Attributes
    ----------
    factor : fine cells per coarse cell and axis; of a whole piece a power of two
    rows, columns : start and stop of those among the `factor` fine cells of every coarse one
    """

    factor: int
    rows: tuple[int, int]
    columns: tuple[int, int]

    @property
    def is_whole(self) -> bool:
        """Whether a coarse cell has one value."""
        return self.rows == self.columns == (0, self.factor)


def whole(factor: int) -> Piece:
    """The piece that is a coarse map as a whole."""
    return Piece(factor, (0, factor), (0, factor))


class SplitFeatures(NamedTuple):
    """Features of B patches, in place of (B, C, H, W).

    Attributes
    ----------
    levels : pieces of each group of channels; together they cover every fine cell once
    values : of each piece, (B, H / factor, W / factor, channels of its level)
    """

    levels: tuple[tuple[Piece, ...], ...]
    values: tuple[Tensor, ...]

    def pooled(self, weights: Tensor, rows: slice, columns: slice, patch_index: Tensor | None) -> Tensor:
        """As `pool_in_window`."""
        coarsest = max(piece.factor for pieces in self.levels for piece in pieces)
        weights, top, left = _aligned(weights, rows, columns, coarsest)
        values, coarse, found = iter(self.values), {1: weights}, []
        for pieces in self.levels:
            parts = []
            for piece in pieces:
                sums = _summed(coarse, piece)
                y, x, (height, width) = top // piece.factor, left // piece.factor, sums.shape[-2:]
                window = next(values)[:, y : y + height, x : x + width].permute(0, 3, 1, 2).float()
                parts.append(pool_features(sums, window, patch_index))
            found.append(torch.stack(parts).sum(0) if len(parts) > 1 else parts[0])
        return torch.cat(found, -1)


def pool_in_window(
    weights: Tensor, features: Tensor | SplitFeatures, rows: slice, columns: slice, patch_index: Tensor | None
) -> Tensor:
    """Sums (N, J, C) of features under weights that are given within a window and are zero outside.

    Parameters
    ----------
    weights : (N, J, rows, columns)
    features : (B, C, H, W), whole or split
    rows, columns : the window
    patch_index : as `pool_features` takes it
    """
    if isinstance(features, SplitFeatures):
        return features.pooled(weights, rows, columns, patch_index)
    return pool_features(weights, features[..., rows, columns].float(), patch_index)


def convolved(head: nn.Conv2d, levels: Sequence[Sequence[Piece]], values: Sequence[Sequence[Tensor]]) -> Tensor:
    """A 1 x 1 convolution of split features, (B, C', H, W); `values` of each piece are (B, C, h, w)."""
    weights = head.weight.split([parts[0].shape[1] for parts in values], dim=1)
    result = None
    for number, (pieces, parts, weight) in enumerate(zip(levels, values, weights, strict=True)):
        bias = head.bias if number == 0 else None
        level = assembled([F.conv2d(part, weight, bias) for part in parts], pieces)
        result = level if result is None else result + level
    assert result is not None
    return result


def assembled(parts: Sequence[Tensor], pieces: Sequence[Piece]) -> Tensor:
    """The fine map (B, C, factor h, factor w) of the pieces' maps (B, C, h, w)."""
    factor = pieces[0].factor
    if factor == 1:
        return parts[0]
    if pieces[0].is_whole:
        return F.interpolate(parts[0], scale_factor=float(factor), mode="nearest")
    cells: dict[tuple[int, int], Tensor] = {}
    for part, piece in zip(parts, pieces, strict=True):
        cells.update({(i, j): part for i in range(*piece.rows) for j in range(*piece.columns)})
    ordered = [cells[i, j] for i in range(factor) for j in range(factor)]
    return F.pixel_shuffle(torch.stack(ordered, dim=2).flatten(1, 2), factor)


def _aligned(weights: Tensor, rows: slice, columns: slice, factor: int) -> tuple[Tensor, int, int]:
    """Weights in a window of whole coarse cells, and its first row and column."""
    top, left = rows.start // factor * factor, columns.start // factor * factor
    bottom, right = -(-rows.stop // factor) * factor, -(-columns.stop // factor) * factor
    grown = (columns.start - left, right - columns.stop, rows.start - top, bottom - rows.stop)
    return F.pad(weights, grown), top, left


def _summed(coarse: dict[int, Tensor], piece: Piece) -> Tensor:
    """Sums (N, J, h, w) over each coarse cell's fine cells; `coarse` keeps those of whole cells by factor, from 1."""
    factor = piece.factor
    if not piece.is_whole:
        cells = coarse[1].unflatten(-1, (-1, factor)).unflatten(-3, (-1, factor))
        return cells[..., slice(*piece.rows), :, slice(*piece.columns)].sum((-3, -1))
    if factor not in coarse:
        finer = _summed(coarse, whole(factor // 2))
        rows = finer[..., ::2, :] + finer[..., 1::2, :]
        coarse[factor] = rows[..., ::2] + rows[..., 1::2]
    return coarse[factor]
