"""Patches cut where the network runs: the image goes to the GPU once, however many people are in it."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from hdnet_ros.core.camera import Camera
from hdnet_ros.core.patch import OUTSIDE_RGB, PatchPlan, patch_plan
from hdnet_ros.core.patch_camera import PatchCamera


class DeviceImage:
    """An image on a device, from which patches are cut as `sample_patch_of_camera` cuts them.

    Parameters
    ----------
    image_rgb : (H, W, 3) uint8, of the camera's size
    """

    def __init__(self, image_rgb: np.ndarray, camera: Camera, device: torch.device) -> None:
        self._camera = camera
        rows = torch.from_numpy(np.ascontiguousarray(image_rgb)).to(device)
        self._pixels = rows.permute(2, 0, 1)
        self._outside = torch.tensor(OUTSIDE_RGB, dtype=torch.float32, device=device).view(1, 3, 1, 1)

    def patch(self, patch_camera: PatchCamera, antialias: bool = True) -> Tensor:
        """(3, S, S) uint8; within rounding of `sample_patch_of_camera`."""
        plan = patch_plan(self._camera, patch_camera, antialias)
        side = patch_camera.size_px
        if plan is None:
            return self._outside[0].expand(3, side, side).round().byte()
        x0, y0, x1, y1 = plan.window
        region = _without_fine_detail(self._pixels[None, :, y0:y1, x0:x1].float(), plan)
        seen = F.grid_sample(
            region - self._outside, self._grid(plan, region), padding_mode="zeros", align_corners=False
        )
        return (seen + self._outside).round().clamp(0.0, 255.0).byte()[0]

    def _grid(self, plan: PatchPlan, region: Tensor) -> Tensor:
        """(1, S, S, 2) where each patch px lies in the region, -1 to 1 from border to border."""
        x0, y0, x1, y1 = plan.window
        u = torch.from_numpy(plan.u).to(region.device)
        v = torch.from_numpy(plan.v).to(region.device)
        grid = torch.stack(((u + (0.5 - x0)) * (2.0 / (x1 - x0)) - 1.0, (v + (0.5 - y0)) * (2.0 / (y1 - y0)) - 1.0), -1)
        # Beyond the region is outside; what the lens does not see (NaN) is, too.
        return grid.nan_to_num(nan=-1e4).clamp(-1e4, 1e4)[None]


def _without_fine_detail(region: Tensor, plan: PatchPlan) -> Tensor:
    """As `core.patch` does it: halved as often as the scale allows, then a Gaussian for the rest."""
    for _ in range(plan.halvings):
        height, width = region.shape[-2:]
        padded = F.pad(region, (0, width % 2, 0, height % 2), mode="replicate")
        region = F.avg_pool2d(padded, 2)
    if plan.blur_sigma == 0.0:
        return region
    offsets = torch.arange(plan.blur_side, device=region.device) - (plan.blur_side - 1) / 2.0
    kernel = torch.exp(-0.5 * (offsets / plan.blur_sigma) ** 2)
    kernel = (kernel / kernel.sum()).to(region.dtype)
    half = plan.blur_side // 2
    region = F.pad(region, (half, half, half, half), mode="replicate")
    region = F.conv2d(region, kernel.view(1, 1, 1, -1).expand(3, -1, -1, -1), groups=3)
    return F.conv2d(region, kernel.view(1, 1, -1, 1).expand(3, -1, -1, -1), groups=3)
