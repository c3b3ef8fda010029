import math
from types import SimpleNamespace

import pytest
import torch

from hdnet_ros.core.depth_bins import DepthBins
from hdnet_ros.core.skeleton import LEFT_RIGHT_PAIRS
from hdnet_ros.learn import losses
from hdnet_ros.model.heatmap import mask_logits, spatial_softmax

SIZE = (12, 10)
EVERYWHERE = torch.ones(2, *SIZE, dtype=torch.bool)
ONES = torch.ones(2, 17)
HEATMAP_LOSSES = (
    losses.heatmap_mse,
    losses.heatmap_cross_entropy,
    losses.heatmap_cross_entropy_swap_tolerant,
)


def output(logits, masks=EVERYWHERE):
    masked = mask_logits(logits, masks)
    return SimpleNamespace(heatmap_logits=masked, heatmaps=spatial_softmax(masked))


def some_joints(seed=0):
    generator = torch.Generator().manual_seed(seed)
    return torch.rand(2, 17, 2, generator=generator) * torch.tensor([9.0, 11.0])


def output_at(joints, sigma=1.0):
    """What a network that is sure of `joints` says."""
    return output(losses.gaussian_heatmaps(joints, SIZE, sigma).clamp_min(1e-12).log())


def mirrored(joints, pairs=LEFT_RIGHT_PAIRS):
    joints = joints.clone()
    for left, right in pairs:
        joints[:, [left, right]] = joints[:, [right, left]]
    return joints


def test_gaussian_heatmap_by_hand():
    maps = losses.gaussian_heatmaps(torch.tensor([[[4.0, 6.0]]]), SIZE, 2.0)
    assert maps.shape == (1, 1, 12, 10)
    peak = 1 / (2 * math.pi * 4)
    assert maps[0, 0, 6, 4].item() == pytest.approx(peak)
    assert maps[0, 0, 7, 2].item() == pytest.approx(peak * math.exp(-(1 + 4) / 8))
    wide = losses.gaussian_heatmaps(torch.tensor([[[20.3, 19.8]]]), (40, 40), 1.5)
    assert wide.sum().item() == pytest.approx(1.0, abs=1e-5)


def test_heatmap_mse_by_hand():
    """A flat map of 120 cells against a Gaussian of 1e-3 cells: one cell of one."""
    joints = torch.full((2, 17, 2), 3.0)
    found = losses.heatmap_mse(output(torch.zeros(2, 17, *SIZE)), joints, ONES, EVERYWHERE, 1e-3)
    expected = ((1 - 1 / 120) ** 2 + 119 / 120**2) / 120
    torch.testing.assert_close(found, torch.full((2,), expected))


def test_heatmap_cross_entropy_of_a_flat_map_is_log_of_the_cells_in_the_box():
    masks = torch.zeros(2, *SIZE, dtype=torch.bool)
    masks[0, 2:8, 2:7], masks[1, :, :4] = True, True
    joints = torch.tensor([[4.0, 5.0], [2.0, 5.0]]).unsqueeze(1).expand(2, 17, 2)
    flat = output(torch.zeros(2, 17, *SIZE), masks)
    found = losses.heatmap_cross_entropy(flat, joints, ONES, masks, 1.5)
    torch.testing.assert_close(found, torch.tensor([math.log(30), math.log(48)]))


@pytest.mark.parametrize("loss", HEATMAP_LOSSES)
def test_heatmap_loss_is_least_at_the_label(loss):
    joints = some_joints()
    at_label = loss(output_at(joints), joints, ONES, EVERYWHERE, 1.0)
    beside = loss(output_at(joints + 0.7), joints, ONES, EVERYWHERE, 1.0)
    assert at_label.shape == (2,)
    assert (at_label < beside).all()


@pytest.mark.parametrize("loss", HEATMAP_LOSSES)
def test_heatmap_loss_ignores_joints_without_weight(loss):
    joints, weight = some_joints(), ONES.clone()
    weight[:, [3, 6]] = 0.0
    elsewhere = joints.clone()
    elsewhere[:, [3, 6]] = 1.0
    prediction = output(torch.randn(2, 17, *SIZE))
    torch.testing.assert_close(
        loss(prediction, joints, weight, EVERYWHERE, 1.0),
        loss(prediction, elsewhere, weight, EVERYWHERE, 1.0),
    )


@pytest.mark.parametrize("loss", HEATMAP_LOSSES)
def test_person_without_labels_costs_nothing(loss):
    weight = ONES.clone()
    weight[1] = 0.0
    found = loss(output(torch.randn(2, 17, *SIZE)), some_joints(), weight, EVERYWHERE, 1.0)
    assert found[0] > 0 and found[1] == 0


@pytest.mark.parametrize("loss", HEATMAP_LOSSES)
def test_heatmap_loss_is_finite_with_joints_outside_box_and_map(loss):
    masks = torch.zeros(2, *SIZE, dtype=torch.bool)
    masks[:, 2:5, 3:6] = True
    joints = some_joints()
    joints[:, 4] = torch.tensor([-500.0, 3.0])
    logits = torch.randn(2, 17, *SIZE, requires_grad=True)
    found = loss(output(logits, masks), joints, ONES, masks, 1.0)
    found.sum().backward()
    assert torch.isfinite(found).all() and torch.isfinite(logits.grad).all()
    if loss is not losses.heatmap_mse:
        assert (logits.grad[:, 4] == 0).all()


def test_swap_tolerant_loss_accepts_either_labelling_of_whole_limbs():
    joints = some_joints()
    loss = losses.heatmap_cross_entropy_swap_tolerant
    straight = loss(output_at(joints), joints, ONES, EVERYWHERE, 1.0)
    legs = loss(output_at(mirrored(joints, LEFT_RIGHT_PAIRS[:3])), joints, ONES, EVERYWHERE, 1.0)
    both = loss(output_at(mirrored(joints)), joints, ONES, EVERYWHERE, 1.0)
    torch.testing.assert_close(legs, straight)
    torch.testing.assert_close(both, straight)
    one_joint = mirrored(joints, LEFT_RIGHT_PAIRS[2:3])
    assert (loss(output_at(one_joint), joints, ONES, EVERYWHERE, 1.0) > straight + 0.05).all()


def test_swap_tolerant_loss_equals_the_ordinary_one_where_labels_fit():
    joints = some_joints()
    arguments = output_at(joints), joints, ONES, EVERYWHERE, 1.0
    torch.testing.assert_close(
        losses.heatmap_cross_entropy_swap_tolerant(*arguments),
        losses.heatmap_cross_entropy(*arguments),
    )


def test_pose_l1_by_hand():
    target = torch.zeros(1, 3, 2)
    joints = torch.tensor([[[1.0, -2.0], [0.5, 0.5], [9.0, 9.0]]])
    weight = torch.tensor([[1.0, 0.5, 0.0]])
    assert losses.pose_l1(joints, target, weight).item() == pytest.approx((3 + 0.5) / 1.5)


def test_bins_cross_entropy_of_the_two_bin_target():
    """Index 2.4 gives 0.6 on bin 2 and 0.4 on bin 3."""
    target = DepthBins(71, 1.0, 8.0).target(torch.tensor([2.4]))
    logits = torch.full((1, 71), -30.0)
    logits[0, 2], logits[0, 3] = math.log(0.6), math.log(0.4)
    entropy = -(0.6 * math.log(0.6) + 0.4 * math.log(0.4))
    assert losses.bins_cross_entropy(logits, target).item() == pytest.approx(entropy, abs=1e-5)
    flat = losses.bins_cross_entropy(torch.zeros(1, 71), target)
    assert flat.item() == pytest.approx(math.log(71), abs=1e-5)


def test_index_l1_is_in_bins_and_per_person():
    found = losses.index_l1(torch.tensor([3.0, 10.5]), torch.tensor([4.5, 10.0]))
    assert found.tolist() == [1.5, 0.5]


def test_twins_cost_what_their_errors_differ_by_not_the_errors():
    found = torch.tensor([10.0, 33.0, 50.0, 41.5])
    target = torch.tensor([12.0, 31.0, 50.0, 40.0])
    twins = torch.tensor([[0, 1], [1, 3]])
    assert losses.twin_disagreement(found, target, twins).tolist() == [4.0, 0.5]
    assert losses.twin_disagreement(found, target, twins[:0]).shape == (0,)
