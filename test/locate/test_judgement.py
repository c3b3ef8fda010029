"""Somebody or nobody, who is meant, and whether they are a child."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hdnet_ros.core.types import PersonEstimate, PersonFlags
from hdnet_ros.locate.judgement import child_probability_of, existence_from_sigma, existence_of, with_shared_joints_flagged

# A skeleton of 17 joints in a box that reaches from 0, 0 to 1, 1.
SKELETON = np.random.default_rng(3).uniform(0.1, 0.9, (17, 2))


def person(left, top, width, height, joints_px=None, confidence=0.8):
    low, size = np.array([left, top]), np.array([width, height])
    joints_px = low + SKELETON * size if joints_px is None else joints_px
    return PersonEstimate(
        id="p", score=0.9, box_xywh_center_px=np.concatenate([low + 0.5 * size, size]),
        root_camera_mm=np.array([0.0, 0.0, 3000.0]), depth_sigma_mm=300.0, normalised_depth=3.0,
        focal_px=1000.0, patch_px=500.0, patch_focal_px=512.0, joints_px=np.asarray(joints_px, float),
        joint_confidence=np.full(17, confidence),
    )  # fmt: skip


def flagged(*people):
    return [bool(p.flags & PersonFlags.SHARED_JOINTS) for p in with_shared_joints_flagged(people)]


FRONT = person(100, 50, 120, 400)


def test_who_stands_behind_and_is_answered_with_the_one_in_front_is_flagged():
    behind = person(140, 80, 90, 300, joints_px=FRONT.joints_px + 3.0)
    assert flagged(FRONT, behind) == [False, True]
    assert flagged(behind, FRONT) == [True, False]


def test_who_stands_behind_with_joints_of_their_own_is_not():
    assert flagged(FRONT, person(180, 80, 90, 300)) == [False, False]


def test_two_boxes_alike_on_one_body_are_both_flagged():
    assert flagged(FRONT, person(104, 52, 120, 398, joints_px=FRONT.joints_px)) == [True, True]


def test_people_far_apart_and_unseen_joints_flag_nobody():
    assert flagged(FRONT, person(600, 50, 120, 400)) == [False, False]
    unseen = person(140, 80, 90, 300, joints_px=np.full((17, 2), np.nan))
    assert flagged(FRONT, unseen) == [False, False]
    assert flagged(person(100, 50, 120, 400, confidence=0.0), FRONT) == [False, False]
    assert flagged() == []


def test_other_flags_stay():
    behind = person(140, 80, 90, 300, joints_px=FRONT.joints_px)
    cut = PersonEstimate(**{**vars(behind), "flags": PersonFlags.TRUNCATED_BOX})
    _, told = with_shared_joints_flagged([FRONT, cut])
    assert told.flags == PersonFlags.TRUNCATED_BOX | PersonFlags.SHARED_JOINTS


def test_the_networks_own_word_counts_where_it_has_one():
    assert existence_of(0.0, 0.5) == 0.5 and existence_of(1e9, 0.5) == pytest.approx(1.0)
    assert existence_of(-1e9, 0.05) == pytest.approx(0.0, abs=1e-12)
    for unsaid in (None, float("nan")):
        assert existence_of(unsaid, 0.1) == existence_from_sigma(0.1)


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_a_childs_logit_is_a_probability_and_its_opposite_the_adults(logit):
    child, adult = child_probability_of(logit), child_probability_of(-logit)
    assert 0.0 <= child <= 1.0 and child + adult == pytest.approx(1.0)
    assert (child > 0.5) == (logit > 0.0) or abs(logit) < 1e-9


def test_whether_a_child_is_unknown_where_the_network_does_not_say():
    assert child_probability_of(np.log(3.0)) == pytest.approx(0.75)
    assert all(np.isnan(child_probability_of(unsaid)) for unsaid in (None, float("nan"), float("inf")))


@pytest.mark.parametrize("sigma", [0.0, 0.07, 0.1, 0.13])
def test_whose_distance_is_known_exists(sigma):
    assert 0.5 < existence_from_sigma(sigma) <= 1.0


@pytest.mark.parametrize("sigma", [0.3, 0.5, 1e9])
def test_a_box_of_unknown_distance_holds_rather_nobody(sigma):
    assert 0.0 <= existence_from_sigma(sigma) < 0.5
