"""The refiner corrects depth by what the witness sees, where joints lie and who else is there; untrained it changes nothing."""

import pytest
import torch

from hdnet_ros.model.engine import maps_of, with_maps
from hdnet_ros.model.hdnet import HDNet
from hdnet_ros.model.refiner import (
    Joints,
    at_joints,
    corners_of,
    longer_side,
    moves_of,
    nobody_else,
    over_box,
    places_of,
    pose_of,
    surroundings_of,
)

WITH = {"existence": True, "decode_radius_cells": 2, "joint_witness": "movenet_lightning", "joint_witness_px": 64}


@pytest.fixture(scope="module")
def both(tiny_config):
    """A network with a refiner of random weights, and the same without."""
    torch.manual_seed(3)
    network = HDNet(tiny_config(refiner_layers=2, refiner_channels=16, **WITH)).eval()
    plain = HDNet(tiny_config(**WITH)).eval()
    plain.load_state_dict(network.state_dict(), strict=False)
    return network, plain


@pytest.fixture
def trained(both):
    """The one with a refiner, whose correction is not zero."""
    network, _ = both
    torch.manual_seed(4)
    copy = HDNet(network.config).eval()
    copy.load_state_dict(network.state_dict())
    torch.nn.init.normal_(copy.refiner.correction[-1].weight, std=2.0)
    return copy


def test_untrained_it_changes_nothing_and_says_of_everybody_whether_it_is_a_child(both, make_people):
    network, plain = both
    people = make_people([0, 0, 1])
    with torch.inference_mode():
        refined, before = network(*people), plain(*people)
    for name in ("bin_logits", "bin_index", "joints_cells", "existence_logit"):
        torch.testing.assert_close(getattr(refined, name), getattr(before, name))
    assert refined.child_logit.shape == (3,)
    assert before.child_logit is None and before.pose is None
    torch.testing.assert_close(refined.pose.joints_cells, before.joints_cells)
    assert not refined.pose.relative_depth_mm.any()


def test_moves_are_what_a_pose_is_made_of():
    masks = torch.zeros(2, 16, 16, dtype=torch.bool)
    masks[0, 2:12, 5:9] = True
    masks[1, 2:7, 5:9] = True
    found, true = 8.0 + torch.randn(2, 17, 2), 8.0 + 5.0 * torch.randn(2, 17, 2)
    behind_mm = 300.0 * torch.randn(2, 17)
    moves = moves_of(true, behind_mm, found, masks)
    torch.testing.assert_close(moves[..., :2] * torch.tensor([10.0, 5.0])[:, None, None], true - found)
    pose = pose_of(moves, found, masks)
    torch.testing.assert_close(pose.joints_cells, true)
    torch.testing.assert_close(pose.relative_depth_mm, behind_mm)


def test_joints_and_pose_may_reach_out_of_the_box(trained, make_people):
    images, masks, patch_index = make_people([0, 0])
    with torch.inference_mode():
        before = trained(images, masks, patch_index)
        torch.nn.init.constant_(trained.refiner.pose[-1].bias, 2.0)
        said = trained(images, masks, patch_index)
    side = longer_side(corners_of(masks))
    off = said.joints_cells - before.joints_cells
    torch.testing.assert_close(off, 2.0 * side[:, None, None].expand_as(off), atol=1e-2, rtol=0.0)
    assert torch.equal(said.pose.joints_cells, said.joints_cells)
    trained.tells_heatmap_joints = True
    with torch.inference_mode():
        own = trained(images, masks, patch_index)
    assert torch.equal(own.pose.joints_cells, said.pose.joints_cells)
    torch.testing.assert_close(own.joints_cells, before.joints_cells)
    torch.testing.assert_close(said.pose.relative_depth_mm, torch.full((2, 17), 800.0), atol=1e-1, rtol=0.0)


def test_it_hears_of_others_and_nothing_of_the_order_of_people(trained, make_people):
    images, masks, patch_index = make_people([0, 0, 1])
    others = nobody_else(torch.zeros(3, 4))
    others[1, 0] = torch.tensor([2.0, 2.0, 9.0, 14.0])
    order = torch.tensor([2, 1, 0])
    with torch.inference_mode():
        alone = trained(images, masks, patch_index)
        beside = trained(images, masks, patch_index, others)
        turned = trained(images, masks[order], patch_index[order], others[order])
    assert torch.equal(beside.bin_logits[[0, 2]], alone.bin_logits[[0, 2]])
    assert not torch.allclose(beside.bin_logits[1], alone.bin_logits[1])
    torch.testing.assert_close(turned.bin_logits[order], beside.bin_logits, atol=1e-4, rtol=1e-4)


def test_maps_of_an_engine_give_the_same(trained, make_people):
    images, masks, patch_index = make_people([0, 1])
    compiled = maps_of(trained)
    with torch.inference_mode():
        here = trained(images, masks, patch_index)
        there = with_maps(trained, compiled)(images, masks, patch_index)
        parts = [out for part in compiled.in_parts() for out in part(images)]
        whole = compiled(images)
    torch.testing.assert_close(there.bin_logits, here.bin_logits, atol=1e-4, rtol=1e-4)
    assert len(parts) == len(whole)
    for one, other in zip(parts, whole, strict=True):
        torch.testing.assert_close(one, other)


def joints(cells: torch.Tensor) -> Joints:
    plain = torch.zeros(cells.shape[:2])
    return Joints(cells, cells, plain, plain, plain)


def test_a_joint_in_the_box_of_somebody_nearer_is_told_so():
    cells = torch.full((1, 17, 2), 8.0)
    cells[0, 3] = torch.tensor([3.0, 12.0])
    others = nobody_else(torch.zeros(1, 4))
    others[0, 0] = torch.tensor([0.0, 4.0, 5.0, 15.0])
    places = places_of(joints(cells), torch.tensor([[2.0, 1.0, 12.0, 11.0]]), others, 16)
    lies_in, lower = places[0, :, 9], places[0, :, 11]
    assert lies_in.nonzero().flatten().tolist() == [3]
    assert lower[3] == pytest.approx(0.4)
    assert not places[0, :, [10, 12]].any()


def test_places_are_in_units_of_the_box_so_that_zoom_does_not_change_them():
    cells = 8.0 + torch.randn(2, 17, 2)
    box = torch.tensor([[2.0, 1.0, 12.0, 11.0]]).repeat(2, 1)
    near = places_of(joints(cells), box, nobody_else(torch.zeros(2, 4)), 16)
    far = places_of(joints(8.0 + 0.5 * (cells - 8.0)), 8.0 + 0.5 * (box - 8.0), nobody_else(torch.zeros(2, 4)), 16)
    torch.testing.assert_close(near[..., :2], far[..., :2])


def test_nobody_else_is_zero_and_others_count_beside_the_box():
    box = torch.tensor([[2.0, 2.0, 12.0, 12.0]])
    features = torch.ones(1, 5)
    assert not surroundings_of(features, box, nobody_else(torch.zeros(1, 4)))[:, 5:].any()
    others = nobody_else(torch.zeros(1, 4))
    others[0, 0] = torch.tensor([7.0, 7.0, 17.0, 12.0])
    beside = surroundings_of(features, box, others)[0, 5:]
    torch.testing.assert_close(beside, torch.tensor([0.0, 0.0, 1.0, 0.5, 0.0, 0.0, 0.0, 0.0, 1.0, 0.0]))


def test_corners_are_those_of_the_mask():
    masks = torch.zeros(1, 16, 16, dtype=torch.bool)
    masks[0, 3:7, 5:6] = True
    assert corners_of(masks).tolist() == [[4.5, 2.5, 5.5, 6.5]]


def test_coarse_features_are_read_where_the_joint_is():
    columns = torch.arange(4.0).expand(1, 1, 4, 4)
    # Four fine cells a coarse one: the middle of coarse column c is fine cell 4 c + 1.5.
    found = at_joints(columns, torch.tensor([[[5.5, 3.0], [9.5, 3.0]]]), 16)
    torch.testing.assert_close(found.flatten(), torch.tensor([1.0, 2.0]))


def test_features_over_a_box_are_their_mean_within_it():
    columns = torch.arange(4.0).expand(1, 1, 4, 4)
    mask = torch.zeros(1, 16, 16, dtype=torch.bool)
    mask[0, 2:10, 4:12] = True
    assert over_box(columns, mask).item() == pytest.approx(1.5)


def test_without_a_witness_there_is_nothing_to_refine_by(tiny_config):
    with pytest.raises(ValueError, match="refiner_layers is 2, expected 0 without a joint_witness"):
        tiny_config(refiner_layers=2)
    assert tiny_config(refiner_layers=0).refiner_layers == 0
