"""The bird's-eye view: metres at the right pixels."""

import numpy as np
import pytest

from hdnet_ros.core.camera import Camera
from hdnet_ros.tracking.root_noise import ROOT_SIGMA_BOX_FRACTION
from hdnet_ros.core.types import PersonEstimate
from hdnet_ros.viz import BirdsEyeView, level_rotation, ring_step_m
from hdnet_ros.viz.theme import FIELD_OF_VIEW, HAIRLINE, PANEL, colour_of

RANGE_M = 20.0


@pytest.fixture
def camera() -> Camera:
    return Camera.from_matrix([500.0, 0, 319.5, 0, 500.0, 239.5, 0, 0, 1], (640, 480))


@pytest.fixture
def view(camera) -> BirdsEyeView:
    return BirdsEyeView((400, 560), RANGE_M, camera)


def _person(root_mm, sigma_mm=500.0, name="p1") -> PersonEstimate:
    return PersonEstimate(
        id=name, score=1.0, box_xywh_center_px=np.array([320.0, 240.0, 40.0, 100.0]),
        root_camera_mm=np.array(root_mm, dtype=float), depth_sigma_mm=sigma_mm, normalised_depth=np.nan,
        focal_px=500.0, patch_px=np.nan, patch_focal_px=np.nan,
    )  # fmt: skip


def _pixel(panel, xy):
    return tuple(int(v) for v in panel[round(float(xy[1])), round(float(xy[0]))])


def test_to_px_puts_the_range_at_the_upper_edge_and_right_to_the_right(view):
    assert view.px_per_m == pytest.approx(500.0 / RANGE_M)
    assert view.to_px(np.array([0.0, 0.0])) == pytest.approx([200.0, 526.0])
    assert view.to_px(np.array([0.0, RANGE_M])) == pytest.approx([200.0, 26.0])
    assert view.to_px(np.array([3.0, 4.0])) == pytest.approx([275.0, 426.0])


def test_rings_lie_at_multiples_of_five_metres(view):
    panel = view.draw([])
    for radius_m in (5.0, 10.0, 15.0, 20.0):
        on_ring = view.to_px(np.array([0.0, radius_m]))
        between = view.to_px(np.array([0.0, radius_m - 2.5]))
        assert _near(_pixel(panel, on_ring), HAIRLINE)
        assert _pixel(panel, between) == FIELD_OF_VIEW


def test_wedge_ends_where_the_picture_ends(view):
    panel = view.draw([])
    # Half the picture is 320 px wide at a focal length of 500 px; 8 m lies between two rings.
    edge_m = 8.0 * 320.0 / 500.0
    inside, outside = view.to_px(np.array([[edge_m - 0.3, 8.0], [edge_m + 0.3, 8.0]]))
    assert _pixel(panel, inside) == FIELD_OF_VIEW
    assert _pixel(panel, outside) == PANEL


def test_person_is_drawn_at_their_metres_in_their_colour(view):
    panel = view.draw([_person((2000.0, -500.0, 12500.0), name="p3")])
    assert _pixel(panel, view.to_px(np.array([2.0, 12.5]))) == colour_of("p3")


def test_ellipse_is_one_sigma_along_the_ray(view):
    person = _person((3000.0, 0.0, 4000.0), sigma_mm=400.0)
    centre, (along_px, across_px), angle_deg = view.ellipse_px(person)
    assert centre == pytest.approx(view.to_px(np.array([3.0, 4.0])))
    # 400 mm of depth are 500 mm of a ray of 5 m and 4 m depth.
    assert along_px == pytest.approx(0.5 * view.px_per_m)
    # As wide as the published covariance: a share of a box of 100 px at 4 m and 500 px.
    lateral_m = ROOT_SIGMA_BOX_FRACTION * 100.0 * 4.0 / 500.0
    assert across_px == pytest.approx(lateral_m * view.px_per_m)
    assert angle_deg == pytest.approx(np.degrees(np.arctan2(-4.0, 3.0)))


def test_tail_is_drawn_from_where_the_person_was(view):
    tail = np.array([[-1000.0, 0.0, 11000.0], [0.0, 0.0, 11000.0], [1000.0, 0.0, 11000.0]])
    panel = view.draw([], {"p1": tail})
    before, after = view.draw([]), panel
    for x_m, changed in ((-0.5, True), (0.5, True), (1.8, False)):
        xy = view.to_px(np.array([x_m, 11.0]))
        assert (_pixel(before, xy) != _pixel(after, xy)) is changed


def test_people_behind_or_out_of_reach_do_not_disturb_the_drawing(view):
    panel = view.draw([_person((0.0, 0.0, 900000.0)), _person((-400000.0, 0.0, 1000.0))])
    assert panel.shape == (560, 400, 3)


def test_level_rotation_makes_the_tilt_vanish(camera):
    tilt = np.radians(20.0)
    up_camera = np.array([0.0, -np.cos(tilt), -np.sin(tilt)])
    view = BirdsEyeView((400, 560), RANGE_M, camera, level_rotation(up_camera))
    # 10 m along the level, straight ahead of a camera that looks 20 degrees down.
    point_mm = 10000.0 * np.array([0.0, -np.sin(tilt), np.cos(tilt)])
    assert view.ground_m(point_mm) == pytest.approx([0.0, 10.0], abs=1e-9)
    assert view.ground_m(up_camera) == pytest.approx([0.0, 0.0], abs=1e-9)


def test_level_rotation_of_a_camera_that_looks_straight_down_is_refused():
    with pytest.raises(ValueError, match="parallel to the optical axis"):
        level_rotation(np.array([0.0, 0.0, -1.0]))


@pytest.mark.parametrize(("range_m", "step_m"), [(4.0, 1.0), (12.0, 1.0), (20.0, 5.0), (40.0, 5.0), (90.0, 10.0)])
def test_ring_step_is_one_metre_in_a_room_and_five_in_a_yard(range_m, step_m):
    assert ring_step_m(range_m) == step_m


def _near(colour, wanted, tolerance=14) -> bool:
    return all(abs(a - b) <= tolerance for a, b in zip(colour, wanted, strict=True))
