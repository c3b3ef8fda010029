"""Heads of the drawn people: as large as people's of their age."""

import numpy as np
import pytest

from hdnet_ros.data.synthetic.head_size import Skulls, median_circumference_m
from hdnet_ros.data.synthetic.rig import Rig

RIG = Rig(("root", "neck", "head", "eye.L"), np.array([-1, 0, 1, 2]))


@pytest.fixture
def dummy():
    """A ball of radius 0.1 m on a pole: vertices (V, 3), bone heads (4, 3) and weights (V, 4)."""
    points = np.random.default_rng(1).standard_normal((4000, 3))
    ball = 0.1 * points / np.linalg.norm(points, axis=1, keepdims=True) + (0.0, 0.0, 1.6)
    pole = np.stack([np.zeros(100), np.zeros(100), np.linspace(0.0, 1.5, 100)], axis=1)
    weights = np.zeros((4100, 4))
    weights[:4000, 2], weights[4000:, 0] = 1.0, 1.0
    heads = np.array([[0.0, 0.0, 0.9], [0.0, 0.0, 1.4], [0.0, 0.0, 1.5], [0.05, 0.03, 1.6]])
    return np.concatenate([ball, pole]), heads, weights


def test_circumference_is_the_tapes(dummy):
    vertices, heads, weights = dummy
    skulls = Skulls(RIG, vertices, heads, weights)
    # The widest of the band is 15 % of the way from the eyes, in the ball's middle, to its top.
    assert skulls.circumference_m(vertices) == pytest.approx(2 * np.pi * 0.1 * np.sqrt(1 - 0.15**2), rel=0.01)


def test_a_larger_head_stays_on_its_neck_and_the_body_as_it_is(dummy):
    vertices, heads, weights = dummy
    skulls = Skulls(RIG, vertices, heads, weights)
    larger, moved = skulls.resized(vertices, heads, 1.2)
    assert skulls.circumference_m(larger) == pytest.approx(1.2 * skulls.circumference_m(vertices))
    assert larger[4000:] == pytest.approx(vertices[4000:])
    assert np.ptp(larger[:4000, 2]) == pytest.approx(1.2 * np.ptp(vertices[:4000, 2]))
    assert larger[:4000, 2].min() == pytest.approx(1.5, abs=1e-3)
    assert moved[3] == pytest.approx([0.06, 0.036, 1.62])
    assert moved[:3] == pytest.approx(heads[:3])


def test_medians_grow_with_age_and_stop():
    for gender in ("male", "female"):
        medians = [median_circumference_m(gender, age) for age in (2, 5, 9, 13, 18)]
        assert medians == sorted(medians)
        assert median_circumference_m(gender, 70) == medians[-1]
    assert median_circumference_m("male", 3) == 0.505


def test_childrens_heads_are_large_for_their_bodies(people_factory):
    bank = people_factory.bank
    skulls_m = {True: [], False: []}
    skull = bank.rig.index("head")
    for number, (age_years, stature_m) in enumerate(zip(bank.age_years, bank.stature_m)):
        if age_years < 7 or age_years > 20:
            height_m = bank.rest_vertices[number][bank.head_top, 2] - bank.rest_heads[number][skull, 2]
            skulls_m[age_years < 7].append(float(height_m) / stature_m)
    # Children of 2 to 6 have some 93 % of an adult's head on 63 % of the body.
    assert np.mean(skulls_m[True]) / np.mean(skulls_m[False]) == pytest.approx(1.42, abs=0.06)
