"""The rasteriser: sizes, coverage, depth, occlusion, light, determinism."""

import numpy as np
import pytest

pytest.importorskip("numba", reason="numba is not installed: no synthetic pictures")

from hdnet_ros.data.synthetic.garments import blob_mesh, place
from hdnet_ros.data.synthetic.mesh import STRIPES, Mesh, plain_material
from hdnet_ros.data.synthetic.pose_math import PoseBuilder
from hdnet_ros.data.synthetic.raster import Light, render_people
from hdnet_ros.data.synthetic.statures import MALE, Identity

# A level camera at the origin that looks along +x of the world.
LEVEL = np.array([[0.0, -1.0, 0.0], [0.0, 0.0, -1.0], [1.0, 0.0, 0.0]])
GREY = plain_material((0.5, 0.5, 0.5), noise=0.0)


def camera(focal_px, size):
    return np.array([[focal_px, 0.0, (size - 1) / 2], [0.0, focal_px, (size - 1) / 2], [0.0, 0.0, 1.0]])


def ball(radius_m, position_m, material=GREY):
    return place(blob_mesh(np.full(3, radius_m), material, rings=40, ring=80), np.eye(3), np.array(position_m))


def test_ball_has_the_projected_area_and_depth():
    result = render_people([ball(0.5, (5.0, 0.0, 0.0))], camera(200.0, 81), LEVEL, np.zeros(3), (81, 81))
    radius_px = 200.0 * 0.5 / np.sqrt(25.0 - 0.25)
    assert result.alpha.sum() == pytest.approx(np.pi * radius_px**2, rel=0.01)
    assert result.depth_m[40, 40] == pytest.approx(4.5, abs=0.005)
    assert result.instance[40, 40] == 0
    assert result.instance[0, 0] == -1
    assert np.isinf(result.depth_m[0, 0])


def test_pixel_centres_are_at_integers():
    result = render_people([ball(0.5, (5.0, 0.0, 0.0))], camera(200.0, 81), LEVEL, np.zeros(3), (81, 81))
    rows, columns = np.mgrid[:81, :81]
    assert np.average(columns, weights=result.alpha) == pytest.approx(40.0, abs=0.02)
    assert np.average(rows, weights=result.alpha) == pytest.approx(40.0, abs=0.02)


def test_nearer_mesh_hides_the_farther():
    near, far = ball(0.3, (3.0, 0.0, 0.0)), ball(0.3, (6.0, 0.0, 0.0))
    result = render_people([far, near], camera(200.0, 61), LEVEL, np.zeros(3), (61, 61))
    assert result.instance[30, 30] == 1
    assert not (result.instance == 0).any()


def test_edges_are_soft_and_premultiplied():
    result = render_people([ball(0.5, (5.0, 0.0, 0.0))], camera(200.0, 81), LEVEL, np.zeros(3), (81, 81))
    assert ((result.alpha > 0.0) & (result.alpha < 1.0)).sum() > 40
    assert result.rgb[result.alpha == 0.0].max() == 0.0
    assert np.isfinite(result.rgb).all()
    assert result.alpha.max() <= 1.0


def test_the_sunny_side_is_brighter():
    light = Light(to_sun=(0.0, 1.0, 0.3))
    result = render_people([ball(0.5, (5.0, 0.0, 0.0))], camera(200.0, 81), LEVEL, np.zeros(3), (81, 81), light)
    # World +y is to the left in the picture.
    assert result.rgb[40, 25].mean() > 2.0 * result.rgb[40, 55].mean()


def test_one_mesh_shades_another():
    light = Light(to_sun=(0.0, 0.0, 1.0))
    floor, roof = ball(0.4, (5.0, 0.0, -0.5)), ball(0.5, (5.0, 0.0, 0.9))
    alone = render_people([floor], camera(150.0, 81), LEVEL, np.array([0.0, 0.0, 0.0]), (81, 81), light)
    shaded = render_people([floor, roof], camera(150.0, 81), LEVEL, np.zeros(3), (81, 81), light)
    row = 40 + int(150 * 0.25 / 5.0)
    assert shaded.rgb[row, 40].mean() < 0.75 * alone.rgb[row, 40].mean()


def test_stripes_show_two_colours():
    striped = plain_material((1.0, 0.0, 0.0), colour_b=(0.0, 0.0, 1.0), pattern=STRIPES, size_m=0.3, noise=0.0)
    result = render_people([ball(0.5, (3.0, 0.0, 0.0), striped)], camera(200.0, 81), LEVEL, np.zeros(3), (81, 81))
    colours = result.rgb[result.alpha == 1.0]
    assert (colours[:, 0] > 2 * colours[:, 2]).any()
    assert (colours[:, 2] > 2 * colours[:, 0]).any()


@pytest.mark.parametrize("position", [(-5.0, 0.0, 0.0), (5.0, 90.0, 0.0)])
def test_nothing_in_view_is_empty(position):
    result = render_people([ball(0.5, position)], camera(100.0, 21), LEVEL, np.zeros(3), (21, 21))
    assert result.alpha.max() == 0.0
    assert (result.instance == -1).all()


def test_no_meshes_and_bad_size():
    assert render_people([], camera(100.0, 21), LEVEL, np.zeros(3), (21, 21)).alpha.max() == 0.0
    with pytest.raises(ValueError, match="size_wh"):
        render_people([], camera(100.0, 21), LEVEL, np.zeros(3), (0, 21))


@pytest.mark.parametrize(("focal_px", "depth_m"), [(600.0, 4.0), (1000.0, 20.0)])
def test_standing_person_has_the_projected_height(people_factory, focal_px, depth_m):
    identity = Identity(MALE, 30.0, 1.78)
    body = people_factory.bank.draw(np.random.default_rng(0), identity)
    posed = people_factory.bank.pose(body, PoseBuilder().pose)
    vertices = posed.vertices - posed.vertices[:, :].mean(axis=0) + np.array([depth_m, 0.0, 0.0], dtype=np.float32)
    mesh = Mesh.of_one_material(vertices, people_factory.bank.faces, GREY)
    result = render_people([mesh], camera(focal_px, 401), LEVEL, np.zeros(3), (401, 401))
    rows = np.flatnonzero(result.alpha.max(axis=1) > 0.3)
    expected = focal_px * 1.78 / depth_m
    assert len(rows) == pytest.approx(expected, abs=0.01 * expected + 1.0)


def test_people_render_the_same_twice(people_factory):
    pictures = []
    for _ in range(2):
        person = people_factory.sample(np.random.default_rng(9), "walking").moved(0.4, (5.0, 0.0, -0.9))
        pictures.append(render_people([person], camera(300.0, 161), LEVEL, np.zeros(3), (161, 161)).rgb)
    np.testing.assert_array_equal(pictures[0], pictures[1])
    assert pictures[0].max() > 0.02
