"""Where people and the camera stand: a target person at a wanted size in the picture, others beside, behind
and in front."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from hdnet_ros.data.synthetic.cameras import (
    MAX_DEPTH_M,
    MIN_DEPTH_M,
    CameraView,
    draw_lens,
    draw_mounting_height_m,
    draw_roll_rad,
    look_at_pixel,
    pitch_deg,
)

PIXEL_HEIGHT_RANGE = (28.0, 600.0)


@dataclass(frozen=True)
class PlacementConfig:
    """How views are drawn; every share is a probability.

    truncated_share : the picture's edge cuts the target
    crowd : probabilities of 0, 1, 2, 3, 4, 5 further people
    close_share : the target stands 0.6 to 3 m before the camera, a robot's daily view: the picture cuts legs,
        head, or a side
    steep_share : the camera looks down on the target at 30 to 62 degrees, as from a ceiling
    behind_share : somebody else stands between the camera and the target and hides part of it
    tall_share : the target may be taller than 280 px, which costs rendering time and shows no more to a
        256-px network
    """

    truncated_share: float = 0.2
    close_share: float = 0.24
    steep_share: float = 0.07
    behind_share: float = 0.14
    crowd: tuple[float, ...] = (0.45, 0.25, 0.14, 0.08, 0.05, 0.03)
    tall_share: float = 0.1


def draw_view(rng: np.random.Generator, mesh, config: PlacementConfig) -> CameraView:
    """A camera that sees a person (standing at the origin) at a random size and place.

    Tries again while the camera would look too steeply, be inside the person, or see the person at a size or
    depth
    outside the ranges; after 40 tries a plain view from 5 m is returned.
    """
    low, high = mesh.vertices_world_m.min(0), mesh.vertices_world_m.max(0)
    middle = 0.5 * (low + high)
    truncated, close = rng.random() < config.truncated_share, rng.random() < config.close_share
    steep = not close and rng.random() < config.steep_share
    for _ in range(40):
        if close:
            view = _propose_close_view(rng, mesh)
        else:
            view = _propose_view(rng, mesh, middle, high[2] - low[2], truncated, steep, config)
        if view is not None:
            return view
    lens = draw_lens(rng)
    position = np.array([-5.0, 0.0, 1.5])
    return CameraView(lens, look_at_pixel(lens, position, middle, lens.principal_point_px, 0.0), position)


def _propose_view(rng, mesh, middle, height_m, truncated, steep, config) -> CameraView | None:
    lens = draw_lens(rng)
    width, height = lens.size_wh_px
    view_deg = np.degrees(2 * np.arctan(0.5 * width / lens.K[0, 0]))
    camera_m = draw_mounting_height_m(rng, view_deg < 40)
    top = PIXEL_HEIGHT_RANGE[1] if rng.random() < config.tall_share else 280.0
    wanted_px = np.exp(rng.uniform(np.log(PIXEL_HEIGHT_RANGE[0]), np.log(min(top, 1.1 * height))))
    if truncated:
        wanted_px *= rng.uniform(1.0, 1.6)
    distance = lens.focal_px * height_m / wanted_px
    if steep:
        distance = np.clip(distance, 2.2, 9.0)
        camera_m = middle[2] + distance * np.sin(np.radians(rng.uniform(30, 62)))
    ground = np.sqrt(max(distance**2 - (camera_m - middle[2]) ** 2, 0.3))
    if not MIN_DEPTH_M < distance < MAX_DEPTH_M * 1.05:
        return None
    bearing = rng.uniform(0, 2 * np.pi)
    position = middle + np.array([ground * np.cos(bearing), ground * np.sin(bearing), camera_m - middle[2]])
    half = 0.5 * np.array([0.45 * wanted_px, wanted_px])
    pixel = _draw_pixel(rng, np.array([width, height]), half, truncated)
    rotation = look_at_pixel(lens, position, middle, pixel, draw_roll_rad(rng))
    view = CameraView(lens, rotation, position)
    return view if _acceptable(view, mesh, camera_m) else None


def _propose_close_view(rng, mesh) -> CameraView | None:
    """A camera 0.6 to 3 m before the person that looks at a height between its knees and its head."""
    lens = draw_lens(rng)
    width, height = lens.size_wh_px
    if height > 720 or lens.focal_px > 0.95 * width:
        return None
    share = rng.uniform(-0.6, 1.1)
    point = (1 - share) * mesh.joints_world_m[0] + share * mesh.joints_world_m[9]
    camera_m = rng.uniform(0.25, 1.9)
    ground, bearing = np.exp(rng.uniform(np.log(0.6), np.log(3.0))), rng.uniform(0, 2 * np.pi)
    position = np.array([point[0] + ground * np.cos(bearing), point[1] + ground * np.sin(bearing), camera_m])
    across = rng.uniform(0.25, 0.75) if rng.random() < 0.6 else rng.choice([rng.uniform(-0.1, 0.2), rng.uniform(0.8, 1.1)])
    pixel = np.array([width, height]) * (across, rng.uniform(0.3, 0.6))
    view = CameraView(lens, look_at_pixel(lens, position, point, pixel, draw_roll_rad(rng)), position)
    return view if _acceptable(view, mesh, camera_m, least_seen=0.12) else None


def _draw_pixel(rng, size, half, truncated) -> np.ndarray:
    """Where the middle of the person shows: inside with its whole box, or cut by one edge."""
    low, high = np.minimum(half, 0.45 * size), size - np.minimum(half, 0.45 * size)
    pixel = rng.uniform(low, high)
    if truncated:
        axis = int(rng.random() < 0.6)
        inside = rng.uniform(-0.5, 0.8) * half[axis]
        pixel[axis] = (
            inside if (rng.random() < 0.5 and axis == 0) or rng.random() < 0.25 else size[axis] - inside
        )
    return pixel


def _acceptable(view: CameraView, mesh, camera_m: float, least_seen: float = 0.3) -> bool:
    steepest = 25 if camera_m < 2.0 else 62
    if not -28 < pitch_deg(view.rotation_world_to_camera) < steepest:
        return False
    body = view.to_camera_m(mesh.vertices_world_m[::37])
    root_m = view.to_camera_m(mesh.joints_world_m[0])[2]
    if body[:, 2].min() < 0.25 or not MIN_DEPTH_M < root_m < MAX_DEPTH_M:
        return False
    pixels = view.camera.project(body)
    if not np.isfinite(pixels).all():
        # Wide lenses fold back far outside the picture; the body may not reach there.
        return False
    size = np.array(view.camera.size_wh_px)
    seen = np.clip(pixels, 0, size - 1)
    extent = seen.max(0) - seen.min(0)
    full = pixels.max(0) - pixels.min(0)
    enough = (
        np.prod(extent) > least_seen * np.prod(full)
        and ((pixels >= 0) & (pixels < size)).all(1).mean() > least_seen
    )
    return enough and PIXEL_HEIGHT_RANGE[0] * 0.8 < extent.max() < 1.1 * PIXEL_HEIGHT_RANGE[1]


def draw_place_before(rng: np.random.Generator, view: CameraView) -> tuple[float, np.ndarray]:
    """Heading and floor position of somebody between the camera and the target who hides part of it."""
    toward = view.position_world_m[:2]
    distance = max(float(np.linalg.norm(toward)), 1e-6)
    toward = toward / distance
    along = min(0.43 + rng.exponential(1.0), 0.7 * distance)
    # At the target's depth the two are this far apart: from almost hidden to almost free.
    apart = rng.choice([-1, 1]) * rng.uniform(0.08, 0.42) * (distance - along) / distance
    return rng.uniform(0, 2 * np.pi), along * toward + apart * np.array([-toward[1], toward[0]])


def draw_companion_place(
    rng: np.random.Generator, view: CameraView, target_heading_rad: float
) -> tuple[float, np.ndarray]:
    """Heading and floor position of another person: beside the target, or anywhere before or behind in its
    direction."""
    if rng.random() < 0.5:
        side = rng.uniform(0, 2 * np.pi)
        heading = target_heading_rad + rng.normal(0, 0.3) if rng.random() < 0.6 else rng.uniform(0, 2 * np.pi)
        return heading, rng.uniform(0.45, 1.4) * np.array([np.cos(side), np.sin(side)])
    away = -view.position_world_m[:2]
    distance = np.linalg.norm(away)
    away = away / max(distance, 1e-6)
    along = rng.uniform(-0.45 * distance, 0.8 * distance + 1.0)
    across = rng.normal(0, 0.12) * (distance + along)
    return rng.uniform(0, 2 * np.pi), along * away + across * np.array([-away[1], away[0]])
