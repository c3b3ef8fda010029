"""Figures whose size is known exactly, and a network that measures them."""

from typing import NamedTuple

import numpy as np
import torch

from hdnet_ros.core.camera import Camera
from hdnet_ros.core.depth_bins import DepthBins
from hdnet_ros.core.patch import OUTSIDE_RGB

FIGURE_MM = (600.0, 1700.0)


def coverage(low: float, high: float, count: int) -> np.ndarray:
    """How much of each of `count` pixels the interval from low to high covers."""
    edges = np.arange(count + 1) - 0.5
    return np.clip(np.minimum(high, edges[1:]) - np.maximum(low, edges[:-1]), 0.0, 1.0)


def draw_figure(camera: Camera, centre_camera_mm: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """A black upright rectangle of 0.6 m x 1.7 m facing a camera without lens; image and box.

    Behind it is what a patch shows outside the image, so that the border cannot be measured.
    """
    half = np.array([FIGURE_MM[0] / 2, FIGURE_MM[1] / 2, 0.0])
    low, high = camera.project(centre_camera_mm - half), camera.project(centre_camera_mm + half)
    width, height = camera.size_wh_px
    columns, rows = coverage(low[0], high[0], width), coverage(low[1], high[1], height)
    light = 1.0 - rows[:, None] * columns[None, :]
    image = np.rint(light[:, :, None] * OUTSIDE_RGB).astype(np.uint8)
    return image, np.concatenate([(low + high) / 2, high - low])


class Output(NamedTuple):
    heatmaps: torch.Tensor
    joints_cells: torch.Tensor
    bin_logits: torch.Tensor
    bin_index: torch.Tensor


class MeasuringNetwork(torch.nn.Module):
    """Reads the height of the black figure in each patch, as a person of 1.7 m.

    It knows no camera: what it answers is mm per network px, as HDNet does.
    """

    def __init__(self, bins: DepthBins, heatmap_px: int = 64):
        super().__init__()
        self.bins = bins
        self.heatmap_px = heatmap_px
        self.calls: list[tuple[int, int]] = []

    def forward(self, images, box_masks, patch_index):
        self.calls.append((len(images), len(patch_index)))
        side = images.shape[-1]
        # 1 is black, 0 the background.
        dark = (1.0 - images[:, 1].double() / OUTSIDE_RGB[1]).clamp(0.0, 1.0)
        column_sums = dark.sum(dim=1)
        place = torch.arange(side, dtype=torch.float64)
        x = (column_sums * place).sum(-1) / column_sums.sum(-1)
        in_the_middle = ((place - x[:, None]).abs() < 2.0).double()
        height_px = (column_sums * in_the_middle).sum(-1) / in_the_middle.sum(-1)
        row_sums = dark.sum(dim=2)
        y = (row_sums * place).sum(-1) / row_sums.sum(-1)
        cells = (torch.stack([x, y], dim=-1)[patch_index] - 1.5) / 4.0
        normalised = FIGURE_MM[1] / height_px * 0.001 * side
        bin_index = self.bins.index(normalised)[patch_index]
        people, shape = len(patch_index), (self.heatmap_px, self.heatmap_px)
        heatmaps = torch.zeros(people, 17, *shape)
        nearest = cells.round().long().clamp(0, self.heatmap_px - 1)
        heatmaps[torch.arange(people), :, nearest[:, 1], nearest[:, 0]] = 1.0
        joints = cells[:, None, :].expand(people, 17, 2)
        logits = self.bins.target(bin_index).clamp_min(1e-12).log()
        return Output(heatmaps, joints, logits, bin_index)
