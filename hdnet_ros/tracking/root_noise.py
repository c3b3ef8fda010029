"""How wrong a located root may be: long along the ray, short across it; what averages out and what not."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from hdnet_ros.core.boxes import xyxy_from_xywh_center
from hdnet_ros.core.human_size import STATURE_SIGMA_RELATIVE
from hdnet_ros.core.skeleton import ROOT
from hdnet_ros.core.types import PersonEstimate, PersonFlags

# Across the ray a root is as good as its box: the centres of HOG's boxes scatter by 3.7 % (u) and
# 3.1 % (v) of the box height about hand-made ones, measured on 120 frames of vtest.avi.
ROOT_SIGMA_BOX_FRACTION = 0.04
# The rest of the published sigma is split into what a pose or a view keeps for a second or two and
# what changes from picture to picture: white is this share of the variance (0.28 on the real clip).
WHITE_SHARE = 0.3
LEAST_WHITE_SIGMA = 0.015
LEAST_VIEW_SIGMA = 0.02
# Across the ray HDNet's roots on the real clip are off by 97 mm RMS, 1.46 times the fraction of the
# box above; 0.6 of it is still there 0.3 s later.
LATERAL_WHITE_FACTOR = 0.75
LATERAL_VIEW_FACTOR = 1.25
# Of somebody who is hidden the network sees the other one as well: a box that a nearer one covers
# by half is four times as uncertain.
HIDDEN_FACTOR = 6.0
# A box that the image border cuts hides how large the person is.
CUT_BOX_FACTOR = 2.0
# Tangents that a person can be high: a thumb's nail to a face at the lens, and a wide margin.
_SIZES = (1e-5, 1e3)


@dataclass(frozen=True, eq=False)
class RootMeasurement:
    """One sighting of a root in the tracking frame.

    The measured root is camera + (1 + b) * (root - camera) + view error + white noise. The relative
    depth error b stays with the person (height), the view error for a second or two.

    Parameters
    ----------
    camera : name of the camera, whose view errors belong together
    root_mm, camera_mm : (3,) tracking frame
    height_sigma : standard deviation of b, no unit
    view_covariance_mm2, white_covariance_mm2 : (3, 3) tracking frame
    bearing : (3,) unit vector from the camera through the middle of the box
    size : height of the person's box over its distance, as a tangent: body height over range; NaN
        where the box does not hold the whole person
    """

    camera: str
    root_mm: np.ndarray
    camera_mm: np.ndarray
    height_sigma: float
    view_covariance_mm2: np.ndarray
    white_covariance_mm2: np.ndarray
    bearing: np.ndarray | None = None
    size: float = float("nan")


def root_covariance_mm2(
    root_camera_mm: np.ndarray, depth_sigma_mm: float, lateral_sigma_mm: float
) -> np.ndarray:
    """Return the (3, 3) covariance of a root: long along the ray, short across it.

    A depth that moves by dz moves the root by dz * |X| / z along its ray.

    Raises
    ------
    ValueError
        If the root is not in front of the camera.
    """
    root = np.asarray(root_camera_mm, dtype=np.float64)
    if not root[2] > 0:
        raise ValueError(f"root_camera_mm[2] is {root[2]} mm, expected a depth above 0")
    range_mm = float(np.linalg.norm(root))
    ray = root / range_mm
    along = np.outer(ray, ray)
    sigma_along_mm = depth_sigma_mm * range_mm / root[2]
    return sigma_along_mm**2 * along + lateral_sigma_mm**2 * (np.eye(3) - along)


def lateral_sigma_mm(person: PersonEstimate) -> float:
    """Return how well the root is known across its ray: 4 % of the box's longer side, in mm."""
    wh_px, distance_mm = box_at_distance(person)
    return ROOT_SIGMA_BOX_FRACTION * float(np.max(wh_px)) * distance_mm / person.focal_px


def root_measurement(
    person: PersonEstimate,
    camera_to_tracking: np.ndarray,
    camera: str = "",
    hidden_share: float = 0.0,
) -> RootMeasurement:
    """Return the sighting of a person by a camera whose pose (4, 4), mm, is known.

    The published sigma of depth, never taken below 5.6 % of the estimator's share, is split in
    quadrature into height, view and white noise.

    Raises
    ------
    ValueError : numbers that are not finite, or so far from 1 that their squares are not
    """
    rotation, camera_mm = camera_to_tracking[:3, :3], camera_to_tracking[:3, 3]
    depth_mm = float(person.root_camera_mm[2])
    # A floor that has a share of the depth knows nothing of body heights.
    height = STATURE_SIGMA_RELATIVE * person.estimator_share
    relative = max(person.depth_sigma_mm / depth_mm, height)
    rest = relative**2 - height**2
    view = max(np.sqrt((1.0 - WHITE_SHARE) * rest), LEAST_VIEW_SIGMA)
    white = max(np.sqrt(WHITE_SHARE * rest), LEAST_WHITE_SIGMA)
    across_mm = lateral_sigma_mm(person)
    hidden = 1.0 + HIDDEN_FACTOR * hidden_share
    view, across_mm = hidden * view, hidden * across_mm
    if person.flags & PersonFlags.TRUNCATED_BOX:
        view, across_mm = CUT_BOX_FACTOR * view, CUT_BOX_FACTOR * across_mm

    def turned(along: float, across_factor: float) -> np.ndarray:
        across = across_factor * across_mm
        covariance = root_covariance_mm2(person.root_camera_mm, along * depth_mm, across)
        return rotation @ covariance @ rotation.T

    measurement = RootMeasurement(
        camera=camera,
        root_mm=rotation @ person.root_camera_mm + camera_mm,
        camera_mm=camera_mm,
        height_sigma=height,
        view_covariance_mm2=turned(view, LATERAL_VIEW_FACTOR),
        white_covariance_mm2=turned(white, LATERAL_WHITE_FACTOR),
        bearing=rotation @ _box_bearing(person),
        size=box_height_mm(person) / float(np.linalg.norm(person.root_camera_mm)),
    )
    _check(measurement)
    return measurement


def _check(measurement: RootMeasurement) -> None:
    """Raise a ValueError where a filter could not take a measurement: one would spoil all the others'."""
    covariances = (measurement.view_covariance_mm2, measurement.white_covariance_mm2)
    numbers = (measurement.root_mm, measurement.camera_mm, measurement.bearing, *covariances)
    is_finite = all(np.isfinite(values).all() for values in numbers if values is not None)
    is_person = np.isnan(measurement.size) or _SIZES[0] < measurement.size < _SIZES[1]
    if not (is_finite and is_person and all(1e-12 < np.linalg.det(values) < 1e60 for values in covariances)):
        raise ValueError(f"a root at {measurement.root_mm.tolist()} mm has no covariance that can be used")


def hidden_shares(persons: Sequence[PersonEstimate]) -> list[float]:
    """Return how much of each box a nearer one covers: one whose lower edge is lower, 0 to 1."""
    if not persons:
        return []
    corners = xyxy_from_xywh_center(np.array([p.box_xywh_center_px for p in persons]))
    # Who has no box hides nobody.
    corners[~np.isfinite(corners).all(axis=1)] = np.nan
    low = np.maximum(corners[:, None, :2], corners[None, :, :2])
    high = np.minimum(corners[:, None, 2:], corners[None, :, 2:])
    common = np.prod(np.clip(high - low, 0.0, None), axis=-1)
    area = np.prod(corners[:, 2:] - corners[:, :2], axis=-1)
    is_nearer = corners[None, :, 3] > corners[:, None, 3]
    with np.errstate(all="ignore"):
        shares = np.where(is_nearer, common / area[:, None], 0.0)
    return shares.max(axis=1).tolist()


def _box_bearing(person: PersonEstimate) -> np.ndarray:
    """Return the unit vector (3,) in the camera's frame through the middle of a person's box."""
    if person.box_ray_camera is not None:
        return person.box_ray_camera
    root_mm = person.root_camera_mm
    pelvis_px = person.joints_px[ROOT]
    if np.isfinite(pelvis_px).all():
        # Close to the root's own pixel a pixel is depth over focal length wide.
        offset_px = person.box_xywh_center_px[:2] - pelvis_px
        root_mm = root_mm + np.append(offset_px, 0.0) * root_mm[2] / person.focal_px
    return root_mm / np.linalg.norm(root_mm)


def box_at_distance(person: PersonEstimate) -> tuple[np.ndarray, float]:
    """Return a box's width and height (2,), px, and the distance, mm, at which they are the person's.

    Size times distance over `focal_px` is mm. The distance is the depth; for a fisheye's box, whose
    size is that for a pinhole turned to it, the range.
    """
    if person.turned_box_wh_px is None:
        return np.asarray(person.box_xywh_center_px)[2:], float(person.root_camera_mm[2])
    return person.turned_box_wh_px, float(np.linalg.norm(person.root_camera_mm))


def box_height_mm(person: PersonEstimate) -> float:
    """Return the box's height where the person is, mm; NaN where the image border cuts the box."""
    if person.flags & PersonFlags.TRUNCATED_BOX:
        return float("nan")
    (_, height_px), distance_mm = box_at_distance(person)
    return float(height_px) * distance_mm / person.focal_px


def implied_stature_mm(person: PersonEstimate) -> float:
    """Return the height over the floor, mm, or where none is known `box_height_mm`."""
    return person.stature_mm if np.isfinite(person.stature_mm) else box_height_mm(person)
