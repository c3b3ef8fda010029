"""Random cameras: lens, sensor, mounting height and the view that puts a person at a wanted size and place."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from hdnet_ros.core.camera import Camera

IMAGE_SIZES_WH_PX = (
    (640, 480),
    (640, 480),
    (768, 576),
    (800, 600),
    (848, 480),
    (960, 540),
    (1280, 720),
    (1280, 720),
    (1280, 960),
    (1920, 1080),
)
MIN_DEPTH_M, MAX_DEPTH_M = 0.5, 40.0


@dataclass(frozen=True, eq=False)
class CameraView:
    """A camera placed in the world (metres, z up, floor at z = 0).

    camera : whole picture, lens included
    rotation_world_to_camera : (3, 3)
    position_world_m : (3,) optical centre
    """

    camera: Camera
    rotation_world_to_camera: np.ndarray
    position_world_m: np.ndarray

    def __post_init__(self) -> None:
        # The kernels that look through it take no slices of other arrays.
        for name in ("rotation_world_to_camera", "position_world_m"):
            object.__setattr__(self, name, np.ascontiguousarray(getattr(self, name), dtype=np.float64))

    def to_camera_m(self, points_world_m: np.ndarray) -> np.ndarray:
        """Points (..., 3) of the world in the optical frame, m."""
        return (
            np.asarray(points_world_m, np.float64) - self.position_world_m
        ) @ self.rotation_world_to_camera.T

    def to_world_m(self, points_camera_m: np.ndarray) -> np.ndarray:
        """Points (..., 3) of the optical frame in the world, m."""
        return np.asarray(points_camera_m, np.float64) @ self.rotation_world_to_camera + self.position_world_m

    def project(self, points_world_m: np.ndarray) -> np.ndarray:
        """Pixels (..., 2) of world points in the whole picture, lens included; NaN behind the camera."""
        return self.camera.project(self.to_camera_m(points_world_m))


def draw_lens(rng: np.random.Generator) -> Camera:
    """A camera with a horizontal view of 40 to 110 degrees (one in five 18 to 40, as in surveillance) and
    its usual distortion."""
    width, height = IMAGE_SIZES_WH_PX[rng.integers(len(IMAGE_SIZES_WH_PX))]
    if rng.random() < 0.06:
        width, height = height, width
    tele = rng.random() < 0.2
    view_deg = rng.uniform(22, 40) if tele else rng.triangular(40, 65, 110)
    focal = 0.5 * width / np.tan(np.radians(view_deg) / 2)
    aspect = 1 + (rng.uniform(-0.01, 0.01) if rng.random() < 0.4 else 0.0)
    centre = np.array([width - 1, height - 1]) / 2 + 0.02 * width * rng.standard_normal(2) * (
        rng.random() < 0.8
    )
    K = np.array([[focal * aspect, 0, centre[0]], [0, focal / aspect, centre[1]], [0, 0, 1]])
    if rng.random() < 0.35:
        return Camera.from_matrix(K, (width, height))
    return Camera.from_matrix(K, (width, height), "plumb_bob", _draw_plumb_bob(rng, view_deg))


def _draw_plumb_bob(rng: np.random.Generator, view_deg: float) -> tuple[float, ...]:
    """Coefficients k1 k2 p1 p2 k3 that stay monotonic out to the picture's corners: wider lenses bend more."""
    corner = 1.25 * np.tan(np.radians(min(view_deg, 110)) / 2)
    k1 = rng.uniform(-0.35, 0.1) * min(1.0, 0.55 / corner**2) if view_deg > 40 else rng.uniform(-0.3, 0.1)
    k2 = -0.3 * k1 * rng.uniform(0.0, 1.0) * min(1.0, 1.0 / corner**2)
    p1, p2 = 5e-4 * rng.standard_normal(2)
    return (k1, k2, p1, p2, 0.0)


def draw_mounting_height_m(rng: np.random.Generator, telephoto: bool) -> float:
    """Height of the camera over the floor: robots 0.2 to 1.6 (a third below 0.6), hands and heads 1.2 to 1.9, walls and masts
    2.2 to 7 m."""
    kind = rng.choice(3, p=(0.1, 0.25, 0.65) if telephoto else (0.45, 0.3, 0.25))
    if kind == 0:
        return float(rng.uniform(0.2, 0.6) if rng.random() < 0.35 else rng.uniform(0.5, 1.6))
    if kind == 1:
        return float(rng.uniform(1.2, 1.9))
    return float(np.exp(rng.uniform(np.log(2.2), np.log(7.2))))


def look_at_pixel(
    camera: Camera, position_m: np.ndarray, point_m: np.ndarray, pixel: np.ndarray, roll_rad: float
) -> np.ndarray:
    """Rotation (3,3) world to camera so that `point_m` shows at `pixel` and the camera's right axis is level
    but for the roll.

    Solved by turning the level camera in yaw and pitch until the two viewing directions agree.
    """
    ray = camera.rays(np.asarray(pixel, np.float64))
    cos_roll, sin_roll = np.cos(roll_rad), np.sin(roll_rad)
    ray = np.array([cos_roll * ray[0] - sin_roll * ray[1], sin_roll * ray[0] + cos_roll * ray[1], ray[2]])
    ray /= np.linalg.norm(ray)
    to_point = np.asarray(point_m, np.float64) - position_m
    to_point /= np.linalg.norm(to_point)
    # Level camera: right r = (s, -c, 0), forward f = (c cos p, s cos p, -sin p), down d = (-c sin p, -s sin p, -cos p).
    vertical = np.hypot(ray[1], ray[2])
    pitch = np.arcsin(np.clip(-to_point[2] / vertical, -1, 1)) - np.arctan2(ray[1], ray[2])
    ahead = np.cos(pitch) * ray[2] - np.sin(pitch) * ray[1]
    yaw = np.arctan2(to_point[1], to_point[0]) + np.arctan2(ray[0], ahead)
    c, s, cp, sp = np.cos(yaw), np.sin(yaw), np.cos(pitch), np.sin(pitch)
    level = np.array([[s, -c, 0], [-c * sp, -s * sp, -cp], [c * cp, s * cp, -sp]])
    roll = np.array([[cos_roll, sin_roll, 0], [-sin_roll, cos_roll, 0], [0, 0, 1]])
    return roll @ level


def draw_roll_rad(rng: np.random.Generator) -> float:
    """Roll about the optical axis: 2 degrees, with tails of 8."""
    return float(np.radians(rng.normal(0, 8 if rng.random() < 0.08 else 2)))


def pitch_deg(rotation_world_to_camera: np.ndarray) -> float:
    """How far the optical axis points below the horizon, degrees."""
    return float(np.degrees(np.arcsin(np.clip(-rotation_world_to_camera[2, 2], -1, 1))))
