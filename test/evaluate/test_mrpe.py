"""MRPE against hand-computed numbers, by action, and with another estimator's pixel."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from hdnet_ros.core.camera import Camera
from hdnet_ros.evaluate.mrpe import mrpe, mrpe_by_action, with_given_pixel

TRUE_MM = np.array([[0.0, 0, 4000], [100, 200, 5000], [0, 0, 3000]])
ESTIMATED_MM = TRUE_MM + [[3, -4, 0], [0, 0, -100], [20, 30, 60]]


def test_mean_distance_and_mean_absolute_axes():
    result = mrpe(ESTIMATED_MM, TRUE_MM)
    assert result["people"] == 3
    assert result["mrpe"] == pytest.approx((5 + 100 + 70) / 3)
    assert (result["x"], result["y"], result["z"]) == pytest.approx((23 / 3, 34 / 3, 160 / 3))


def test_people_with_an_unknown_root_do_not_count():
    true_mm = TRUE_MM.copy()
    true_mm[1] = np.nan
    assert mrpe(ESTIMATED_MM, true_mm) == pytest.approx({"people": 2, "mrpe": 37.5, "x": 11.5, "y": 17, "z": 30})


def test_nobody_is_nan_and_not_zero():
    result = mrpe(np.zeros((0, 3)), np.zeros((0, 3)))
    assert result["people"] == 0 and np.isnan([result[k] for k in ("mrpe", "x", "y", "z")]).all()


def test_actions_are_separate_and_nameless_people_in_none():
    table = mrpe_by_action(ESTIMATED_MM, TRUE_MM, ["Walking", "", "Walking"])
    assert list(table) == ["Walking"]
    assert table["Walking"]["mrpe"] == pytest.approx(37.5)


@settings(deadline=None, max_examples=30)
@given(arrays(float, (7, 3), elements=st.floats(-1e5, 1e5)), st.permutations(range(7)))
def test_perfect_roots_have_no_error_and_order_does_not_matter(roots_mm, order):
    assert mrpe(roots_mm, roots_mm)["mrpe"] == 0
    shifted = roots_mm + np.arange(7)[:, None]
    assert mrpe(shifted, roots_mm) == pytest.approx(mrpe(shifted[list(order)], roots_mm[list(order)]))


def test_given_pixel_keeps_the_depth():
    camera = Camera(np.array([[500.0, 0, 320], [0, 500, 240], [0, 0, 1]]), (640, 480))
    moved = with_given_pixel(np.array([9.0, 9.0, 4000.0]), np.array([370.0, 240.0]), camera)
    np.testing.assert_allclose(moved, [400.0, 0.0, 4000.0])
