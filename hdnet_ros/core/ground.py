"""The floor as a second opinion: how far the feet are, how tall a person is, and how sure of both.

A camera at a known height over a level floor knows how far somebody stands from the pixel of their
feet alone. That needs no idea of body height, which is all that a picture of a person has; but it
believes in the camera's pitch, in feet that touch the floor, and that they are where they seem to be.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from hdnet_ros.core.boxes import bottom_touches_border, touches_border
from hdnet_ros.core.camera import Camera
from hdnet_ros.core.human_size import PLAUSIBLE_STATURE_MM
from hdnet_ros.core.skeleton import JOINT_NAMES
from hdnet_ros.core.types import PersonEstimate, PersonFlags

ANKLES = tuple(JOINT_NAMES.index(name) for name in ("right_ankle", "left_ankle"))
ANKLE_HEIGHT_MM = 80.0
ANKLE_CONFIDENCE = 0.3
# RMS of the network's lower ankle about where the truth has one, in box heights (96 HOG boxes of
# vtest.avi: 4.9 %; 120 hand-made: 4.3 %). HOG's boxes end 8.2 % below the feet and scatter by 2.8 %.
FOOT_SIGMA_BOX_FRACTION = 0.05
FOOT_SIGMA_PX = 1.0
# The pelvis is not above the foot that shows lowest: half a step, or a seat's depth.
STANCE_SIGMA_MM = 150.0
# Beyond these the floor says nothing that is worth having.
_LARGEST_RELATIVE_SIGMA = 0.5
_LEAST_REACH = 0.05


@dataclass(frozen=True)
class GroundConfig:
    """How far the floor is believed.

    Parameters
    ----------
    pitch_sigma_rad : error of the camera's pitch and roll against the floor, slopes of the floor
        included; half a degree stands for a camera that was mounted with care
    height_sigma_mm : error of the camera's height
    fuse_depth : whether the floor's depth is fused with the estimator's
    gate_sigmas : depths that are further apart than this are not of the same person: the feet are
        hidden, or not on the floor
    """

    pitch_sigma_rad: float = 0.0087
    height_sigma_mm: float = 20.0
    fuse_depth: bool = False
    gate_sigmas: float = 3.0

    def __post_init__(self) -> None:
        for name in ("pitch_sigma_rad", "height_sigma_mm", "gate_sigmas"):
            value = getattr(self, name)
            if not (np.isfinite(value) and value > 0.0):
                raise ValueError(f"GroundConfig.{name} is {value}, expected a finite number above 0")


@dataclass(frozen=True, eq=False)
class Ground:
    """The floor in a camera's optical frame: the points X with up . X = -camera_height_mm.

    Parameters
    ----------
    up_camera : (3,) unit vector
    camera_height_mm : of the camera over the floor

    Raises
    ------
    ValueError : `up_camera` is no unit vector, or the camera is not above the floor
    """

    up_camera: np.ndarray
    camera_height_mm: float

    def __post_init__(self) -> None:
        length = float(np.linalg.norm(self.up_camera))
        if not abs(length - 1.0) < 1e-6:
            raise ValueError(f"up_camera has length {length}, expected 1")
        if not (np.isfinite(self.camera_height_mm) and self.camera_height_mm > 0.0):
            raise ValueError(
                f"camera_height_mm is {self.camera_height_mm} mm, expected a camera above the floor"
            )

    @classmethod
    def from_transform(cls, ground_to_camera: np.ndarray) -> Ground:
        """Floor z = 0 of a frame whose pose (4, 4), mm, in the camera's optical frame is known."""
        up = np.asarray(ground_to_camera, dtype=np.float64)[:3, 2]
        return cls(up, float(-up @ ground_to_camera[:3, 3]))


@dataclass(frozen=True)
class GroundSighting:
    """What the floor says about one person.

    Parameters
    ----------
    depth_mm, depth_sigma_mm : of the root joint, along the optical axis
    stature_mm, stature_sigma_mm : body height from the floor up to the box's upper edge; NaN where
        the image border may cut the head
    """

    depth_mm: float
    depth_sigma_mm: float
    stature_mm: float
    stature_sigma_mm: float

    @property
    def is_plausible(self) -> bool:
        """Whether the stature may be a human's within two standard deviations, or is unknown."""
        low, high = PLAUSIBLE_STATURE_MM
        margin = 2.0 * self.stature_sigma_mm
        return not (self.stature_mm + margin < low or self.stature_mm - margin > high)


def see_on_ground(
    person: PersonEstimate, camera: Camera, ground: Ground, config: GroundConfig
) -> GroundSighting | None:
    """Depth and stature of a person whose feet are on the floor.

    The foot is the ankle that shows lowest, where the estimator is confident of one, else the
    middle of the box's lower edge. Its ray meets the floor at a distance; the root is where its
    own ray has come as far over the floor, wherever above the foot that is.

    Returns
    -------
    None where the image border may cut the feet off, where they show at the horizon or above it,
    and where the depth is less certain than half of itself.
    """
    if bottom_touches_border(person.box_xywh_center_px, camera.size_wh_px):
        return None
    foot_px, foot_height_mm = _foot(person)
    up, root = ground.up_camera, person.root_camera_mm
    foot = camera.rays(foot_px)
    down, level = -float(foot @ up), foot + (-float(foot @ up)) * up
    length = float(np.linalg.norm(level))
    # Rays of a point that no lens sees are NaN, which compares false.
    over_foot_mm = ground.camera_height_mm - foot_height_mm
    if not (down > 0.0 and length > 0.0 and over_foot_mm > 0.0):
        return None
    distance_mm = over_foot_mm * length / down
    box_height_px = float(person.box_xywh_center_px[3])
    sigma_mm = _distance_sigma_mm(distance_mm, box_height_px, camera, ground, config)
    reach = float(root @ level) / (length * float(root[2]))  # over the floor, per mm of depth
    if not (sigma_mm < _LARGEST_RELATIVE_SIGMA * distance_mm and reach > _LEAST_REACH):
        return None
    stature_mm = _stature_mm(person, camera, ground, level / length, distance_mm)
    return GroundSighting(
        depth_mm=distance_mm / reach,
        depth_sigma_mm=sigma_mm / reach,
        stature_mm=stature_mm,
        stature_sigma_mm=stature_mm * sigma_mm / distance_mm,
    )


def apply_ground(
    people: Sequence[PersonEstimate], camera: Camera, ground: Ground, config: GroundConfig
) -> list[PersonEstimate]:
    """People with stature and flag from the floor, and with `fuse_depth` its depth in theirs.

    Where the floor gives no stature the flag stays as it is. A stature that is not a human's (feet
    hidden behind something, a picture on a wall) sets IMPLAUSIBLE_HEIGHT, and such a depth is not
    fused; one that is a human's clears it, whatever the box implies at the estimator's depth.
    """
    return [_applied(person, see_on_ground(person, camera, ground, config), config) for person in people]


def fused_depth(person: PersonEstimate, sighting: GroundSighting) -> tuple[float, float, float]:
    """Depth mm, sigma mm and the estimator's weight of the two depths, by inverse variance."""
    own, floor = person.depth_sigma_mm**-2, sighting.depth_sigma_mm**-2
    weight = own / (own + floor)
    depth_mm = weight * float(person.root_camera_mm[2]) + (1.0 - weight) * sighting.depth_mm
    return depth_mm, (own + floor) ** -0.5, weight


def _applied(
    person: PersonEstimate, sighting: GroundSighting | None, config: GroundConfig
) -> PersonEstimate:
    if sighting is None:
        return person
    flags = person.flags
    if np.isfinite(sighting.stature_mm):
        flags &= ~PersonFlags.IMPLAUSIBLE_HEIGHT
    if not sighting.is_plausible:
        flags |= PersonFlags.IMPLAUSIBLE_HEIGHT
    person = replace(person, flags=flags, stature_mm=sighting.stature_mm)
    if config.fuse_depth and sighting.is_plausible and _agree(person, sighting, config):
        return _fused(person, sighting)
    return person


def _agree(person: PersonEstimate, sighting: GroundSighting, config: GroundConfig) -> bool:
    sigma_mm = np.hypot(person.depth_sigma_mm, sighting.depth_sigma_mm)
    apart_mm = abs(float(person.root_camera_mm[2]) - sighting.depth_mm)
    return bool(apart_mm <= config.gate_sigmas * sigma_mm)


def _fused(person: PersonEstimate, sighting: GroundSighting) -> PersonEstimate:
    depth_mm, sigma_mm, weight = fused_depth(person, sighting)
    root_mm = person.root_camera_mm * (depth_mm / float(person.root_camera_mm[2]))
    joints_mm = person.joints_camera_mm
    if joints_mm is not None:
        joints_mm = joints_mm + (root_mm - person.root_camera_mm)
    return replace(
        person,
        root_camera_mm=root_mm,
        joints_camera_mm=joints_mm,
        depth_sigma_mm=sigma_mm,
        estimator_share=weight * person.estimator_share,
    )


def _foot(person: PersonEstimate) -> tuple[np.ndarray, float]:
    """Pixel (2,) of what touches the floor, and its height over it, mm."""
    sure = [i for i in ANKLES if person.joint_confidence[i] >= ANKLE_CONFIDENCE]
    if sure:
        return person.joints_px[max(sure, key=lambda i: person.joints_px[i, 1])], ANKLE_HEIGHT_MM
    x, y, _, height_px = person.box_xywh_center_px
    return np.array([x, y + 0.5 * height_px]), 0.0


def _distance_sigma_mm(
    distance_mm: float, box_height_px: float, camera: Camera, ground: Ground, config: GroundConfig
) -> float:
    """Sigma of the distance over the floor: D = H / tan(a), so dD/da = -(D^2 + H^2) / H."""
    height_mm = ground.camera_height_mm
    foot_px = np.hypot(FOOT_SIGMA_PX, FOOT_SIGMA_BOX_FRACTION * box_height_px)
    angle_rad = np.hypot(config.pitch_sigma_rad, foot_px / camera.focal_px)
    parts = (
        angle_rad * (distance_mm**2 + height_mm**2) / height_mm,
        config.height_sigma_mm * distance_mm / height_mm,
        STANCE_SIGMA_MM,
    )
    return float(np.linalg.norm(parts))


def _stature_mm(
    person: PersonEstimate, camera: Camera, ground: Ground, ahead: np.ndarray, distance_mm: float
) -> float:
    """Height over the floor, mm, of the box's upper edge at a distance `ahead`; NaN where it is cut."""
    if touches_border(person.box_xywh_center_px, camera.size_wh_px):
        return float("nan")
    x, y, _, height_px = (float(value) for value in person.box_xywh_center_px)
    head = camera.rays(np.array([x, y - 0.5 * height_px]))
    reach = float(head @ ahead)
    if not reach > _LEAST_REACH * float(np.linalg.norm(head)):
        return float("nan")
    return ground.camera_height_mm + distance_mm * float(head @ ground.up_camera) / reach
