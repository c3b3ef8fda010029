"""Headings of bodies whose orientation is known."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from hdnet_ros.core.heading import CAMERA_UP, heading_of
from hdnet_ros.core.skeleton import JOINT_NAMES

# x forward, y left, z up, mm: 0.25 m between the hips, 0.35 m between the shoulders.
PLACES = {
    "right_hip": (0, -125, 0), "left_hip": (0, 125, 0),
    "right_shoulder": (20, -175, 500), "left_shoulder": (20, 175, 500),
}  # fmt: skip
BODY_MM = np.full((17, 3), np.nan)
for _name, _place in PLACES.items():
    BODY_MM[JOINT_NAMES.index(_name)] = _place

# Body axes in the optical frame of a level camera that looks at the person's face.
FACING_CAMERA = np.array([[0.0, 1, 0], [0, 0, -1], [-1, 0, 0]])

angles = st.floats(-math.pi, math.pi)


def joints(names, rotation=FACING_CAMERA):
    chosen = np.full((17, 3), np.nan)
    for name in names:
        chosen[JOINT_NAMES.index(name)] = PLACES[name]
    return chosen @ rotation.T + (300.0, -100.0, 4000.0)


def test_person_who_looks_into_a_level_camera():
    heading = heading_of(joints(PLACES), CAMERA_UP, joint_sigma_mm=30.0)
    assert heading.forward == pytest.approx([0.0, 0.0, -1.0])
    assert heading.up == pytest.approx([0.0, -1.0, 0.0])
    # Four joints of 30 mm over 0.25 + 0.35 m.
    assert heading.sigma_rad == pytest.approx(2 * 30.0 / 600.0)


@given(yaw=angles, tilt=st.floats(-1.2, 1.2), roll=st.floats(-0.5, 0.5))
def test_heading_turns_with_the_body_in_a_tilted_camera(yaw, tilt, roll):
    world_to_camera = Rotation.from_euler("zx", [roll, tilt]).as_matrix() @ FACING_CAMERA
    body_to_camera = world_to_camera @ Rotation.from_euler("z", yaw).as_matrix()
    heading = heading_of(joints(PLACES, body_to_camera), world_to_camera[:, 2] * 7.0)
    assert heading.forward == pytest.approx(body_to_camera[:, 0], abs=1e-9)
    assert heading.up == pytest.approx(world_to_camera[:, 2])


@given(lean=st.floats(-1.3, 1.3))
def test_heading_of_a_body_that_leans_forward_or_sideways_stays_level(lean):
    forwards = FACING_CAMERA @ Rotation.from_euler("y", lean).as_matrix()
    assert heading_of(joints(PLACES, forwards), CAMERA_UP).forward == pytest.approx([0, 0, -1])
    sideways = FACING_CAMERA @ Rotation.from_euler("x", lean).as_matrix()
    heading = heading_of(joints(PLACES, sideways), CAMERA_UP, joint_sigma_mm=30.0)
    assert heading.forward == pytest.approx([0, 0, -1])
    # Seen from above the body is narrower, so the heading is less sure.
    assert heading.sigma_rad == pytest.approx(0.1 / math.cos(lean))


@pytest.mark.parametrize("part, width_mm", [("hip", 250.0), ("shoulder", 350.0)])
def test_one_line_is_enough_and_says_less(part, width_mm):
    heading = heading_of(joints([f"left_{part}", f"right_{part}"]), CAMERA_UP, joint_sigma_mm=30.0)
    assert heading.forward == pytest.approx([0, 0, -1])
    assert heading.sigma_rad == pytest.approx(math.sqrt(2) * 30.0 / width_mm)


def test_no_heading_without_joints_or_lying_on_the_side():
    assert heading_of(np.full((17, 3), np.nan), CAMERA_UP) is None
    assert heading_of(joints(["left_hip", "right_shoulder"]), CAMERA_UP) is None
    on_the_side = FACING_CAMERA @ Rotation.from_euler("x", math.pi / 2).as_matrix()
    assert heading_of(joints(PLACES, on_the_side), CAMERA_UP) is None
    # 0.6 m across, and joints known to 0.4 m: a sigma of 1.3 rad is no heading.
    assert heading_of(joints(PLACES), CAMERA_UP, joint_sigma_mm=400.0) is None


def test_values_out_of_range_are_named():
    with pytest.raises(ValueError, match=r"up is \[0.0, 0.0, 0.0\], expected"):
        heading_of(joints(PLACES), (0, 0, 0))
    with pytest.raises(ValueError, match="joint_sigma_mm is 0.0, expected above 0"):
        heading_of(joints(PLACES), CAMERA_UP, joint_sigma_mm=0.0)
