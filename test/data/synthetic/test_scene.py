"""Scenes: cameras, traced surfaces, textures of both splits, contact and occlusion."""

import numpy as np
import pytest

from hdnet_ros.core.camera import Camera
from hdnet_ros.data.synthetic.backgrounds import in_holdout, load_bank
from hdnet_ros.data.synthetic.cameras import CameraView, draw_lens, look_at_pixel
from hdnet_ros.data.synthetic.furniture import PrimitiveList
from hdnet_ros.data.synthetic.raycast import BOX, CONE, ELLIPSOID, trace_among
from hdnet_ros.data.synthetic.scene import Scene, draw_light, screen_bounds, trace_scene, world_rays


@pytest.fixture(scope="module")
def bank(tmp_path_factory):
    return load_bank("train", tmp_path_factory.mktemp("no_photos"))


def level_view(height_m=1.0):
    camera = Camera.from_matrix([[300, 0, 159.5], [0, 300, 119.5], [0, 0, 1]], (320, 240))
    rotation = np.array([[0.0, -1, 0], [0, 0, -1], [1, 0, 0]])
    return CameraView(camera, rotation, np.array([0.0, 0, height_m]))


def scene_of(bank, shapes):
    out = PrimitiveList(bank)
    for shape, centre, half in shapes:
        out.add(np.random.default_rng(0), shape, centre, half, kind="plain")
    light = draw_light(np.random.default_rng(0), "outdoor")
    return Scene("outdoor", out.array(), np.array(out.things), np.zeros((1, 14)), np.zeros((0, 12)), light, 0.0, 0.5)


@pytest.mark.parametrize(
    "shape, half, depth_m",
    [(BOX, (0.5, 0.5, 1.0), 3.5), (CONE, (0.5, 0.5, 1.0), 3.5), (ELLIPSOID, (0.5, 0.5, 1.0), 3.5)],
)
def test_trace_meets_the_front_of_a_primitive(bank, shape, half, depth_m):
    surfaces = trace_scene(scene_of(bank, [(shape, (4.0, 0, 1.0), half)]), level_view())
    assert surfaces.surface[120, 160] == 0
    assert surfaces.depth_m[120, 160] == pytest.approx(depth_m, abs=2e-3)


def test_trace_floor_depth_is_height_over_slope(bank):
    surfaces = trace_scene(scene_of(bank, []), level_view(1.0))
    assert surfaces.depth_m[219, 160] == pytest.approx(300 / 99.5, rel=1e-3)
    assert surfaces.surface[60, 160] == -2


def test_screen_bounds_hold_the_primitive(bank):
    scene, view = scene_of(bank, [(ELLIPSOID, (4.0, 0.7, 1.2), (0.3, 0.4, 0.5))]), level_view()
    rows, columns = np.nonzero(trace_scene(scene, view).surface == 0)
    x0, y0, x1, y1 = screen_bounds(scene.primitives, view)[0]
    assert x0 < columns.min() and columns.max() < x1 - 1
    assert y0 < rows.min() and rows.max() < y1 - 1


def test_world_rays_agree_with_the_camera_through_a_lens():
    camera = Camera.from_matrix(
        [[400, 0, 200], [0, 402, 150], [0, 0, 1]], (401, 301), "plumb_bob", (-0.3, 0.08, 0, 0, 0)
    )
    rays = world_rays(camera, np.eye(3))
    pixels = np.stack(np.meshgrid(np.arange(401), np.arange(301)), -1)
    assert np.abs(camera.project(rays.astype(np.float64)) - pixels).max() < 0.05


@pytest.mark.parametrize("seed", range(20))
def test_look_at_pixel_puts_the_point_there(seed):
    rng = np.random.default_rng(seed)
    lens = draw_lens(rng)
    position, point = (
        np.array([rng.uniform(-9, -3), rng.uniform(-2, 2), rng.uniform(0.3, 5)]),
        np.array([0, 0, 0.9]),
    )
    pixel = rng.uniform(0.2, 0.8, 2) * lens.size_wh_px
    roll = rng.normal(0, 0.05)
    rotation = look_at_pixel(lens, position, point, pixel, roll)
    view = CameraView(lens, rotation, position)
    assert rotation @ rotation.T == pytest.approx(np.eye(3), abs=1e-9)
    assert np.linalg.det(rotation) == pytest.approx(1)
    assert view.project(point) == pytest.approx(pixel, abs=1e-3)
    level = np.array([[np.cos(roll), -np.sin(roll), 0], [np.sin(roll), np.cos(roll), 0], [0, 0, 1]]) @ rotation
    assert level[0, 2] == pytest.approx(0, abs=1e-9)


@pytest.mark.parametrize("seed", range(30))
def test_drawn_lenses_see_every_pixel_of_their_picture(seed):
    lens = draw_lens(np.random.default_rng(seed))
    width, height = lens.size_wh_px
    corners = np.array(
        [[0, 0], [width - 1, 0], [0, height - 1], [width - 1, height - 1], [width / 2, 0], [0, height / 2]]
    )
    assert np.abs(lens.project(lens.rays(corners)) - corners).max() < 1e-3


def test_splits_share_no_texture(bank, tmp_path):
    holdout = load_bank("holdout", tmp_path)
    first = {bank.texels[start : start + 3000].tobytes() for start, _, _ in bank.table}
    assert not any(holdout.texels[start : start + 3000].tobytes() in first for start, _, _ in holdout.table)
    assert set(bank.kinds) == set(holdout.kinds)
    names = [f"file{n}" for n in range(4000)]
    assert np.mean([in_holdout(name) for name in names]) == pytest.approx(0.15, abs=0.03)


def test_load_bank_unknown_split_is_named():
    with pytest.raises(ValueError, match="'test'"):
        load_bank("test")


@pytest.mark.parametrize("distance_m", [4.0, 30.0])
def test_surfaces_between_the_traced_pixels_are_those_of_every_pixel(bank, distance_m):
    """A wall, a pole a few pixels wide and a bush: each pixel agrees with its own ray, but for those at edges."""
    shapes = [(BOX, (distance_m + 2, -0.8, 1.0), (0.5, 1.0, 1.0)), (CONE, (distance_m, 0.9, 1.5), (0.04, 0.04, 1.5)),
              (ELLIPSOID, (distance_m, 0.2, 0.5), (0.3, 0.4, 0.5))]  # fmt: skip
    scene, view = scene_of(bank, shapes), level_view()
    surfaces = trace_scene(scene, view)
    wrong = 0
    for i, j in np.ndindex(surfaces.surface.shape):
        ray = surfaces.rays[i, j].astype(float)
        _, which = trace_among(scene.primitives, np.arange(3), *view.position_world_m, *ray)
        wrong += which != surfaces.surface[i, j]
    assert wrong < 0.002 * surfaces.surface.size
