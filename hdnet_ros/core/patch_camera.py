"""The camera that the network sees: which square of the source it covers, at which focal length.

Every patch is an isotropic pinhole whose focal length in its own pixels is known exactly,
f_in = f * S / P with f = sqrt(fx fy) of the source, S the patch's side in network px and P its side
in px of a source camera that looks along the patch's axis. Depth over f_in is what the network
regresses, so the answer does not depend on which P was taken.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields
from functools import lru_cache

import numpy as np

from hdnet_ros.core.camera import Camera

# Share of the patch that the box's longer side fills when its ideal P lies on a rung.
LADDER_FILL = 0.58

_BOX_EDGE_POINTS = 9
_MOST_INPUT_PX = 4096


@dataclass(frozen=True)
class PatchConvention:
    """How patches are cut; it belongs to a network's weights and is stored with them.

    Parameters
    ----------
    input_px : side S of the network's input
    heatmap_stride : input px per heatmap cell
    mode : "crop" keeps the camera's axis; "virtual" turns the camera to look at the centre
    centre : "box" or "principal_point": what the middle of the patch shows
    ladder : True takes P = 2^(k/2) px so that the box fills about 0.58 of the patch; False takes
        fixed_patch_px always
    fixed_patch_px : P without a ladder; 1000 in the paper
    patch_per_box : P as a multiple of the box's longer side, for networks whose patch is the box
        itself, 1.25 for RootNet; 0 leaves P to the ladder or to fixed_patch_px
    half_pixel : True puts the centre at pixel (S - 1) / 2, so that borders agree; False at S / 2,
        as the authors do
    antialias : average source pixels when the patch shrinks them
    box_margin : share of its width and height by which the box mask is widened on each side
    undistort : sample through the lens model; False takes raw pixels, as the authors do, and only
        goes with mode "crop"
    """

    input_px: int = 256
    heatmap_stride: int = 4
    mode: str = "virtual"
    centre: str = "box"
    ladder: bool = True
    fixed_patch_px: float = 1000.0
    patch_per_box: float = 0.0
    half_pixel: bool = True
    antialias: bool = True
    box_margin: float = 0.15
    undistort: bool = True

    def __post_init__(self) -> None:
        if self.mode not in ("crop", "virtual"):
            raise ValueError(f"mode is {self.mode!r}, expected 'crop' or 'virtual'")
        if self.centre not in ("box", "principal_point"):
            raise ValueError(f"centre is {self.centre!r}, expected 'box' or 'principal_point'")
        if not 1 <= self.heatmap_stride <= self.input_px <= _MOST_INPUT_PX:
            raise ValueError(
                f"input_px is {self.input_px}, heatmap_stride {self.heatmap_stride}, "
                f"expected {_MOST_INPUT_PX} >= input_px >= heatmap_stride >= 1"
            )
        if self.input_px % self.heatmap_stride:
            raise ValueError(
                f"input_px is {self.input_px}, expected a multiple of {self.heatmap_stride}"
            )
        if not 0.0 < self.fixed_patch_px < np.inf:
            raise ValueError(f"fixed_patch_px is {self.fixed_patch_px}, expected above 0")
        if not 0.0 <= self.patch_per_box < np.inf:
            raise ValueError(f"patch_per_box is {self.patch_per_box}, expected at least 0")
        if self.patch_per_box and (self.ladder or self.centre != "box"):
            raise ValueError(
                f"patch_per_box is {self.patch_per_box} with ladder {self.ladder} and centre "
                f"{self.centre!r}, expected ladder False and centre 'box'"
            )
        if not 0.0 <= self.box_margin < np.inf:
            raise ValueError(f"box_margin is {self.box_margin}, expected at least 0")
        if self.mode == "virtual" and not self.undistort:
            raise ValueError("mode is 'virtual' with undistort False, expected undistort True")

    @classmethod
    def authors(cls) -> PatchConvention:
        """The convention of the authors' released code: 1000 raw px around the principal point."""
        return cls(
            mode="crop",
            centre="principal_point",
            ladder=False,
            fixed_patch_px=1000.0,
            half_pixel=False,
            antialias=False,
            box_margin=0.0,
            undistort=False,
        )

    @classmethod
    def from_dict(cls, values: dict) -> PatchConvention:
        """Convention from a mapping; an unknown key is a ValueError that names it."""
        unknown = sorted(set(values) - {f.name for f in fields(cls)})
        if unknown:
            raise ValueError(f"unknown patch convention keys {unknown}")
        return cls(**values)

    def to_dict(self) -> dict:
        return asdict(self)

    @property
    def heatmap_px(self) -> int:
        """Side of the heatmap in cells."""
        return self.input_px // self.heatmap_stride

    @property
    def centre_px(self) -> float:
        """The patch pixel, in both directions, that shows the patch's centre."""
        return (self.input_px - 1) / 2.0 if self.half_pixel else self.input_px / 2.0


@dataclass(frozen=True, eq=False)
class PatchCamera:
    """The camera of one patch.

    Parameters
    ----------
    focal_px : f_in, px of the patch, the focal length by which depth is normalised
    principal_point_px : (2,) px of the patch, may lie outside it
    size_px : side S, px
    rotation_patch_to_camera : (3, 3); identity for a plain crop
    patch_px : P, px
    raw_camera : the camera of a patch of raw pixels (undistort False), else None
    """

    focal_px: float
    principal_point_px: np.ndarray
    size_px: int
    rotation_patch_to_camera: np.ndarray
    patch_px: float
    raw_camera: Camera | None = None

    def backproject(self, points_patch_px: np.ndarray, depth_mm: np.ndarray | float) -> np.ndarray:
        """Camera-frame points of patch pixels.

        Parameters
        ----------
        points_patch_px : (..., 2) px
        depth_mm : (...) depth along the patch's axis, mm

        Returns
        -------
        (..., 3) mm in the source camera's optical frame
        """
        if self.raw_camera is not None:
            return self.raw_camera.backproject(points_patch_px, depth_mm)
        points = np.asarray(points_patch_px, dtype=np.float64)
        normalised = (points - self.principal_point_px) / self.focal_px
        rays_patch = np.concatenate([normalised, np.ones_like(normalised[..., :1])], axis=-1)
        depth = np.asarray(depth_mm, dtype=np.float64)[..., None]
        return (rays_patch * depth) @ self.rotation_patch_to_camera.T

    def project(self, points_camera_mm: np.ndarray) -> np.ndarray:
        """Patch pixels (..., 2) of camera-frame points (..., 3); NaN behind the patch's camera."""
        if self.raw_camera is not None:
            return self.raw_camera.project(points_camera_mm)
        points = np.asarray(points_camera_mm, dtype=np.float64) @ self.rotation_patch_to_camera
        with np.errstate(all="ignore"):
            depth = np.where(points[..., 2:] > 0.0, points[..., 2:], np.nan)
            return points[..., :2] / depth * self.focal_px + self.principal_point_px

    def depth_mm(self, points_camera_mm: np.ndarray) -> np.ndarray:
        """Depth (...) along the patch's axis of camera-frame points (..., 3), mm."""
        return np.asarray(points_camera_mm, dtype=np.float64) @ self.rotation_patch_to_camera[:, 2]


def choose_patch_px(
    box_xywh: Sequence[float] | np.ndarray,
    convention: PatchConvention,
    rung_offset: int = 0,
    zoom: float = 1.0,
) -> float:
    """Side P of the patch for a box, in px.

    Parameters
    ----------
    box_xywh : (4,) only width and height are read, px
    rung_offset : rungs of sqrt(2) above (larger P) the one nearest to longer side / 0.58
    zoom : magnification on top, P is divided by it; off the ladder on purpose, for training

    Raises
    ------
    ValueError : a box without extent, or a zoom that is not positive
    """
    if not (np.isfinite(zoom) and zoom > 0.0):
        raise ValueError(f"zoom is {zoom}, expected above 0")
    if not (convention.ladder or convention.patch_per_box):
        return float(convention.fixed_patch_px * 2.0 ** (rung_offset / 2.0) / zoom)
    longer = float(max(box_xywh[2], box_xywh[3]))
    if not (np.isfinite(longer) and longer > 0.0):
        raise ValueError(f"box is {box_xywh[2]} x {box_xywh[3]} px, expected above 0")
    if convention.patch_per_box:
        return float(convention.patch_per_box * longer * 2.0 ** (rung_offset / 2.0) / zoom)
    rung = round(2.0 * np.log2(longer / LADDER_FILL))
    return float(2.0 ** ((rung + rung_offset) / 2.0) / zoom)


def patch_camera_for(
    camera: Camera,
    box_xywh_center_px: Sequence[float] | np.ndarray,
    convention: PatchConvention,
    rung_offset: int = 0,
    zoom: float = 1.0,
    centre_offset_px: tuple[float, float] = (0.0, 0.0),
) -> PatchCamera:
    """Camera of the patch for a box.

    The ladder reads the box's size as the patch's camera would see it at the source's focal length,
    so a person at the rim of a wide lens fills the patch as one in the middle does.

    Parameters
    ----------
    box_xywh_center_px : (4,) px of the source
    centre_offset_px : moves the patch's centre, px of the source

    Raises
    ------
    ValueError : the patch's centre lies where the lens has no ray of less than 90 degrees
    """
    box = np.asarray(box_xywh_center_px, dtype=np.float64)
    middle = box[:2] if convention.centre == "box" else camera.principal_point_px
    centre_px = middle + np.asarray(centre_offset_px, dtype=np.float64)
    if not convention.undistort:
        patch_px = choose_patch_px(box, convention, rung_offset, zoom)
        return _raw_patch_camera(camera, centre_px, patch_px, convention)
    ray = camera.rays(centre_px)
    if not np.isfinite(ray).all():
        raise ValueError(
            f"patch centre ({centre_px[0]:.1f}, {centre_px[1]:.1f}) px has no ray through the lens"
        )
    rotation = _look_at(ray) if convention.mode == "virtual" else np.eye(3)
    if convention.ladder or convention.patch_per_box:
        unit = _pinhole_patch(camera, ray, rotation, float(convention.input_px), convention)
        x0, y0, x1, y1 = box_in_patch(box, camera, unit)
        box = np.array([0.0, 0.0, x1 - x0, y1 - y0])
    patch_px = choose_patch_px(box, convention, rung_offset, zoom)
    return _pinhole_patch(camera, ray, rotation, patch_px, convention)


def box_in_patch(
    box_xywh_center_px: Sequence[float] | np.ndarray, camera: Camera, patch_camera: PatchCamera
) -> np.ndarray:
    """Bounds in the patch of a source box whose outline is bent by lens and rotation.

    Returns
    -------
    (4,) x0, y0, x1, y1 in patch px, not clipped to the patch

    Raises
    ------
    ValueError : no point of the box's outline has a ray in front of the patch's camera
    """
    box = tuple(float(value) for value in box_xywh_center_px)
    if patch_camera.raw_camera is None:
        outline = patch_camera.project(_outline_rays(box, camera))
    else:
        outline = source_to_patch_px(_box_outline(box), camera, patch_camera)
    outline = outline[np.isfinite(outline).all(axis=-1)]
    if len(outline) == 0:
        raise ValueError(f"box {np.asarray(box_xywh_center_px).tolist()} has no ray in the patch")
    return np.concatenate([outline.min(axis=0), outline.max(axis=0)])


@lru_cache(maxsize=256)
def _outline_rays(box_xywh_center_px: tuple[float, ...], camera: Camera) -> np.ndarray:
    """Rays of a box's outline, not to be written to; a box is seen by two patches and more."""
    return camera.rays(_box_outline(box_xywh_center_px))


def _box_outline(box_xywh_center_px: Sequence[float] | np.ndarray) -> np.ndarray:
    x, y, width, height = (float(value) for value in box_xywh_center_px)
    along = np.linspace(-0.5, 0.5, _BOX_EDGE_POINTS)
    side = np.full_like(along, 0.5)
    unit = np.concatenate(
        [np.stack(pair, axis=-1) for s in (-side, side) for pair in ((along, s), (s, along))]
    )
    return unit * (width, height) + (x, y)


def source_to_patch_px(
    points_px: np.ndarray, camera: Camera, patch_camera: PatchCamera
) -> np.ndarray:
    """Patch px (..., 2) of px of the source; NaN where they show nothing before the patch's camera."""
    raw = patch_camera.raw_camera
    if raw is None:
        return patch_camera.project(camera.rays(points_px))
    scale = raw.K[[0, 1], [0, 1]] / camera.K[[0, 1], [0, 1]]
    return (points_px - camera.principal_point_px) * scale + raw.principal_point_px


def _pinhole_patch(
    camera: Camera,
    centre_ray: np.ndarray,
    rotation_patch_to_camera: np.ndarray,
    patch_px: float,
    convention: PatchConvention,
) -> PatchCamera:
    focal_px = camera.focal_px * convention.input_px / patch_px
    x, y, z = centre_ray @ rotation_patch_to_camera
    principal_point_px = convention.centre_px - focal_px * np.array([x / z, y / z])
    return PatchCamera(
        focal_px, principal_point_px, convention.input_px, rotation_patch_to_camera, patch_px
    )


def _raw_patch_camera(
    camera: Camera, centre_px: np.ndarray, patch_px: float, convention: PatchConvention
) -> PatchCamera:
    scale = convention.input_px / patch_px
    K = camera.K.copy()
    K[:2, :2] *= scale
    K[:2, 2] = (camera.principal_point_px - centre_px) * scale + convention.centre_px
    side = convention.input_px
    raw = Camera(K, (side, side), camera.distortion_model, camera.distortion)
    return PatchCamera(raw.focal_px, raw.principal_point_px, side, np.eye(3), patch_px, raw)


def _look_at(ray_camera: np.ndarray) -> np.ndarray:
    """Rotation patch to camera that pans, then tilts the camera onto a ray.

    Without roll: what is upright in a level camera's picture stays upright in the patch.
    """
    forward = ray_camera / np.linalg.norm(ray_camera)
    right = np.cross([0.0, 1.0, 0.0], forward)
    right /= np.linalg.norm(right)
    return np.stack([right, np.cross(forward, right), forward], axis=1)
