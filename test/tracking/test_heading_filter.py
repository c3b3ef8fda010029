"""Headings over time, as angles about the vertical."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hdnet_ros.tracking.heading_filter import LEAST_SIGMA_RAD, HeadingFilter

AHEAD, UP = np.array([1.0, 0.0, 0.0]), np.array([0.0, 0.0, 1.0])


def direction(angle_rad):
    return np.array([np.cos(angle_rad), np.sin(angle_rad), 0.0])


def angle_between(first, second):
    return np.arccos(np.clip(first @ second, -1.0, 1.0))


@given(st.floats(-np.pi, np.pi))
def test_a_walk_gives_its_direction(angle_rad):
    heading = HeadingFilter(AHEAD, UP)
    heading.see_motion(1400.0 * direction(angle_rad), 100.0**2 * np.eye(3))
    assert angle_between(heading.facing, direction(angle_rad)) < 1e-6
    assert heading.sigma_rad == LEAST_SIGMA_RAD


def test_an_uncertain_walk_does_not_overrule_a_skeleton():
    heading = HeadingFilter(AHEAD, UP)
    heading.see_facing(direction(1.0), 0.3)
    heading.see_motion(400.0 * direction(-1.0), 300.0**2 * np.eye(3))
    assert angle_between(heading.facing, direction(1.0)) < 1e-6


@given(st.floats(-np.pi, np.pi), st.floats(-0.4, 0.4))
def test_skeletons_are_averaged_across_the_jump_at_half_a_turn(angle_rad, off_rad):
    heading = HeadingFilter(AHEAD, UP)
    heading.see_facing(direction(angle_rad), 0.4)
    heading.see_facing(direction(angle_rad + off_rad), 0.4)
    assert angle_between(heading.facing, direction(angle_rad + off_rad / 2)) < 1e-6


def test_a_skeleton_turned_round_is_refused_until_the_heading_is_old():
    heading = HeadingFilter(AHEAD, UP)
    heading.see_facing(direction(0.0), 0.2)
    heading.see_facing(direction(np.pi), 0.2)
    assert angle_between(heading.facing, direction(0.0)) < 1e-6
    heading.predict(5.0)
    heading.see_facing(direction(np.pi), 0.2)
    assert angle_between(heading.facing, direction(np.pi)) < 0.1


def test_a_heading_fades_with_the_root_of_time():
    heading = HeadingFilter(AHEAD, UP)
    assert heading.sigma_rad == np.inf
    heading.see_facing(direction(0.0), 0.3)
    heading.predict(1.0)
    assert heading.sigma_rad == pytest.approx(np.hypot(0.3, 0.7))


def test_in_an_optical_frame_left_is_minus_x():
    heading = HeadingFilter(np.array([0.0, 0.0, 1.0]), np.array([0.0, -1.0, 0.0]))
    heading.see_motion(np.array([-1000.0, 0.0, 0.0]), 10.0**2 * np.eye(3))
    np.testing.assert_allclose(heading.facing, [-1.0, 0.0, 0.0], atol=1e-12)
