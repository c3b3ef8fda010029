import dataclasses

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hdnet_ros.core.camera import Camera
from hdnet_ros.core.ground import (
    STANCE_SIGMA_MM,
    Ground,
    GroundConfig,
    apply_ground,
    fused_depth,
    see_on_ground,
)
from hdnet_ros.core.types import PersonEstimate, PersonFlags

CAMERA = Camera.from_matrix(
    (900, 0, 640, 0, 900, 360, 0, 0, 1), (1280, 720), "plumb_bob", (-0.1, 0.02, 0.0, 0.0)
)


def ground_at(height_mm=1200.0, pitch_rad=0.0):
    """Floor under a camera that looks down by `pitch_rad`."""
    return Ground(np.array([0.0, -np.cos(pitch_rad), -np.sin(pitch_rad)]), height_mm)


def standing(ground, forward_mm, left_mm=0.0, stature_mm=1700.0, depth_error=0.0, **changes):
    """Somebody upright on the floor; the box's edges are the pixels of feet and head."""
    up = ground.up_camera
    ahead = np.array([0.0, 0.0, 1.0]) - up[2] * up
    ahead /= np.linalg.norm(ahead)
    left = np.cross(up, ahead)
    foot_mm = -ground.camera_height_mm * up + forward_mm * ahead + left_mm * left
    root_mm = foot_mm + 0.53 * stature_mm * up
    foot_px, head_px = CAMERA.project(np.array([foot_mm, foot_mm + stature_mm * up]))
    height_px = foot_px[1] - head_px[1]
    box = np.array([0.5 * (foot_px + head_px)[0], 0.5 * (foot_px + head_px)[1], 0.4 * height_px, height_px])
    root_mm = root_mm * (1.0 + depth_error)
    person = PersonEstimate(
        id="", score=0.9, box_xywh_center_px=box, root_camera_mm=root_mm,
        depth_sigma_mm=0.08 * root_mm[2], normalised_depth=5.0, focal_px=CAMERA.focal_px,
        patch_px=1000.0, patch_focal_px=230.0,
    )  # fmt: skip
    return dataclasses.replace(person, **changes)


@settings(max_examples=60, deadline=None)
@given(
    st.floats(400.0, 4000.0), st.floats(0.0, 0.4), st.floats(3500.0, 9000.0),
    st.floats(-900.0, 900.0), st.floats(900.0, 2000.0),
)  # fmt: skip
def test_floor_finds_depth_and_stature_whatever_the_estimator_says(
    height_mm, pitch_rad, forward_mm, left_mm, stature_mm
):
    ground = ground_at(height_mm, pitch_rad)
    person = standing(ground, forward_mm, left_mm, stature_mm)
    x, y, w, h = person.box_xywh_center_px
    if not (20 < x - w / 2 and x + w / 2 < 1260 and 20 < y - h / 2 and y + h / 2 < 700):
        return
    true_depth_mm = person.root_camera_mm[2]
    wrong = dataclasses.replace(person, root_camera_mm=1.6 * person.root_camera_mm)
    seen = see_on_ground(wrong, CAMERA, ground, GroundConfig())
    assert seen is not None
    # Upright people lean in the picture of a pitched lens: the box's centre line is not their axis.
    assert seen.depth_mm == pytest.approx(true_depth_mm, rel=0.01)
    assert seen.stature_mm == pytest.approx(stature_mm, rel=0.02)


def test_sigma_is_what_pitch_height_foot_and_stance_errors_do_to_the_distance():
    ground, config = ground_at(1200.0), GroundConfig(pitch_sigma_rad=0.01, height_sigma_mm=30.0)
    rng = np.random.default_rng(0)
    person = standing(ground, 6000.0)
    x, y, w, h = person.box_xywh_center_px
    told = see_on_ground(person, CAMERA, ground, config).depth_sigma_mm
    depths = []
    for _ in range(2000):
        lower = y + h / 2 + np.hypot(1.0, 0.05 * h) * rng.normal()
        box = np.array([x, (lower + y - h / 2) / 2, w, lower - y + h / 2])
        guess = Ground(ground_at(pitch_rad=0.01 * rng.normal()).up_camera, 1200.0 + 30.0 * rng.normal())
        moved = dataclasses.replace(person, box_xywh_center_px=box)
        depths.append(see_on_ground(moved, CAMERA, guess, config).depth_mm + STANCE_SIGMA_MM * rng.normal())
    assert told == pytest.approx(np.std(depths), rel=0.12)


def test_person_of_3_4_m_is_flagged_and_her_floor_depth_is_not_fused():
    # A picture of somebody on a wall, or feet behind a table: what would be feet is not on the floor.
    ground = ground_at(1800.0)
    person = standing(ground, 8000.0, stature_mm=3400.0)
    [told] = apply_ground([person], CAMERA, ground, GroundConfig(fuse_depth=True))
    assert told.flags & PersonFlags.IMPLAUSIBLE_HEIGHT
    assert told.stature_mm == pytest.approx(3400.0, rel=0.02)
    assert told.root_camera_mm == pytest.approx(person.root_camera_mm)


@pytest.mark.parametrize("stature_mm", [1050.0, 1700.0, 1990.0])
def test_children_and_tall_people_are_plausible(stature_mm):
    ground = ground_at(1200.0)
    [told] = apply_ground([standing(ground, 7000.0, stature_mm=stature_mm)], CAMERA, ground, GroundConfig())
    assert not told.flags & PersonFlags.IMPLAUSIBLE_HEIGHT
    assert told.stature_mm == pytest.approx(stature_mm, rel=0.01)


def test_a_human_stature_over_the_floor_clears_the_flag_of_the_box():
    ground = ground_at(1200.0)
    # At a depth 60 % too large the box is 2.7 m high.
    person = standing(ground, 5000.0, depth_error=0.6)
    person = dataclasses.replace(person, flags=PersonFlags.IMPLAUSIBLE_HEIGHT | PersonFlags.UNTRACKED_ID)
    [told] = apply_ground([person], CAMERA, ground, GroundConfig())
    assert told.stature_mm == pytest.approx(1700.0, rel=0.01)
    assert told.flags == PersonFlags.UNTRACKED_ID


def test_a_floor_that_gives_no_stature_leaves_the_flag():
    ground = ground_at(1200.0)
    person = standing(ground, 5000.0)
    x, y, _, h = person.box_xywh_center_px
    lower = y + h / 2
    cut = dataclasses.replace(
        person, **box(x, lower / 2, 100, lower), flags=PersonFlags.IMPLAUSIBLE_HEIGHT
    )
    [told] = apply_ground([cut], CAMERA, ground, GroundConfig())
    assert np.isnan(told.stature_mm) and told.flags == PersonFlags.IMPLAUSIBLE_HEIGHT


def test_fusing_weighs_both_depths_by_their_sigma():
    ground = ground_at(1200.0)
    person = standing(ground, 5000.0, depth_error=0.10)
    seen = see_on_ground(person, CAMERA, ground, GroundConfig())
    depth_mm, sigma_mm, share = fused_depth(person, seen)
    assert sigma_mm == pytest.approx((person.depth_sigma_mm**-2 + seen.depth_sigma_mm**-2) ** -0.5)
    [told] = apply_ground([person], CAMERA, ground, GroundConfig(fuse_depth=True))
    assert told.root_camera_mm == pytest.approx(person.root_camera_mm * depth_mm / person.root_camera_mm[2])
    assert told.depth_sigma_mm == pytest.approx(sigma_mm)
    assert told.estimator_share == pytest.approx(share)
    # 10 % too far becomes 5 % at 5 m from a camera at 1.2 m.
    assert 5000.0 < told.root_camera_mm[2] < 5300.0


def test_depths_that_contradict_each_other_are_left_apart():
    ground = ground_at(1200.0)
    person = standing(ground, 5000.0, depth_error=0.9)
    person = dataclasses.replace(person, depth_sigma_mm=300.0)
    [told] = apply_ground([person], CAMERA, ground, GroundConfig(fuse_depth=True))
    assert told.root_camera_mm == pytest.approx(person.root_camera_mm)
    assert told.stature_mm == pytest.approx(1700.0, rel=0.01)


def test_confident_ankles_count_more_than_a_loose_box():
    ground = ground_at(1200.0)
    person = standing(ground, 5000.0)
    x, y, w, h = person.box_xywh_center_px
    loose = dataclasses.replace(person, **box(x, y + 0.05 * h, w, 1.1 * h))  # ends 10 % below the feet
    foot_mm = person.root_camera_mm - 0.53 * 1700.0 * ground.up_camera
    joints_px, confidence = np.full((17, 2), np.nan), np.zeros(17)
    joints_px[3], confidence[3] = CAMERA.project(foot_mm + 80.0 * ground.up_camera), 0.6
    joints_px[6], confidence[6] = joints_px[3] + [20.0, 40.0], 0.1  # lower, but hardly seen
    seen = dataclasses.replace(loose, joints_px=joints_px, joint_confidence=confidence)
    config = GroundConfig()
    assert see_on_ground(loose, CAMERA, ground, config).depth_mm < 4500.0
    assert see_on_ground(seen, CAMERA, ground, config).depth_mm == pytest.approx(5000.0, rel=0.002)


def test_without_fuse_depth_the_root_stays():
    ground = ground_at(1200.0)
    person = standing(ground, 5000.0, depth_error=0.1)
    [told] = apply_ground([person], CAMERA, ground, GroundConfig())
    assert told.root_camera_mm is person.root_camera_mm and told.estimator_share == 1.0


def test_joints_move_along_with_the_fused_root():
    ground = ground_at(1200.0)
    person = standing(ground, 5000.0, depth_error=0.1)
    joints_mm = person.root_camera_mm + np.arange(51.0).reshape(17, 3)
    person = dataclasses.replace(person, joints_camera_mm=joints_mm)
    [told] = apply_ground([person], CAMERA, ground, GroundConfig(fuse_depth=True))
    assert told.joints_camera_mm - told.root_camera_mm == pytest.approx(np.arange(51.0).reshape(17, 3))


def box(x, y, w, h):
    return {"box_xywh_center_px": np.array([x, y, w, h], float)}


@pytest.mark.parametrize(
    "changes", [box(640, 560, 100, 320), box(640, 250, 60, 200), box(640, 330, 30, 64)],
    ids=["feet below the picture", "above the horizon", "so near the horizon that half a degree decides"],
)  # fmt: skip
def test_floor_is_silent(changes):
    ground = ground_at(1200.0)
    person = standing(ground, 5000.0, **changes)
    assert see_on_ground(person, CAMERA, ground, GroundConfig()) is None
    [told] = apply_ground([person], CAMERA, ground, GroundConfig(fuse_depth=True))
    assert told is person


def test_cut_head_leaves_the_depth_and_no_stature():
    ground = ground_at(1200.0)
    person = standing(ground, 5000.0)
    x, y, w, h = person.box_xywh_center_px
    lower = y + h / 2
    seen = see_on_ground(
        dataclasses.replace(person, **box(x, lower / 2, w, lower)), CAMERA, ground, GroundConfig()
    )
    assert np.isnan(seen.stature_mm) and seen.is_plausible
    assert seen.depth_mm == pytest.approx(5000.0, rel=0.01)


def test_ground_from_transform_of_a_camera_on_a_base():
    # Optical axes in a base frame: right is -y, down is -z, forward is x.
    camera_to_base = np.eye(4)
    camera_to_base[:3, :3] = [[0, 0, 1], [-1, 0, 0], [0, -1, 0]]
    camera_to_base[:3, 3] = [200.0, 0.0, 1350.0]
    ground = Ground.from_transform(np.linalg.inv(camera_to_base))
    assert ground.up_camera == pytest.approx([0.0, -1.0, 0.0])
    assert ground.camera_height_mm == pytest.approx(1350.0)


def test_camera_below_the_floor_is_refused():
    with pytest.raises(ValueError, match="-500.*above the floor"):
        Ground(np.array([0.0, -1.0, 0.0]), -500.0)


@pytest.mark.parametrize("name", ["pitch_sigma_rad", "height_sigma_mm", "gate_sigmas"])
def test_config_wants_numbers_above_zero(name):
    with pytest.raises(ValueError, match=name):
        GroundConfig(**{name: 0.0})
