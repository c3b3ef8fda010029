"""Riders and what goes with people: feet meet pedals, wheels stand on the floor, belongings are nobody's body."""

import numpy as np
import pytest

pytest.importorskip("numba", reason="numba is not installed: no synthetic pictures")

from hdnet_ros.core.camera import Camera
from hdnet_ros.data.synthetic import labels
from hdnet_ros.data.synthetic.belongings import tube, wheel
from hdnet_ros.data.synthetic.boxes import DetectorStyle
from hdnet_ros.data.synthetic.cameras import CameraView
from hdnet_ros.data.synthetic.mesh import plain_material
from hdnet_ros.data.synthetic.raster import Light
from hdnet_ros.data.synthetic.riding import leg_angles_deg
from hdnet_ros.data.synthetic.statures import MALE, Identity


@pytest.mark.parametrize(("ahead_m", "below_m"), [(0.1, 0.8), (0.35, 0.55), (-0.1, 0.6), (0.0, 0.7)])
def test_leg_angles_bring_the_ankle_where_it_is_asked(ahead_m, below_m):
    thigh, knee = np.radians(leg_angles_deg(ahead_m, below_m, 0.43, 0.42))
    shin = thigh - knee
    assert 0.43 * np.sin(thigh) + 0.42 * np.sin(shin) == pytest.approx(ahead_m, abs=1e-9)
    assert 0.43 * np.cos(thigh) + 0.42 * np.cos(shin) == pytest.approx(below_m, abs=1e-9)
    assert knee > 0.0


def test_a_leg_too_short_is_stretched_towards_the_place():
    thigh, knee = leg_angles_deg(0.0, 2.0, 0.43, 0.42)
    assert abs(thigh) < 8.0 and knee < 12.0


def test_wheels_are_as_large_as_asked_and_stand_upright():
    points = wheel(np.array([1.0, 0.0, 0.34]), 0.34, 0.02).vertices_world_m
    assert points[:, 2].min() == pytest.approx(0.0, abs=0.005) and points[:, 2].max() == pytest.approx(0.68, abs=0.005)
    assert np.ptp(points[:, 1]) < 0.05


def test_a_tube_joins_its_ends():
    points = tube((0, 0, 0), (0, 0, 1.0), 0.02, plain_material((0.5, 0.5, 0.5))).vertices_world_m
    assert np.ptp(points[:, 2]) == pytest.approx(1.0) and np.ptp(points[:, 0]) == pytest.approx(0.04, abs=0.006)


@pytest.mark.parametrize("kind", ["cycling", "scooter", "wheelchair"])
def test_vehicles_stand_on_the_floor_below_their_riders(people_factory, kind):
    for seed in range(6):
        person = people_factory.sample(np.random.default_rng(seed), kind)
        assert person.attributes["pose_kind"] == kind
        vehicle = person.belongings.vertices_world_m
        assert vehicle[:, 2].min() == pytest.approx(0.0, abs=0.01)
        assert person.vertices_world_m[:, 2].min() > -0.01
        assert vehicle[:, 0].min() < person.joints_world_m[0, 0] < vehicle[:, 0].max()


def test_cyclists_feet_are_a_cranks_round_apart(people_factory):
    apart = []
    for seed in range(12):
        person = people_factory.sample(np.random.default_rng(seed), "cycling", Identity(MALE, 30.0, 1.75))
        ankles = person.joints_world_m[[3, 6]]
        assert np.abs(ankles[:, 1]).max() < 0.3
        apart.append(np.linalg.norm((ankles[0] - ankles[1])[[0, 2]]))
    assert np.median(apart) == pytest.approx(0.34, abs=0.04)


def box_and_depths(people_factory, takes_vehicles):
    person = people_factory.sample(np.random.default_rng(1), "cycling")
    camera = Camera.from_matrix([[400, 0, 320], [0, 400, 240], [0, 0, 1]], (640, 480))
    looking_along_y = np.array([[1.0, 0, 0], [0, 0, -1.0], [0, 1.0, 0]])
    view = CameraView(camera, looking_along_y, np.array([0.0, -5.0, 1.0]))
    light = Light()
    sun = np.array(light.to_sun) / np.linalg.norm(light.to_sun)
    lamp = type("Lamp", (), dict(direction_to_light=sun, sun_rgb=np.ones(3), sky_rgb=np.ones(3),
                                 bounce_rgb=np.ones(3), softness_m=0.02))  # fmt: skip
    people = labels.render(view, [person], lamp)
    style = DetectorStyle((1.0, 1.0), 0.0, 0.0, 0.0, 1.0, 0.0, takes_vehicles)
    picture = np.array([-0.5, -0.5, 639.5, 479.5])
    far = np.full((480, 640), 99.0)
    (label,) = labels.label_people(np.random.default_rng(0), view, [person], people, far, picture, style)
    return label, people


def test_a_cyclists_box_may_or_may_not_take_in_the_bicycle(people_factory):
    alone, people = box_and_depths(people_factory, False)
    both, _ = box_and_depths(people_factory, True)
    assert both.tight_box_xywh_center_px[2] > 1.3 * alone.tight_box_xywh_center_px[2]
    np.testing.assert_array_equal(alone.root_camera_mm, both.root_camera_mm)
    assert set(np.unique(people.instance)) == {labels.owned_by(0), -1, 0}
