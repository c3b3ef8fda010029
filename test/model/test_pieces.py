"""Pooling and reading coarse features where they lie equals doing so in the fine map."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from hdnet_ros.model.branch import MultiScaleBranch
from hdnet_ros.model.heatmap import pool_features
from hdnet_ros.model.pieces import SplitFeatures, convolved, pool_in_window
from hdnet_ros.model.upsampled_conv import UpsampledConv

CELLS = 16


def make_branch(upsample_first):
    """A branch of four levels as `inference_copy` leaves it, and the pyramid that it reads."""
    torch.manual_seed(0)
    branch = MultiScaleBranch(6, 5, 4, upsample_first).double().eval()
    pyramid = [torch.randn(2, 6, CELLS // 2**level, CELLS // 2**level).double() for level in range(4)]
    return branch, pyramid


def split(branch, pyramid) -> SplitFeatures:
    values = tuple(part.permute(0, 2, 3, 1) for parts in branch.split(pyramid) for part in parts)
    return SplitFeatures(branch.pieces, values)


def before_upsampling(branch):
    for level in range(1, 4):
        branch.mix[level][0] = UpsampledConv(branch.mix[level][0], 2**level)
    branch.upsample_first = False
    return branch


def without_bias(branch):
    """`UpsampledConv` is of convolutions with a bias, as they are once batch norm is in them."""
    for mix in branch.mix:
        mix[0].bias = nn.Parameter(torch.randn(mix[0].out_channels).double())
    return branch


CASES = {"levels": (False, lambda b: b), "fine": (True, lambda b: b), "convolved first": (True, before_upsampling)}


@pytest.mark.parametrize("case", CASES)
@settings(deadline=None, max_examples=40)
@given(window=st.tuples(*[st.integers(0, CELLS - 1)] * 2, *[st.integers(1, CELLS)] * 2), index=st.booleans())
def test_pooling_pieces_equals_pooling_the_whole_map(case, window, index):
    upsample_first, rewritten = CASES[case]
    branch, pyramid = make_branch(upsample_first)
    branch = without_bias(branch)
    with torch.inference_mode():
        dense, features = branch(pyramid), split(rewritten(branch), pyramid)
    rows, columns = (slice(start, min(CELLS, start + length)) for start, length in zip(window[:2], window[2:]))
    patch_index = torch.tensor([1, 0, 1]) if index else None
    weights = torch.rand(3 if index else 2, 7, rows.stop - rows.start, columns.stop - columns.start).double()
    whole = torch.zeros(len(weights), 7, CELLS, CELLS).double()
    whole[..., rows, columns] = weights
    expected = pool_features(whole.float(), dense.float(), patch_index)
    for found in (features, dense):
        pooled = pool_in_window(weights.float(), found, rows, columns, patch_index)
        torch.testing.assert_close(pooled, expected, rtol=1e-4, atol=1e-3)


@pytest.mark.parametrize("case", CASES)
def test_a_head_on_pieces_equals_the_head_on_the_whole_map(case):
    upsample_first, rewritten = CASES[case]
    branch, pyramid = make_branch(upsample_first)
    branch, head = without_bias(branch), nn.Conv2d(16, 3, 1).double()
    with torch.inference_mode():
        expected = head(branch(pyramid))
        branch = rewritten(branch)
        found = convolved(head, branch.pieces, branch.split(pyramid))
    torch.testing.assert_close(found, expected, rtol=0, atol=1e-12)


def test_pieces_are_not_larger_than_the_levels_they_stand_for():
    branch, pyramid = make_branch(False)
    features = split(branch, pyramid)
    assert [tuple(value.shape) for value in features.values] == [
        (2, CELLS // 2**level, CELLS // 2**level, 4) for level in range(4)
    ]
