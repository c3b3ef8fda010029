import pytest
import torch

from hdnet_ros.model.heatmap import (
    MASKED_LOGIT,
    mask_logits,
    pool_features,
    separated_pairs_cells,
    soft_argmax_cells,
    spatial_softmax,
    windowed_soft_argmax_cells,
)


def random_heatmaps(people, joints=3, height=5, width=7):
    return spatial_softmax(torch.randn(people, joints, height, width))


def pool_naively(heatmaps, features, patch_index):
    """Equation 4, one person, joint and channel after another."""
    people, joints = heatmaps.shape[:2]
    pooled = torch.zeros(people, joints, features.shape[1])
    for n in range(people):
        for j in range(joints):
            for c in range(features.shape[1]):
                pooled[n, j, c] = (heatmaps[n, j] * features[patch_index[n], c]).sum()
    return pooled


@pytest.mark.parametrize("patch_index", [[0, 1, 2], [2, 0, 0, 2, 0], [1], [0, 0]])
def test_pool_features_equals_naive_loop(patch_index):
    heatmaps, features = random_heatmaps(len(patch_index)), torch.randn(3, 4, 5, 7)
    found = pool_features(heatmaps, features, torch.tensor(patch_index))
    torch.testing.assert_close(found, pool_naively(heatmaps, features, patch_index))


def test_pool_features_without_index_takes_one_person_per_patch():
    heatmaps, features = random_heatmaps(3), torch.randn(3, 4, 5, 7)
    torch.testing.assert_close(
        pool_features(heatmaps, features), pool_naively(heatmaps, features, [0, 1, 2])
    )


def test_pool_features_nobody():
    pooled = pool_features(random_heatmaps(0), torch.randn(2, 4, 5, 7), torch.zeros(0).long())
    assert pooled.shape == (0, 3, 4)


def test_pool_features_gradient_reaches_heatmaps_and_features():
    heatmaps, features = random_heatmaps(3).double(), torch.randn(2, 2, 5, 7).double()
    index = torch.tensor([1, 0, 1])
    heatmaps, features = heatmaps.requires_grad_(), features.requires_grad_()
    assert torch.autograd.gradcheck(lambda h, f: pool_features(h, f, index), (heatmaps, features))


def test_pool_features_constant_features_give_the_constant():
    features = torch.full((1, 2, 5, 7), 3.25)
    pooled = pool_features(random_heatmaps(2), features, torch.tensor([0, 0]))
    torch.testing.assert_close(pooled, torch.full((2, 3, 2), 3.25))


def test_masked_softmax_is_zero_outside_the_box_and_sums_to_one():
    mask = torch.zeros(2, 5, 7, dtype=torch.bool)
    mask[0, 1:3, 2:6] = True
    mask[1, 4, 6] = True
    logits = mask_logits(torch.randn(2, 3, 5, 7) * 20, mask)
    assert (logits[0, :, 0, 0] == MASKED_LOGIT).all()
    heatmaps = spatial_softmax(logits)
    assert (heatmaps.masked_select(~mask.unsqueeze(1)) == 0).all()
    torch.testing.assert_close(heatmaps.sum((-2, -1)), torch.ones(2, 3))
    assert (heatmaps[1, :, 4, 6] == 1).all()


def test_soft_argmax_of_one_cell_is_its_x_and_y():
    heatmaps = torch.zeros(1, 2, 5, 7)
    heatmaps[0, 0, 1, 6] = 1.0
    heatmaps[0, 1, 4, 0] = 0.25
    heatmaps[0, 1, 2, 2] = 0.75
    assert soft_argmax_cells(heatmaps).tolist() == [[[6.0, 1.0], [1.5, 2.5]]]


def test_windowed_soft_argmax_ignores_the_other_mode():
    heatmaps = torch.zeros(1, 1, 9, 20)
    heatmaps[0, 0, 4, 3] = 0.3
    heatmaps[0, 0, 4, 4] = 0.3
    heatmaps[0, 0, 4, 15] = 0.4
    assert soft_argmax_cells(heatmaps)[0, 0, 0].item() == pytest.approx(8.1)
    assert windowed_soft_argmax_cells(heatmaps, 2).tolist() == [[[15.0, 4.0]]]


def test_windowed_soft_argmax_at_the_border():
    heatmaps = torch.zeros(1, 1, 4, 4)
    heatmaps[0, 0, 0, 0] = 0.6
    heatmaps[0, 0, 0, 1] = 0.4
    found = windowed_soft_argmax_cells(heatmaps, 1)[0, 0]
    assert found.tolist() == pytest.approx([0.4, 0.0])


def two_mode_maps(left_share_at_a, right_share_at_a):
    """Maps of a left and a right joint on 20 x 20 cells with peaks at A = (4, 10) and B = (14, 10)."""
    maps = torch.zeros(1, 2, 20, 20)
    for joint, share in enumerate((left_share_at_a, right_share_at_a)):
        maps[0, joint, 10, 4], maps[0, joint, 10, 14] = share, 1 - share
    return maps


@pytest.mark.parametrize(
    "left_at_a, right_at_a, expected",
    [
        (0.55, 0.60, [[14, 10], [4, 10]]),  # both prefer A, the right one more
        (0.60, 0.55, [[4, 10], [14, 10]]),
        (0.90, 0.20, [[4, 10], [14, 10]]),  # apart already
        (0.99, 0.97, [[4, 10], [4, 10]]),  # no second peak worth the name: one leg hides the other
    ],
)
def test_a_pair_on_one_peak_is_taken_apart_where_there_is_a_second(left_at_a, right_at_a, expected):
    maps = two_mode_maps(left_at_a, right_at_a)
    joints = windowed_soft_argmax_cells(maps, 2)
    apart = separated_pairs_cells(maps, joints, [(0, 1)], 2)
    torch.testing.assert_close(apart[0], torch.tensor(expected, dtype=apart.dtype))
