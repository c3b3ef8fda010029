"""A second network's word on joints: it moves those that both name, and neither root nor depth nor existence."""

import pytest
import torch

from hdnet_ros.core.keypoints import COCO_JOINTS
from hdnet_ros.core.skeleton import JOINT_NAMES, ROOT
from hdnet_ros.model.hdnet import HDNet
from hdnet_ros.model.inference_copy import inference_copy
from hdnet_ros.model.joint_witness import JointWitness

KNOWN = torch.tensor([name in COCO_JOINTS for name in JOINT_NAMES])


@pytest.fixture(scope="module")
def both(make_tiny, tiny_config):
    """A network with a witness of random weights, and the same without."""
    plain = make_tiny(existence=True, decode_radius_cells=2)
    network = HDNet(tiny_config(existence=True, decode_radius_cells=2, joint_witness="movenet_lightning", joint_witness_px=96))
    network.load_state_dict(plain.state_dict(), strict=False)
    return network.eval(), plain


def test_joints_that_both_name_are_told_by_both_and_nothing_else_moves(both, make_people):
    network, plain = both
    people = make_people([0, 0, 1])
    with torch.inference_mode():
        found, alone = network(*people), plain(*people)
        word = network.witness(people[0])[0][people[2]]
    for same in ("bin_logits", "bin_index", "existence_logit"):
        assert torch.equal(getattr(found, same), getattr(alone, same))
    assert torch.equal(found.joints_cells[:, ~KNOWN], alone.joints_cells[:, ~KNOWN])
    assert not KNOWN[ROOT]
    inside = people[1].unsqueeze(1).expand_as(word)
    torch.testing.assert_close(found.heatmap_logits[inside], (alone.heatmap_logits + word)[inside])
    assert not torch.equal(found.heatmaps[:, KNOWN], alone.heatmaps[:, KNOWN])


def test_it_points_where_its_keypoint_is():
    """A score of one in a single cell is worth more there, and around, than where nothing is seen."""
    witness = JointWitness("movenet_lightning", 64).eval()
    logits = torch.full((1, 17, 16, 16), -20.0)
    logits[0, COCO_JOINTS.index("left_wrist"), 5, 9] = 20.0
    witness.backbone.keypoint_logits = lambda finest: logits
    word = witness(torch.zeros(1, 3, 64, 64, dtype=torch.uint8))[0][0]
    wrist = word[JOINT_NAMES.index("left_wrist")]
    assert torch.equal((wrist > wrist.amin() + 1.0).nonzero().amin(0), torch.tensor([4, 8]))
    assert torch.equal((wrist > wrist.amin() + 1.0).nonzero().amax(0), torch.tensor([6, 10]))
    assert torch.count_nonzero(word[~KNOWN]) == 0


def test_it_is_never_trained(both):
    network, _ = both
    assert not any(parameter.requires_grad for parameter in network.witness.parameters())
    assert not {id(p) for p in network.witness.parameters()} & {id(p) for p in network.backbone_parameters()}


def test_a_copy_for_inference_says_the_same(both, make_people):
    network, _ = both
    people = make_people([0, 1])
    with torch.inference_mode():
        found, expected = inference_copy(network)(*people), network(*people)
    torch.testing.assert_close(found.heatmaps, expected.heatmaps, atol=1e-4, rtol=1e-3)


def test_an_unknown_witness_is_named(tiny_config):
    with pytest.raises(ValueError, match="joint_witness is 'openpose'"):
        tiny_config(joint_witness="openpose")
