"""Scenes around people: rooms, streets, lawns and photographs, lit, seen by a camera and composed with
rendered people."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from hdnet_ros.core.camera import Camera
from hdnet_ros.data.synthetic import furniture, labels
from hdnet_ros.data.synthetic.backgrounds import SRGB_BYTE_TO_LINEAR, TextureBank
from hdnet_ros.data.synthetic.cameras import CameraView
from hdnet_ros.data.synthetic.compose import compose
from hdnet_ros.data.synthetic.floors import draw_ground, draw_marks
from hdnet_ros.data.synthetic.furniture import PrimitiveList
from hdnet_ros.data.synthetic.raycast import CONE, find_surfaces
from hdnet_ros.data.synthetic.shadows import contact_map, sun_shadow_map
from hdnet_ros.data.synthetic.surroundings import add_buildings, add_room

Rng = np.random.Generator
OUTDOOR, INDOOR, PHOTO = "outdoor", "indoor", "photo"
# Lights softer than this throw no hard shadows of things.
HARD_SHADOW_M = 0.05


@dataclass(frozen=True, eq=False)
class SceneLight:
    """Light as raycast and the people's renderer use it; colours are linear, white walls in full light come
    out near 1.

    direction_to_light : (3,) unit vector; sun_rgb, sky_rgb, bounce_rgb : (3,) from the sun, from above and
        from below
    softness_m : blur of shadow edges on the floor
    """

    direction_to_light: np.ndarray
    sun_rgb: np.ndarray
    sky_rgb: np.ndarray
    bounce_rgb: np.ndarray
    softness_m: float


@dataclass(frozen=True, eq=False)
class Scene:
    """Everything around the people, in world metres: arrays as raycast documents them.

    things : (P,) number of the thing that a primitive is a part of, -1 for a room's walls
    """

    setting: str
    primitives: np.ndarray
    things: np.ndarray
    ground: np.ndarray
    marks: np.ndarray
    light: SceneLight
    macro_variation: float
    contact_strength: float


@dataclass(frozen=True)
class SceneConfig:
    """Shares of settings and of scenes whose target stands behind something."""

    indoor_share: float = 0.3
    photo_share: float = 0.2
    occluded_share: float = 0.28


def draw_light(rng: Rng, setting: str) -> SceneLight:
    """Sun, overcast sky or lamps."""
    azimuth, sunny = rng.uniform(0, 2 * np.pi), rng.random() < (0.5 if setting != INDOOR else 0.15)
    elevation = np.radians(rng.uniform(20, 70) if setting != INDOOR else rng.uniform(45, 85))
    direction = np.array(
        [np.cos(elevation) * np.cos(azimuth), np.cos(elevation) * np.sin(azimuth), np.sin(elevation)]
    )
    share = rng.uniform(0.4, 0.8) if sunny else rng.uniform(0.0, 0.3)
    warm = 1 + rng.normal(0, 0.05 if setting != INDOOR else 0.1)
    sun = 1.3 * share * np.array([warm, 1.0, 1 / warm])
    sky = (1 - share) * np.array([1 / warm, 1.0, warm]) * rng.uniform(0.9, 1.15)
    softness = rng.uniform(0.01, 0.049) if sunny else rng.uniform(0.05, 0.2)
    return SceneLight(direction, sun, sky, sky * rng.uniform(0.3, 0.7), float(softness))


def draw_scene(rng: Rng, bank: TextureBank, view: CameraView, meshes, config: SceneConfig) -> Scene:
    """A scene around the people (the target is meshes[0], near the origin), seen by the camera."""
    number = rng.random()
    setting = (
        INDOOR
        if number < config.indoor_share
        else PHOTO
        if number < config.indoor_share + config.photo_share
        else OUTDOOR
    )
    if setting == PHOTO and not bank.photos and not bank.panoramas:
        setting = OUTDOOR
    if setting == INDOOR and np.linalg.norm(view.position_world_m[:2]) > 22:
        setting = OUTDOOR
    out = PrimitiveList(bank)
    keep_free = _footprints(meshes) + [(view.position_world_m[:2], 0.5)]
    for mesh in meshes:
        out.next_thing()
        _seat_under(out, rng, mesh)
    out.next_thing()
    if rng.random() < config.occluded_share:
        _add_occluder(out, rng, view, keep_free, meshes[0], setting)
    if setting == INDOOR:
        add_room(out, rng, view, meshes)
        _scatter(out, rng, furniture.INDOOR, int(rng.integers(0, 7)), view, keep_free, 0.9)
    elif setting == OUTDOOR:
        add_buildings(out, rng, view)
        _scatter(out, rng, furniture.OUTDOOR, int(rng.integers(0, 9)), view, keep_free, 1.8)
    ground = draw_ground(rng, bank, setting == INDOOR, setting == OUTDOOR)
    marks = draw_marks(rng, setting == OUTDOOR)
    return Scene(
        setting,
        out.array(),
        np.array(out.things, np.int64),
        ground,
        marks,
        draw_light(rng, setting),
        rng.uniform(0.0, 0.5),
        rng.uniform(0.5, 0.9),
    )


def _footprints(meshes) -> list[tuple[np.ndarray, float]]:
    result = []
    for mesh in labels.solids(meshes):
        low, high = mesh.vertices_world_m[:, :2].min(0), mesh.vertices_world_m[:, :2].max(0)
        result.append((0.5 * (low + high), 0.4 * float(np.linalg.norm(high - low))))
    return result


def _is_free(place: np.ndarray, radius: float, keep_free) -> bool:
    return all(np.linalg.norm(place - centre) > radius + other for centre, other in keep_free)


def _seat_under(out: PrimitiveList, rng: Rng, mesh) -> None:
    height = mesh.attributes.get("seat_height_m")
    if height:
        across = mesh.joints_world_m[4] - mesh.joints_world_m[1]
        centre = mesh.attributes.get("seat_centre_m", mesh.joints_world_m[0, :2])
        furniture.seat(
            out, rng, np.asarray(centre, np.float64), float(np.arctan2(-across[0], across[1])), float(height)
        )


def _add_occluder(out: PrimitiveList, rng: Rng, view: CameraView, keep_free, mesh, setting: str) -> None:
    """Put something between the camera and the target, a little to one side."""
    build, radius = (furniture.OCCLUDERS_INDOOR if setting == INDOOR else furniture.OCCLUDERS_OUTDOOR)[
        rng.integers(7)
    ]
    target = mesh.joints_world_m[0][:2]
    toward = view.position_world_m[:2] - target
    distance = float(np.linalg.norm(toward))
    toward = toward / max(distance, 1e-6)
    for _ in range(6):
        along = rng.uniform(0.35, 0.75 * distance) if distance > 1.2 else 0.45 * distance
        place = (
            target
            + along * toward
            + rng.uniform(-1, 1) * (0.25 + 0.7 * radius) * np.array([-toward[1], toward[0]])
        )
        if _is_free(place, 0.6 * radius, keep_free):
            build(out, rng, place, float(np.arctan2(toward[1], toward[0]) + np.pi / 2 + rng.normal(0, 0.3)))
            return


def _scatter(
    out: PrimitiveList, rng: Rng, builders, count: int, view: CameraView, keep_free, reach: float
) -> None:
    """Place things at random around the line of sight, clear of people and of each other."""
    away = -view.position_world_m[:2]
    distance = float(np.linalg.norm(away))
    away = away / max(distance, 1e-6)
    side = np.array([-away[1], away[0]])
    main = rng.uniform(0, np.pi)
    for _ in range(count):
        build, radius = builders[rng.integers(len(builders))]
        depth = rng.uniform(0.15, reach) * distance + 3 * rng.random()
        place = view.position_world_m[:2] + depth * away + rng.uniform(-0.5, 0.5) * (2 + depth) * side
        blocking = abs((place - view.position_world_m[:2]) @ side) < radius + 0.3 and depth < distance
        if blocking or not _is_free(place, radius, keep_free):
            continue
        out.next_thing()
        build(out, rng, place, float(main + rng.choice([0, np.pi / 2]) + rng.normal(0, 0.1)))
        keep_free.append((place, radius))


def world_rays(camera: Camera, rotation_world_to_camera: np.ndarray, step_px: int = 8) -> np.ndarray:
    """Rays (H,W,3) float32 of every pixel in world axes with unit depth, interpolated from a grid (within
    0.05 px)."""
    width, height = camera.size_wh_px
    columns, rows = int(np.ceil((width - 1) / step_px)) + 1, int(np.ceil((height - 1) / step_px)) + 1
    grid = np.stack(np.meshgrid(np.arange(columns) * step_px, np.arange(rows) * step_px), -1).astype(np.float64)
    coarse = (np.nan_to_num(camera.rays(grid)) @ rotation_world_to_camera).astype(np.float32)
    x = np.minimum(np.arange(width) / step_px, columns - 1)
    y = np.minimum(np.arange(height) / step_px, rows - 1)
    across = _lerp(coarse, x, axis=1)
    return _lerp(across, y, axis=0)


def _lerp(values: np.ndarray, at: np.ndarray, axis: int) -> np.ndarray:
    low = (
        np.minimum(at.astype(int), values.shape[axis] - 2) if values.shape[axis] > 1 else np.zeros(len(at), int)
    )
    share = (at - low).astype(np.float32)
    share = share[None, :, None] if axis == 1 else share[:, None, None]
    high = np.minimum(low + 1, values.shape[axis] - 1)
    return np.take(values, low, axis) * (1 - share) + np.take(values, high, axis) * share


@dataclass(frozen=True, eq=False)
class Surfaces:
    """What each pixel of a window sees of a scene without people: rays (H,W,3) in world axes with unit
    depth, depth (H,W) m, surface (H,W)."""

    rays: np.ndarray
    depth_m: np.ndarray
    surface: np.ndarray


def things_seen(scene: Scene, surfaces: Surfaces) -> np.ndarray:
    """Number of the thing that each pixel (H,W) of a scene without people shows, -1 for none."""
    number = np.append(scene.things, -1)
    return number[np.where(surfaces.surface >= 0, surfaces.surface, len(scene.things))]


def trace_scene(scene: Scene, view: CameraView) -> Surfaces:
    """Find the surfaces that a window (the view's camera) sees."""
    rays = world_rays(view.camera, view.rotation_world_to_camera)
    depth, surface = np.empty(rays.shape[:2], np.float32), np.empty(rays.shape[:2], np.int32)
    find_surfaces(
        scene.primitives, screen_bounds(scene.primitives, view), view.position_world_m, rays, depth, surface
    )
    return Surfaces(rays, depth, surface)


def render_scene(
    scene: Scene, bank: TextureBank, view: CameraView, surfaces: Surfaces, backdrop: np.ndarray, meshes, people
) -> np.ndarray:
    """Linear picture (H,W,3) of a scene with people in it.

    Parameters
    ----------
    backdrop : (H,W,3) linear, what lies beyond every surface (and, for photographs, the floor)
    meshes : people and things in the world, for their shadows
    people : (rgb (H,W,3), alpha (H,W), depth_m (H,W)) of the rendered people, rgb premultiplied by alpha
    """
    light = scene.light
    shadow, shadow_frame = sun_shadow_map(meshes, light.direction_to_light, light.softness_m)
    contact, contact_frame = contact_map(meshes, scene.primitives, scene.contact_strength)
    hard = light.softness_m < HARD_SHADOW_M
    vector = np.concatenate(
        [
            light.direction_to_light,
            light.sun_rgb,
            light.sky_rgb,
            light.bounce_rgb,
            [scene.setting == PHOTO, scene.macro_variation, hard],
        ]
    )
    world = (
        scene.primitives,
        scene.ground,
        scene.marks,
        bank.noise,
        bank.texels,
        bank.table,
        SRGB_BYTE_TO_LINEAR,
        vector,
        shadow,
        shadow_frame,
        contact,
        contact_frame,
        1.0 / view.camera.focal_px,
        scene.setting == PHOTO,
    )
    out = np.empty(surfaces.rays.shape, np.float32)
    rgb, alpha, people_depth = people
    compose(
        world,
        view.position_world_m,
        surfaces.rays,
        surfaces.depth_m,
        surfaces.surface,
        backdrop,
        rgb,
        alpha,
        people_depth,
        out,
    )
    return out


def screen_bounds(primitives: np.ndarray, view: CameraView) -> np.ndarray:
    """Pixel windows (P,4) x0 y0 x1 y1 that hold each primitive's picture; all of it when part lies behind
    the camera."""
    width, height = view.camera.size_wh_px
    signs = np.stack(np.meshgrid([-1, 0, 1], [-1, 0, 1], [-1, 1]), -1).reshape(-1, 3)
    half = primitives[:, 6:9].copy()
    cone = primitives[:, 0] == CONE
    half[cone, 0] = half[cone, 1] = primitives[cone][:, 6:8].max(1, initial=0)
    local = half[:, None] * signs
    c, s = primitives[:, 4, None], primitives[:, 5, None]
    corners = (
        np.stack(
            [c * local[..., 0] - s * local[..., 1], s * local[..., 0] + c * local[..., 1], local[..., 2]], -1
        )
        + primitives[:, None, 1:4]
    )
    camera_m = view.to_camera_m(corners)
    pixels = view.camera.project(np.where(camera_m[..., 2:] > 0.05, camera_m, np.nan))
    bad = ~np.isfinite(pixels).all((1, 2)) | (primitives[:, 16] > 0.5)
    low = np.nan_to_num(pixels).min(1) - 3
    high = np.nan_to_num(pixels).max(1) + 4
    bounds = np.concatenate([np.where(bad[:, None], 0, low), np.where(bad[:, None], 1e6, high)], 1)
    return np.clip(bounds, 0, [width, height, width, height]).astype(np.int64)
