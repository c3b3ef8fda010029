"""Errors of poses whose errors are known, in mm, shares and degrees."""

import math

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from hdnet_ros.core.skeleton import JOINT_NAMES
from hdnet_ros.evaluate.pose_error import pose_errors

RNG = np.random.default_rng(3)
TRUE_MM = RNG.uniform(-400, 400, (4, 17, 3)) + [0, 0, 5000.0]
for _part, _half in (("hip", 120.0), ("shoulder", 180.0)):
    TRUE_MM[:, JOINT_NAMES.index(f"left_{_part}")] = [_half, 0, 5000.0]
    TRUE_MM[:, JOINT_NAMES.index(f"right_{_part}")] = [-_half, 0, 5000.0]


def test_exact_poses_have_no_error():
    errors = pose_errors(TRUE_MM, TRUE_MM)
    assert errors.pop("people") == 4
    assert [errors.pop(name) for name in ("pck_absolute", "pck_relative", "heading_known")] == [1.0] * 3
    assert set(errors.values()) == {0.0}


def test_whole_body_shift_is_absolute_error_only():
    errors = pose_errors(TRUE_MM + [0, 120.0, 160.0], TRUE_MM)
    assert errors["mpjpe_absolute_mm"] == pytest.approx(200.0)
    assert errors["mpjpe_relative_mm"] == pytest.approx(0.0, abs=1e-9)
    assert (errors["pck_absolute"], errors["pck_relative"]) == (0.0, 1.0)


def test_one_joint_of_sixteen_counts_a_sixteenth_and_the_pelvis_does_not_dilute_it():
    found = TRUE_MM.copy()
    found[:, 16] += [0, 96.0, 128.0]
    errors = pose_errors(found, TRUE_MM)
    assert errors["mpjpe_relative_mm"] == pytest.approx(10.0)
    assert errors["depth_relative_mm"] == pytest.approx(8.0)
    assert errors["mpjpe_absolute_mm"] == pytest.approx(160.0 / 17)
    assert errors["pck_relative"] == pytest.approx(15 / 16)


def test_people_without_a_pose_and_joints_without_a_label_do_not_count():
    found, true = TRUE_MM + [0, 0, 100.0], TRUE_MM.copy()
    found[0] = np.nan
    true[1, 5:] = np.nan
    errors = pose_errors(found, true)
    assert errors["people"] == 3
    assert errors["mpjpe_absolute_mm"] == pytest.approx(100.0)
    nobody = pose_errors(np.full((2, 17, 3), np.nan), TRUE_MM[:2])
    assert nobody.pop("people") == 0 and all(math.isnan(value) for value in nobody.values())


def test_headings_that_the_estimate_lacks_are_counted():
    found = TRUE_MM.copy()
    for part in ("hip", "shoulder"):
        found[0, JOINT_NAMES.index(f"left_{part}")] = found[0, JOINT_NAMES.index(f"right_{part}")]
    errors = pose_errors(found, TRUE_MM)
    assert errors["heading_known"] == 0.75
    assert errors["heading_p90_deg"] == 0.0


@pytest.mark.parametrize("turn_deg", [10.0, 90.0, 180.0])
def test_heading_error_of_a_body_turned_about_the_vertical(turn_deg):
    root = TRUE_MM[:, :1]
    turn = Rotation.from_euler("y", turn_deg, degrees=True).as_matrix()
    errors = pose_errors((TRUE_MM - root) @ turn.T + root, TRUE_MM)
    # 240 mm of hips and 360 mm of shoulders: sigma is 2 joint sigmas over 600 mm.
    assert errors["heading_joint_sigma_mm"] == pytest.approx(math.radians(turn_deg) * 600.0 / 2.0, rel=1e-5)
    assert errors["heading_median_deg"] == pytest.approx(turn_deg, abs=1e-4)
    assert errors["heading_p90_deg"] == pytest.approx(turn_deg, abs=1e-4)
