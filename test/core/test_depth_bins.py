import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from hdnet_ros.core.depth_bins import DepthBins, denormalise_depth, normalise_depth


def test_index_of_hand_computed_depths():
    bins = DepthBins(count=71, start=1.0, end=8.0)
    assert bins.index(1.0) == pytest.approx(0.0)
    assert bins.index(8.0) == pytest.approx(70.0)
    # log 2 and log 4 are one and two thirds of log 8.
    assert bins.index(2.0) == pytest.approx(70.0 / 3.0, abs=1e-12)
    assert bins.index(4.0) == pytest.approx(140.0 / 3.0, abs=1e-12)


def test_index_outside_range_is_clipped():
    bins = DepthBins(61, 2.0, 8.0)
    assert bins.index(0.5) == 0.0
    assert bins.index(100.0) == 60.0
    assert bins.index(torch.tensor([0.5, 100.0])).tolist() == [0.0, 60.0]


def test_log_step_of_the_authors_bins_is_2_3_percent():
    assert math.exp(DepthBins(61, 2.0, 8.0).log_step) - 1.0 == pytest.approx(0.0234, abs=1e-4)


@given(st.floats(0.34, 15.3))
def test_normalised_inverts_index(normalised):
    bins = DepthBins.ladder()
    assert bins.normalised(bins.index(normalised)) == pytest.approx(normalised, rel=1e-12)
    in_torch = bins.normalised(bins.index(torch.tensor(normalised, dtype=torch.float64)))
    assert float(in_torch) == pytest.approx(normalised, rel=1e-12)


@given(st.floats(0.0, 69.99), st.floats(-90.0, 90.0))
def test_shifted_moves_the_mean_and_stops_at_the_ends(index, by):
    bins = DepthBins.ladder()
    target = bins.target(torch.tensor([index], dtype=torch.float64))
    moved = bins.shifted(target, torch.tensor([by], dtype=torch.float64))
    assert float(moved.sum()) == pytest.approx(1.0)
    assert (moved >= 0).all()
    lower, upper = math.floor(index) + by, math.floor(index) + 1 + by
    if lower >= 0 and upper <= 70:
        assert float(bins.soft_argmax(moved)) == pytest.approx(index + by, abs=1e-6)
    elif upper <= 0 or lower >= 70:
        assert float(bins.soft_argmax(moved)) == pytest.approx(0.0 if upper <= 0 else 70.0, abs=1e-6)


def test_target_of_2_4_is_0_6_and_0_4():
    target = DepthBins().target(torch.tensor(2.4, dtype=torch.float64))
    assert target.shape == (71,)
    assert target[2].item() == pytest.approx(0.6)
    assert target[3].item() == pytest.approx(0.4)
    assert target.sum().item() == pytest.approx(1.0)
    assert int((target > 0).sum()) == 2


@given(st.lists(st.floats(-3.0, 80.0), min_size=1, max_size=6))
def test_soft_argmax_inverts_target_within_the_bins(indices):
    bins = DepthBins()
    target = bins.target(torch.tensor(indices, dtype=torch.float64))
    assert target.shape == (len(indices), 71)
    expected = np.clip(indices, 0.0, 70.0)
    assert bins.soft_argmax(target).numpy() == pytest.approx(expected, abs=1e-9)
    assert bins.soft_argmax(target.numpy()) == pytest.approx(expected, abs=1e-9)


def test_median_keeps_to_the_likelier_of_two_modes():
    bins = DepthBins()
    probabilities = torch.zeros(2, 71)
    probabilities[0, [20, 40]] = torch.tensor([0.2, 0.8])
    probabilities[1, 33] = 1.0
    # 0.2 lies before bin 40, so 0.3 / 0.8 of its mass is needed.
    assert bins.median(probabilities).tolist() == pytest.approx([39.5 + 0.3 / 0.8, 33.0])
    assert bins.soft_argmax(probabilities).tolist() == pytest.approx([36.0, 33.0])


@given(st.lists(st.floats(0.0, 1.0), min_size=71, max_size=71).filter(lambda p: sum(p) > 0.1))
def test_median_halves_the_mass(weights):
    probabilities = torch.tensor(weights, dtype=torch.float64)
    probabilities /= probabilities.sum()
    median = DepthBins().median(probabilities).item()
    assert 0.0 <= median <= 70.0
    edges = torch.arange(72, dtype=torch.float64) - 0.5
    below = (probabilities * (median - edges[:-1]).clamp(0.0, 1.0)).sum().item()
    if 0.0 < median < 70.0:
        assert below == pytest.approx(0.5, abs=1e-9)


def test_spread_is_the_std_of_log_depth():
    bins = DepthBins()
    probabilities = np.zeros(71)
    probabilities[[10, 14]] = 0.5
    assert bins.spread(probabilities) == pytest.approx(2.0 * bins.log_step)
    logs = np.log(bins.normalised(np.arange(71.0)))
    uniform = np.full(71, 1 / 71)
    assert bins.spread(uniform) == pytest.approx(np.std(logs))
    assert float(bins.spread(torch.from_numpy(uniform))) == pytest.approx(np.std(logs))


def test_soft_argmax_with_another_number_of_bins_is_refused():
    with pytest.raises(ValueError, match="60 bins, expected 71"):
        DepthBins().soft_argmax(np.ones(60) / 60)


def test_normalised_depth_of_the_papers_patch_is_depth_over_focal():
    # 4 m at f = 1500 px in a 1000 px patch seen at 256 px.
    focal_in_px = 1500.0 * 256 / 1000
    assert normalise_depth(4000.0, focal_in_px, 256) == pytest.approx(4000.0 / 1500.0)
    assert denormalise_depth(4000.0 / 1500.0, focal_in_px, 256) == pytest.approx(4000.0)


def test_normalised_depth_does_not_depend_on_the_input_size():
    small, large = (normalise_depth(4000.0, 1500.0 * side / 1000, side) for side in (192, 256))
    assert small == pytest.approx(large)


@pytest.mark.parametrize("values", [(1, 1.0, 8.0), (71, 0.0, 8.0), (71, 8.0, 1.0), (71, 1.0, math.inf)])
def test_bins_out_of_range_are_refused(values):
    with pytest.raises(ValueError, match="expected"):
        DepthBins(*values)


def test_bins_from_dict_names_an_unknown_key():
    assert DepthBins.from_dict(DepthBins.ladder().to_dict()) == DepthBins.ladder()
    with pytest.raises(ValueError, match="stop"):
        DepthBins.from_dict({"stop": 8.0})
