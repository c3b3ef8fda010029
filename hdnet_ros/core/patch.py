"""Patches for the network: one remap through the complete camera model, and the box inside them."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from hdnet_ros.core.camera import Camera, check_image_size
from hdnet_ros.core.patch_camera import (
    LADDER_FILL,
    PatchCamera,
    PatchConvention,
    box_in_patch,
    choose_patch_px,
    patch_camera_for,
)

__all__ = [
    "IMAGENET_MEAN",
    "IMAGENET_STD",
    "LADDER_FILL",
    "OUTSIDE_RGB",
    "PatchCamera",
    "PatchConvention",
    "PatchPlan",
    "box_in_patch",
    "box_mask",
    "boxes_in_cells",
    "cells_to_patch_px",
    "choose_patch_px",
    "patch_camera_for",
    "patch_plan",
    "patch_px_to_cells",
    "sample_patch",
    "sample_patch_of_camera",
]

# What networks expect of RGB in 0..1: the statistics of ImageNet.
IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_STD = (0.229, 0.224, 0.225)
# The mean of ImageNet: after normalisation it is what the network's own zero padding is.
OUTSIDE_RGB = (124, 116, 104)

# So many other people are told of beside each person: those whose boxes overlap the own one most.
OTHERS_TOLD = 2

# Below this ratio of source to patch px bilinear sampling loses nothing that would alias.
_SHRINK_NEEDED = 1.05
_UNREACHABLE_PX = -1e4


def sample_patch(
    image: np.ndarray,
    camera: Camera,
    box_xywh_center_px: Sequence[float] | np.ndarray,
    convention: PatchConvention,
    rung_offset: int = 0,
    zoom: float = 1.0,
    centre_offset_px: tuple[float, float] = (0.0, 0.0),
) -> tuple[np.ndarray, PatchCamera]:
    """The patch for a box and the camera that goes with it; see `patch_camera_for`.

    Parameters
    ----------
    image : (H, W, 3) uint8 RGB, of the camera's size
    box_xywh_center_px : (4,) px

    Returns
    -------
    (S, S, 3) uint8 RGB, `OUTSIDE_RGB` where the patch leaves the image, and its PatchCamera

    Raises
    ------
    ValueError : the image is not of the camera's size, or the box has no ray through the lens
    """
    patch_camera = patch_camera_for(
        camera, box_xywh_center_px, convention, rung_offset, zoom, centre_offset_px
    )
    return sample_patch_of_camera(image, camera, patch_camera, convention.antialias), patch_camera


@dataclass(frozen=True, eq=False)
class PatchPlan:
    """What there is to do for a patch, whatever does it.

    Attributes
    ----------
    u, v : (S, S) float32 px of the image that each patch px shows; NaN where the lens sees nothing
    window : x0, y0, x1, y1 of the image that is read
    halvings : how often the window is halved first, against aliasing
    blur_side, blur_sigma : of the Gaussian after that, px of the halved window; sigma 0: none
    """

    u: np.ndarray
    v: np.ndarray
    window: tuple[int, int, int, int]
    halvings: int
    blur_side: int
    blur_sigma: float


def patch_plan(camera: Camera, patch_camera: PatchCamera, antialias: bool = True) -> PatchPlan | None:
    """Plan of a patch, or None where nothing of it lies in the image."""
    u, v = _source_map(camera, patch_camera)
    shrink = max(1.0, _shrink_at_centre(u, v, patch_camera)) if antialias else 1.0
    window = _needed_window(u, v, camera.size_wh_px, shrink)
    if window is None:
        return None
    power = _power_of_two(shrink)
    rest = shrink / power
    # The pixel's own box and this Gaussian together are as wide as `rest` pixels.
    sigma = 0.5 * float(np.sqrt(rest * rest - 1.0)) if rest > _SHRINK_NEEDED else 0.0
    return PatchPlan(u, v, window, power.bit_length() - 1, 3 if rest < 1.5 else 5, sigma)


def sample_patch_of_camera(
    image: np.ndarray, camera: Camera, patch_camera: PatchCamera, antialias: bool = True
) -> np.ndarray:
    """What a given patch camera sees: (S, S, 3) uint8 RGB from an (H, W, 3) uint8 RGB image.

    Where source pixels shrink, what would alias is averaged away before the bilinear remap.
    """
    check_image_size(image, camera)
    plan = patch_plan(camera, patch_camera, antialias)
    if plan is None:
        return np.full((patch_camera.size_px, patch_camera.size_px, 3), OUTSIDE_RGB, dtype=np.uint8)
    x0, y0, x1, y1 = plan.window
    region = _without_fine_detail(np.ascontiguousarray(image[y0:y1, x0:x1]), plan)
    scale_x, scale_y = region.shape[1] / (x1 - x0), region.shape[0] / (y1 - y0)
    u, v = (plan.u + (0.5 - x0)) * scale_x - 0.5, (plan.v + (0.5 - y0)) * scale_y - 0.5
    np.nan_to_num(u, copy=False, nan=_UNREACHABLE_PX)
    np.nan_to_num(v, copy=False, nan=_UNREACHABLE_PX)
    return cv2.remap(
        region, u, v, cv2.INTER_LINEAR, borderMode=cv2.BORDER_CONSTANT, borderValue=OUTSIDE_RGB
    )


def box_mask(
    box_xyxy_patch_px: Sequence[float] | np.ndarray, convention: PatchConvention
) -> np.ndarray:
    """Heatmap cells whose centre lies in the box, widened by the convention's margin.

    Returns
    -------
    (S / stride, S / stride) bool; at least the cell nearest to the box's centre is True
    """
    x0, y0, x1, y1 = (float(value) for value in box_xyxy_patch_px)
    left, top, right, bottom = _widened(np.array([x0, y0, x1, y1]), convention)
    centres = cells_to_patch_px(np.arange(convention.heatmap_px), convention)
    columns = (centres >= left) & (centres <= right)
    rows = (centres >= top) & (centres <= bottom)
    columns[np.argmin(np.abs(centres - (x0 + x1) / 2.0))] = True
    rows[np.argmin(np.abs(centres - (y0 + y1) / 2.0))] = True
    return rows[:, None] & columns[None, :]


def boxes_in_cells(
    boxes_xywh_center_px: np.ndarray, camera: Camera, patch_camera: PatchCamera, convention: PatchConvention
) -> np.ndarray:
    """Corners in heatmap cells, fractional, of the first `OTHERS_TOLD` of boxes (K, 4), widened as `box_mask` widens them.

    Returns
    -------
    (OTHERS_TOLD, 4) float32, NaN where there are fewer, and where the patch's camera cannot see one
    """
    cells = np.full((OTHERS_TOLD, 4), np.nan, np.float32)
    for row, box in zip(cells, boxes_xywh_center_px):
        with contextlib.suppress(ValueError):
            row[:] = patch_px_to_cells(_widened(box_in_patch(box, camera, patch_camera), convention), convention)
    return cells


def _widened(boxes_xyxy: np.ndarray, convention: PatchConvention) -> np.ndarray:
    grow = convention.box_margin * (boxes_xyxy[..., 2:] - boxes_xyxy[..., :2])
    return boxes_xyxy + np.concatenate([-grow, grow], axis=-1)


def cells_to_patch_px(cells, convention: PatchConvention):
    """Patch px of heatmap cells: 4 i + 1.5 with half pixels, 4 i in the authors' convention."""
    return cells * convention.heatmap_stride + _first_cell_px(convention)


def patch_px_to_cells(points_patch_px, convention: PatchConvention):
    """Heatmap cells, fractional, of patch px; the inverse of `cells_to_patch_px`."""
    return (points_patch_px - _first_cell_px(convention)) / convention.heatmap_stride


def _first_cell_px(convention: PatchConvention) -> float:
    return (convention.heatmap_stride - 1) / 2.0 if convention.half_pixel else 0.0


def _source_map(camera: Camera, patch_camera: PatchCamera) -> tuple[np.ndarray, np.ndarray]:
    """Source px of every patch px, two (S, S) float32; NaN where the lens sees nothing."""
    side = patch_camera.size_px
    pixels = np.arange(side, dtype=np.float64)
    raw = patch_camera.raw_camera
    if raw is not None:
        u = (pixels - raw.K[0, 2]) * (camera.K[0, 0] / raw.K[0, 0]) + camera.K[0, 2]
        v = (pixels - raw.K[1, 2]) * (camera.K[1, 1] / raw.K[1, 1]) + camera.K[1, 2]
        u, v = np.broadcast_arrays(u[None, :].astype(np.float32), v[:, None].astype(np.float32))
        return u.copy(), v.copy()
    rotation = patch_camera.rotation_patch_to_camera
    if camera.distortion_model != "equidistant" and _sees_whole_patch(camera, patch_camera):
        cx, cy = patch_camera.principal_point_px
        K = np.array([[patch_camera.focal_px, 0, cx], [0, patch_camera.focal_px, cy], [0, 0, 1.0]])
        lens = np.array(camera.distortion or (0.0,) * 4)
        return cv2.initUndistortRectifyMap(
            camera.K, lens, rotation.T, K, (side, side), cv2.CV_32FC1
        )
    normalised = (pixels[:, None] - patch_camera.principal_point_px) / patch_camera.focal_px
    x, y = normalised.astype(np.float32).T
    r = rotation.astype(np.float32)
    x, y, z = (r[i, 0] * x[None, :] + (r[i, 1] * y[:, None] + r[i, 2]) for i in range(3))
    return camera.project_components(x, y, z)


def _sees_whole_patch(camera: Camera, patch_camera: PatchCamera) -> bool:
    """Whether no ray of the patch is behind the camera or beyond the fold of its lens.

    The field of valid rays is a convex cone, so the four corners answer for all pixels. OpenCV's
    maps are faster than numpy's but know no such field.
    """
    last = patch_camera.size_px - 1.0
    corners = np.array([[0.0, 0.0], [last, 0.0], [0.0, last], [last, last]])
    return bool(np.isfinite(camera.project(patch_camera.backproject(corners, 1.0))).all())


def _shrink_at_centre(u: np.ndarray, v: np.ndarray, patch_camera: PatchCamera) -> float:
    """Source px per patch px in the middle of the patch."""
    i = patch_camera.size_px // 2
    lo, hi = max(0, i - 8), min(patch_camera.size_px - 1, i + 8)
    along_x = u[i, hi] - u[i, lo], v[i, hi] - v[i, lo]
    along_y = u[hi, i] - u[lo, i], v[hi, i] - v[lo, i]
    area = abs(along_x[0] * along_y[1] - along_x[1] * along_y[0])
    if not np.isfinite(area):
        return patch_camera.patch_px / patch_camera.size_px
    return float(np.sqrt(area)) / (hi - lo)


def _needed_window(
    u: np.ndarray, v: np.ndarray, size_wh_px: tuple[int, int], shrink: float
) -> tuple[int, int, int, int] | None:
    """Window x0, y0, x1, y1 of the image that a map reads, or None when it reads nothing.

    Its sides are multiples of the power of two in `shrink` where the image is large enough: halving
    an even side is what OpenCV does fast.
    """
    margin_px, power = int(2.0 * shrink) + 2, _power_of_two(shrink)
    bounds = []
    for values, size in ((u, size_wh_px[0]), (v, size_wh_px[1])):
        low, high = np.fmin.reduce(values, axis=None), np.fmax.reduce(values, axis=None)
        if not (low < size and high > -1.0):
            return None
        start = max(0, int(low) - margin_px)
        stop = min(size, int(high) + 1 + margin_px)
        stop = min(size, start + -(-(stop - start) // power) * power)
        bounds.append((max(0, stop - -(-(stop - start) // power) * power), stop))
    (x0, x1), (y0, y1) = bounds
    return x0, y0, x1, y1


def _power_of_two(shrink: float) -> int:
    """Largest power of two up to `shrink`, 1 % above included: rungs lie on powers of two."""
    return 2 ** int(np.log2(shrink * 1.01))


def _without_fine_detail(region: np.ndarray, plan: PatchPlan) -> np.ndarray:
    """The region halved and blurred as planned."""
    for _ in range(plan.halvings):
        height, width = region.shape[:2]
        half = (max(1, (width + 1) // 2), max(1, (height + 1) // 2))
        region = cv2.resize(region, half, interpolation=cv2.INTER_AREA)
    if plan.blur_sigma:
        side = (plan.blur_side, plan.blur_side)
        region = cv2.GaussianBlur(region, side, plan.blur_sigma, borderType=cv2.BORDER_REPLICATE)
    return region
