"""The part of a patch's maps that people's boxes reach: what is read for them, and nothing else."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from hdnet_ros.model.heatmap import is_one_each, occupied_window


class Window(NamedTuple):
    """A window of the maps of B patches, in which N people are read.

    Attributes
    ----------
    masks : (N, H, W) bool, the cells of each person's box, in the whole map
    rows, columns : of the window
    patch_index : (N,) long, the patch each person is in; None means person n is in patch n
    """

    masks: Tensor
    rows: slice
    columns: slice
    patch_index: Tensor | None

    @classmethod
    def around(cls, masks: Tensor, patch_index: Tensor | None, patches: int, is_training: bool) -> Window:
        """The smallest window that holds all masks: outside, all heatmaps are zero.

        The whole maps where it is not worth its price: in training, in a traced graph, and on a GPU, which would have
        to be waited for.
        """
        if is_one_each(patch_index, patches):
            patch_index = None
        is_worth_it = masks.device.type == "cpu" and not is_training and not torch.jit.is_tracing()
        if is_worth_it and len(masks):
            return cls(masks, *occupied_window(masks), patch_index)
        return cls(masks, slice(0, masks.shape[-2]), slice(0, masks.shape[-1]), patch_index)

    @property
    def first_cell(self) -> Tensor:
        """(2,) x, y of the window's upper left cell in the whole map."""
        return torch.tensor([self.columns.start, self.rows.start], dtype=torch.float32, device=self.masks.device)

    @property
    def inside(self) -> Tensor:
        """The part of the masks in the window."""
        return self.masks[..., self.rows, self.columns]

    def of_each(self, maps: Tensor) -> Tensor:
        """Maps (B, C, h, w) of each person's patch, float32: (N, C, h, w)."""
        return maps.float() if self.patch_index is None else maps.float()[self.patch_index]

    def cut(self, maps: Tensor) -> Tensor:
        """The window of maps (B, C, H, W) of each person's patch, float32: (N, C, rows, columns)."""
        return self.of_each(maps)[..., self.rows, self.columns]

    def in_whole_map(self, values: Tensor, elsewhere: float) -> Tensor:
        """The window's values (N, J, rows, columns) in maps (N, J, H, W) that hold another value elsewhere."""
        size = self.masks.shape[-2:]
        if values.shape[-2:] == size:
            return values
        result = values.new_full((*values.shape[:2], *size), elsewhere)
        result[..., self.rows, self.columns] = values
        return result
