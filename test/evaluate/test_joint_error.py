"""PCK, exchanged sides and the ankle gap against values worked out by hand."""

import numpy as np
import pytest

from hdnet_ros.core.skeleton import JOINT_NAMES, MIRRORED_JOINTS
from hdnet_ros.evaluate.joint_error import ankle_gap, joint_errors, pck, sides_swapped

TRUE_PX = np.random.default_rng(3).permutation(17 * 4).reshape(2, 17, 2) * 20.0
VISIBLE = np.ones((2, 17), bool)
SIDE_PX = np.array([100.0, 100.0])


def test_pck_counts_visible_joints_within_a_tenth_of_the_box():
    true_px = np.zeros((2, 3, 2))
    # Boxes of 100 and 200 px: 10 px and 20 px count.
    moved_px = np.array([[[10, 0], [8, 8], [0, 5]], [[0, 20], [0, 21], [0, 0]]], float)
    visible = np.array([[1, 1, 0], [1, 1, 0]], bool)
    found = pck(moved_px, true_px, visible, np.array([100.0, 200.0]))
    assert found[:2].tolist() == [1.0, 0.0]
    assert np.isnan(found[2])
    assert found[3] == 0.5


def test_pck_of_joints_without_an_estimate_is_a_miss():
    moved_px = np.array([[[np.nan, np.nan], [0, 0]]])
    assert pck(moved_px, np.zeros((1, 2, 2)), [[1, 1]], [100.0]).tolist() == [0.0, 1.0, 0.5]


def test_pck_without_any_visible_joint_is_nan():
    assert np.isnan(pck(np.zeros((1, 2, 2)), np.zeros((1, 2, 2)), np.zeros((1, 2), bool), [100.0])).all()


def test_a_person_seen_in_the_mirror_has_every_pair_exchanged():
    found = TRUE_PX.copy()
    found[1] = TRUE_PX[1][list(MIRRORED_JOINTS)]
    assert sides_swapped(found, TRUE_PX, VISIBLE, SIDE_PX) == 0.5
    assert sides_swapped(TRUE_PX + 3.0, TRUE_PX, VISIBLE, SIDE_PX) == 0.0


def test_pairs_that_lie_together_or_are_not_seen_cannot_be_exchanged():
    mirrored = TRUE_PX[:, list(MIRRORED_JOINTS)]
    assert np.isnan(sides_swapped(mirrored, TRUE_PX, VISIBLE, SIDE_PX * 1e4))
    hidden = VISIBLE.copy()
    hidden[:, [name.startswith("left") for name in JOINT_NAMES]] = False
    assert np.isnan(sides_swapped(mirrored, TRUE_PX, hidden, SIDE_PX))
    assert np.isnan(sides_swapped(np.full_like(TRUE_PX, np.nan), TRUE_PX, VISIBLE, SIDE_PX))


def test_ankle_gap_is_zero_with_both_legs_on_one_and_one_where_they_are():
    left, right = (JOINT_NAMES.index(name) for name in ("left_ankle", "right_ankle"))
    true_px, found = np.zeros((2, 17, 2)), np.zeros((2, 17, 2))
    true_px[:, left, 0] = 10.0, 30.0
    found[:, left, 0] = 5.0, 5.0
    assert ankle_gap(found, true_px, VISIBLE) == pytest.approx(10.0 / 40.0)
    assert ankle_gap(true_px, true_px, VISIBLE) == 1.0
    found[:, right] = found[:, left]
    assert ankle_gap(found, true_px, VISIBLE) == 0.0
    one_seen = VISIBLE.copy()
    one_seen[1, right] = False
    assert ankle_gap(true_px + [3.0, 0.0], true_px, one_seen) == 1.0
    assert np.isnan(ankle_gap(found, true_px, ~VISIBLE))


def test_every_figure_of_visible_joints():
    moved = TRUE_PX + [7.0, 0.0]
    half = VISIBLE.copy()
    half[1] = False
    errors = joint_errors(moved, TRUE_PX, half, SIDE_PX)
    assert errors == {"joints": 17, "pck_0.1": 1.0, "pck_0.05": 0.0, "sides_swapped": 0.0, "ankle_gap": pytest.approx(1.0)}
