"""Where cameras and people stand: near views that the picture cuts, steep ones, somebody in front."""

from dataclasses import dataclass

import numpy as np
import pytest

from hdnet_ros.core.camera import Camera
from hdnet_ros.data.synthetic.cameras import CameraView, pitch_deg
from hdnet_ros.data.synthetic.placement import PlacementConfig, draw_place_before, draw_view


@dataclass
class Post:
    """A person as a post, 1.75 m tall and 0.4 m wide, at the origin."""

    vertices_world_m: np.ndarray
    joints_world_m: np.ndarray


@pytest.fixture(scope="module")
def post():
    rng = np.random.default_rng(0)
    vertices = rng.uniform([-0.2, -0.2, 0.0], [0.2, 0.2, 1.75], (4000, 3))
    joints = np.zeros((17, 3))
    joints[:, 2] = np.linspace(0.1, 1.7, 17)
    joints[0, 2], joints[9, 2], joints[10, 2] = 0.93, 1.6, 1.75
    return Post(vertices, joints)


def views(post, **shares):
    config = PlacementConfig(**{"close_share": 0.0, "steep_share": 0.0, "truncated_share": 0.0, **shares})
    return [draw_view(np.random.default_rng(seed), post, config) for seed in range(60)]


def test_near_people_are_cut_at_the_head_the_legs_and_the_sides(post):
    head_out = legs_out = side_out = 0
    for view in views(post, close_share=1.0):
        size = np.array(view.camera.size_wh_px)
        pixels = np.nan_to_num(view.project(post.vertices_world_m), nan=-1e4)
        depth_m = view.to_camera_m(post.joints_world_m[0])[2]
        assert 0.5 < depth_m < 5.5
        head_out += view.project(post.joints_world_m[10])[1] < 0
        legs_out += (pixels[:, 1] > size[1]).mean() > 0.2
        side_out += ((pixels[:, 0] < 0) | (pixels[:, 0] > size[0])).mean() > 0.2
    assert head_out >= 6 and legs_out >= 15 and side_out >= 6


def test_steep_views_look_down_on_people(post):
    heights = [view.position_world_m[2] for view in views(post, steep_share=1.0)]
    pitches = [pitch_deg(view.rotation_world_to_camera) for view in views(post, steep_share=1.0)]
    assert min(heights) > 1.9 and np.median(pitches) > 25


def test_somebody_in_front_stands_between_the_camera_and_the_target_and_covers_part_of_it():
    camera = Camera.from_matrix([[500, 0, 320], [0, 500, 240], [0, 0, 1]], (640, 480))
    view = CameraView(camera, np.eye(3), np.array([-6.0, 0.0, 1.5]))
    for seed in range(50):
        _, place = draw_place_before(np.random.default_rng(seed), view)
        assert -6.0 < place[0] < -0.3
        at_target = place[1] * 6.0 / (6.0 + place[0])
        assert 0.05 < abs(at_target) < 0.45
