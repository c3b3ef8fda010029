"""Depth errors and coverage against values worked out by hand."""

import numpy as np
import pytest

from hdnet_ros.evaluate.depth_error import coverage, relative_error, summarise


def test_relative_error_is_positive_where_too_far():
    assert relative_error([4400, 3600], [4000, 4000]) == pytest.approx([0.1, -0.1])


def test_summarise_of_four_people():
    found = summarise([1100, 2000, 2700, 4000 * 1.3], [1000, 2000, 3000, 4000])  # +10 %, 0, -10 %, +30 %
    assert found["people"] == 4
    assert found["mean"] == pytest.approx(0.125)
    assert found["median"] == pytest.approx(0.1)
    assert found["p95"] == pytest.approx(0.27)  # 0.85 of the way from 0.1 to 0.3
    assert found["bias"] == pytest.approx(0.05)  # half way between 0 and +10 %


def test_summarise_of_nobody_is_nan():
    found = summarise([], [])
    assert found["people"] == 0
    assert all(np.isnan(found[key]) for key in ("mean", "median", "p95", "bias"))


def test_coverage_counts_who_lies_inside_the_central_interval():
    # 50 % is within 0.674 sigma, 68 % within 0.994, 95 % within 1.960.
    true_mm = 4000 + 100 * np.array([0.0, 0.67, -0.68, 0.99, -1.0, 1.95, -1.97, 3.0])
    found = coverage(np.full(8, 4000.0), np.full(8, 100.0), true_mm)
    assert found == {0.5: 2 / 8, 0.68: 4 / 8, 0.95: 6 / 8}


def test_coverage_uses_each_persons_own_sigma():
    assert coverage([1000, 1000], [10, 100], [1050, 1050], levels=(0.68,)) == {0.68: 0.5}


def test_coverage_of_nobody_is_nan():
    found = coverage([], [], [])
    assert list(found) == [0.5, 0.68, 0.95]
    assert all(np.isnan(share) for share in found.values())
