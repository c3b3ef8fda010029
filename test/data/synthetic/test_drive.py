"""People of the rendered drive: they walk, and stay who they are (needs the cached body bank)."""

import numpy as np
import pytest

pytest.importorskip("numba", reason="numba is not installed: no synthetic pictures")

from hdnet_ros.data.driving_scene import base_to_odom
from hdnet_ros.data.synthetic.drive import ACTORS, Walker, base_pose, view_at
from hdnet_ros.data.synthetic.raycast import PRIMITIVE_WIDTH
from hdnet_ros.data.synthetic.scene import OUTDOOR, Scene, trace_scene


@pytest.fixture(scope="module")
def walker(people_factory):
    return Walker(people_factory, ACTORS["crossing to the left"])


def test_a_walker_sets_feet_down_where_they_stay_while_the_pelvis_goes_on(walker):
    velocity_m_s = np.array(ACTORS["crossing to the left"].velocity_m_s)
    joints_m = np.array([walker.mesh(time_s).joints_world_m for time_s in np.arange(0.0, 1.2, 0.05)])
    np.testing.assert_allclose(np.diff(joints_m[:, 0, :2], axis=0) / 0.05, np.tile(velocity_m_s, (23, 1)), atol=1e-6)
    ankles_m = joints_m[:, [3, 6]]
    speeds_m_s = np.linalg.norm(np.diff(ankles_m[..., :2], axis=0), axis=-1) / 0.05
    lower = ankles_m[:-1, :, 2].argmin(axis=1)
    standing_m_s, swinging_m_s = (speeds_m_s[np.arange(23), foot] for foot in (lower, 1 - lower))
    assert np.median(standing_m_s) < 0.4 < 1.5 < np.median(swinging_m_s)


def test_a_walker_keeps_clothes_and_stature(walker):
    first, later = walker.mesh(0.0), walker.mesh(0.7)
    assert first.surface.faces.shape == later.surface.faces.shape
    np.testing.assert_array_equal(first.surface.materials, later.surface.materials)
    assert first.stature_m == later.stature_m == 1.78


def test_the_camera_rides_on_the_base_and_looks_ahead_and_a_little_down():
    for time_s in (0.0, 3.0):
        view, base = view_at(time_s), base_to_odom(base_pose(time_s))
        ahead = view.to_camera_m(base[:3] @ [6.2, 0.0, 1.2, 1.0])
        np.testing.assert_allclose(ahead, [0.0, -6.0 * np.sin(0.06), 6.0 * np.cos(0.06)], atol=1e-9)
    assert base_pose(3.0)[2] == pytest.approx(0.15)


def test_a_view_cut_out_of_a_pose_can_be_rendered():
    """The renderer's kernels refuse arrays that are slices of others."""
    nothing = Scene(OUTDOOR, np.zeros((0, PRIMITIVE_WIDTH)), np.zeros(0, int), None, None, None, 0.0, 0.0)
    assert trace_scene(nothing, view_at(0.0)).depth_m.shape == (480, 640)
