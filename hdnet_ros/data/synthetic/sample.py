"""One synthetic sample: people in a scene, seen by a camera, with boxes as detectors give them and exact
labels.

A sample is the part of one camera's picture around a target person, at the resolution of that camera, with the
camera cropped along; training cuts its patches from it with the same code as the node does from whole pictures.
"""

from __future__ import annotations

import dataclasses
import functools
from dataclasses import dataclass, field

import numpy as np

from hdnet_ros.core.camera import Camera
from hdnet_ros.data.synthetic import boxes, labels, nobody, scene
from hdnet_ros.data.synthetic.backdrop import draw_backdrop, needs_backdrop
from hdnet_ros.data.synthetic.backgrounds import cache_folder, load_bank
from hdnet_ros.data.synthetic.cameras import MAX_DEPTH_M, CameraView
from hdnet_ros.data.synthetic.degrade import DegradeConfig, degrade
from hdnet_ros.data.synthetic.labels import PersonLabel
from hdnet_ros.data.synthetic.movement import with_moving_people
from hdnet_ros.data.synthetic.nobody import NobodyBox
from hdnet_ros.data.synthetic.people import PeopleFactory
from hdnet_ros.data.synthetic.placement import (
    PlacementConfig,
    draw_companion_place,
    draw_place_before,
    draw_view,
)
from hdnet_ros.data.synthetic.statures import draw_identity

_ATTEMPTS = 8
# Half the side of the largest patch, one rung above its own, over the longer side of its box.
_PATCH_REACH = 1.45


@dataclass(frozen=True, eq=False)
class SyntheticSample:
    """A picture, its camera and the people in it.

    image_rgb : (H, W, 3) uint8, the window of a camera's picture around the first person
    camera : camera of that window, lens included
    people : up to four, the target first
    key : (seed, n, split) that make it again
    nobody : boxes that hold nobody, as a detector may report them
    """

    image_rgb: np.ndarray
    camera: Camera
    people: list[PersonLabel]
    key: tuple[int, int, str] = (0, 0, "train")
    nobody: list[NobodyBox] = field(default_factory=list)


@dataclass(frozen=True)
class SampleConfig:
    """How samples are drawn.

    kinds : probability of each pose kind of the target
    window_scale : side of the window over the longer side of the target's box, drawn between the two
    preferred_px, window_limit_px, full_resolution_share : windows larger than the first come from a camera of
        lower resolution, but for a share, where they may have the second; a network whose input is 256 px
        gains nothing from the rest
    moving_share : the people are blurred by their movement
    """

    kinds: tuple[tuple[str, float], ...] = (
        ("upright", 0.27),
        ("walking", 0.33),
        ("running", 0.06),
        ("sitting", 0.12),
        ("bending", 0.11),
        ("crouching", 0.06),
        ("lying", 0.05),
        ("cycling", 0.06),
        ("scooter", 0.02),
        ("wheelchair", 0.02),
    )
    window_scale: tuple[float, float] = (3.5, 4.0)
    window_limit_px: int = 840
    preferred_px: int = 480
    full_resolution_share: float = 0.15
    moving_share: float = 0.15
    people_limit: int = 4
    least_visible_fraction: float = 0.3
    placement: PlacementConfig = field(default_factory=PlacementConfig)
    scene: scene.SceneConfig = field(default_factory=scene.SceneConfig)
    degrade: DegradeConfig = field(default_factory=DegradeConfig)


@functools.lru_cache(maxsize=2)
def _people_factory(split: str):
    return PeopleFactory(cache_folder(), split=split)


def make_sample(
    seed: int, n: int, split: str = "train", config: SampleConfig = SampleConfig()
) -> SyntheticSample:
    """Sample n of a seed: the same on every machine that has the same cached backgrounds and bodies.

    Parameters
    ----------
    split : "train" or "holdout": other bodies, motions and textures, and other random numbers

    Raises
    ------
    ValueError : an unknown split, or a negative seed or n
    """
    if split not in ("train", "holdout") or seed < 0 or n < 0:
        raise ValueError(
            f"(seed, n, split) is ({seed}, {n}, {split!r}), expected 0 or more, and 'train' or 'holdout'"
        )
    for attempt in range(_ATTEMPTS):
        rng = np.random.default_rng([seed, n, 0 if split == "train" else 1, attempt])
        sample = _try_sample(rng, split, config, attempt == _ATTEMPTS - 1)
        if sample is not None:
            return dataclasses.replace(sample, key=(seed, n, split))
    raise RuntimeError(f"sample {n} of seed {seed} shows nobody after {_ATTEMPTS} attempts")


def _try_sample(
    rng: np.random.Generator, split: str, config: SampleConfig, last: bool
) -> SyntheticSample | None:
    bank, factory = load_bank(split), _people_factory(split)
    names, shares = zip(*config.kinds)
    target = _centred(factory.sample(rng, str(rng.choice(names, p=np.array(shares) / sum(shares)))))
    view = draw_view(rng, target, config.placement)
    view, offset, window = _fitting_window(rng, view, target, config)
    window_view = CameraView(window, view.rotation_world_to_camera, view.position_world_m)
    meshes = [target, *_companions(rng, factory, window_view, target, config)]
    settings = scene.draw_scene(rng, bank, view, meshes, config.scene)
    surfaces = scene.trace_scene(settings, window_view)
    people = labels.render(window_view, meshes, settings.light)
    borders = np.array([-0.5, -0.5, *(np.array(view.camera.size_wh_px) - 0.5)]) - np.tile(offset, 2)
    found = labels.label_people(
        rng, window_view, meshes, people, surfaces.depth_m, borders, boxes.draw_style(rng)
    )
    least = 0.1 if last else config.least_visible_fraction
    if found[0] is None or found[0].visible_fraction < least:
        return None
    backdrop = _backdrop(rng, bank, surfaces, settings.setting)
    moving = with_moving_people(rng, people, config.moving_share)
    shown = (moving.rgb, moving.alpha, moving.depth_m)
    picture = scene.render_scene(settings, bank, window_view, surfaces, backdrop, labels.solids(meshes), shown)
    size = np.array(view.camera.size_wh_px)
    others = sorted(
        (
            p
            for p in found[1:]
            if p is not None
            and p.visible_fraction > 0.25
            and p.root_camera_mm[2] < 1000 * MAX_DEPTH_M
            and _is_whole_patch(p.box_xywh_center_px, window, borders)
        ),
        key=lambda p: -p.visible_fraction,
    )
    image = degrade(rng, picture, (size - 1) / 2 - offset, 0.5 * float(np.hypot(*size)), config.degrade)
    empty = _boxes_of_nobody(rng, settings, surfaces, people, image, window, borders)
    return SyntheticSample(image, window, [found[0], *others[: config.people_limit - 1]], nobody=empty)


def _fitting_window(
    rng: np.random.Generator, view: CameraView, target, config: SampleConfig
) -> tuple[CameraView, np.ndarray, Camera]:
    """The view, of a camera of lower resolution where the window would be too large, and the window's upper left
    pixel and camera."""
    offset, window = draw_window(rng, view, target, config)
    longest = limit = max(window.size_wh_px)
    if longest > config.preferred_px:
        is_full = rng.random() <= config.full_resolution_share
        limit = config.window_limit_px if is_full else config.preferred_px
    if longest > limit:
        size = np.round(np.array(view.camera.size_wh_px) * limit / longest).astype(int)
        view = dataclasses.replace(view, camera=view.camera.resized((int(size[0]), int(size[1]))))
        offset, window = draw_window(rng, view, target, config)
    return view, offset, window


def _boxes_of_nobody(
    rng: np.random.Generator, settings: scene.Scene, surfaces: scene.Surfaces, people, image, window, borders
) -> list[NobodyBox]:
    """Those whose patches are as whole as people's are, so that nothing but what the box holds tells them apart."""
    in_front = people.depth_m < surfaces.depth_m
    shown = np.where(in_front, people.instance, -1)
    things = np.where(shown == -1, scene.things_seen(settings, surfaces), -1)
    drawn = nobody.draw_boxes(rng, image, shown, things)
    return [box for box in drawn if _is_whole_patch(box.box_xywh_center_px, window, borders)]


def _is_whole_patch(box_xywh_center_px: np.ndarray, window: Camera, borders: np.ndarray) -> bool:
    """Whether a box's patch, one rung up, ends in the window or at the camera's picture's borders (4,) px."""
    middle, reach = box_xywh_center_px[:2], _PATCH_REACH * max(box_xywh_center_px[2:])
    low, high = np.maximum(middle - reach, borders[:2]), np.minimum(middle + reach, borders[2:])
    return bool((low >= -0.5).all() and (high <= np.array(window.size_wh_px) - 0.5).all())


def _backdrop(rng: np.random.Generator, bank, surfaces: scene.Surfaces, setting: str) -> np.ndarray:
    photo = setting == scene.PHOTO
    if photo or (setting == scene.OUTDOOR and needs_backdrop(surfaces.rays)):
        return draw_backdrop(rng, bank, surfaces.rays, photo)
    return np.zeros(surfaces.rays.shape, np.float32)


def _centred(mesh):
    low, high = mesh.vertices_world_m.min(0), mesh.vertices_world_m.max(0)
    return mesh.moved(0.0, (-(low[0] + high[0]) / 2, -(low[1] + high[1]) / 2, 0.0))


def draw_window(
    rng: np.random.Generator, view: CameraView, mesh, config: SampleConfig
) -> tuple[np.ndarray, Camera]:
    """Upper left pixel (x, y) and camera of the window around a person.

    The person's patch is whole in it, and nine in ten a rung larger: what is grey is beyond the picture.
    """
    size = np.array(view.camera.size_wh_px)
    points = mesh.vertices_world_m[::7]
    if mesh.belongings is not None:
        points = np.concatenate([points, mesh.belongings.vertices_world_m[::7]])
    pixels = np.clip(np.nan_to_num(view.project(points)), 0, size - 1)
    low, high = pixels.min(0), pixels.max(0)
    side = max(float((high - low).max()) * rng.uniform(*config.window_scale), 72.0)
    middle = (low + high) / 2 + rng.uniform(-0.03, 0.03, 2) * side
    start = np.clip(np.round(middle - side / 2), 0, None).astype(int)
    end = np.minimum(np.round(middle + side / 2), size).astype(int)
    start = np.minimum(start, end - 16)
    return start, view.camera.cropped(
        int(start[0]), int(start[1]), int(end[0] - start[0]), int(end[1] - start[1])
    )


_COMPANION_KINDS = ("upright", "walking", "running", "sitting", "bending", "cycling")
_COMPANION_SHARES = (0.4, 0.39, 0.04, 0.08, 0.06, 0.03)


def _companions(rng: np.random.Generator, factory, view: CameraView, target, config: SampleConfig) -> list:
    """Further people whose middle shows in (or close to) the window and who stand clear of each other."""
    taken, result, heading = [np.zeros(2)], [], rng.uniform(0, 2 * np.pi)
    before = rng.random() < config.placement.behind_share
    for number in range(int(rng.choice(len(config.placement.crowd), p=config.placement.crowd)) + before):
        for _ in range(5):
            hides = before and number == 0
            yaw, place = draw_place_before(rng, view) if hides else draw_companion_place(rng, view, heading)
            if _has_room(place, view, taken):
                taken.append(place)
                kind = str(rng.choice(_COMPANION_KINDS, p=_COMPANION_SHARES))
                # Small children are often with a grown-up.
                guarded = number == 0 and target.age_years < 9 and rng.random() < 0.5
                identity = draw_identity(rng, is_child=False) if guarded else None
                result.append(_centred(factory.sample(rng, kind, identity)).moved(yaw, (*place, 0.0)))
                break
    return [mesh for mesh in result if view.to_camera_m(mesh.vertices_world_m[::11])[:, 2].min() > 0.25]


def _has_room(place: np.ndarray, view: CameraView, taken: list[np.ndarray]) -> bool:
    size, middle = np.array(view.camera.size_wh_px), np.array([*place, 0.9])
    pixel = np.nan_to_num(view.project(middle), nan=-1e6)
    near = view.to_camera_m(middle)[2] > 0.7
    clear = all(np.linalg.norm(place - other) > 0.42 for other in taken)
    return bool(near and clear and (pixel > -0.1 * size).all() and (pixel < 1.1 * size).all())
