"""A network's own sigma: what it reads, its limits, and that nothing else moves with it."""

import torch

from hdnet_ros.core.patch import PatchConvention
from hdnet_ros.core.types import SigmaCalibration
from hdnet_ros.locate.estimator import HDNetEstimator
from hdnet_ros.model.hdnet import HDNet, hdnet_lite
from hdnet_ros.model.second_look import SecondLook
from hdnet_ros.model.sigma import SigmaHead

TINY = {"fpn_channels": 8, "branch_mid_channels": 8, "branch_channels": 4, "gnn_channels": 8}


def tiny(sigma_head: bool) -> HDNet:
    torch.manual_seed(4)
    return HDNet(hdnet_lite(**TINY, sigma_head=sigma_head)).eval()


def inputs_of(people: int = 3) -> tuple:
    generator = torch.Generator().manual_seed(1)
    images = torch.randint(0, 256, (people, 3, 64, 64), generator=generator, dtype=torch.uint8)
    masks = torch.zeros(people, 16, 16, dtype=torch.bool)
    masks[:, 2:14, 4:11] = True
    return images, masks


def test_depth_and_joints_are_those_of_the_network_without_it():
    without, own = tiny(False), tiny(True)
    own.load_state_dict(without.state_dict(), strict=False)
    with torch.inference_mode():
        before, after = without(*inputs_of()), own(*inputs_of())
    assert before.log_sigma is None
    assert torch.equal(before.bin_index, after.bin_index)
    assert torch.equal(before.joints_cells, after.joints_cells)
    assert after.log_sigma.shape == (3,)


def test_it_stays_between_two_and_eighty_percent_whatever_comes_in():
    head = SigmaHead(4, 2).eval()
    for factor in (-1e6, 0.0, 1e6):
        flat = torch.full((5, 71), 1 / 71)
        ends = torch.tensor([0.0, 70.0, 35.0, 0.4, 69.6])
        sigma = head(torch.full((5, 4), factor), flat, ends, torch.full((5, 2), factor), torch.ones(5, 2)).exp()
        assert ((sigma > 0.019) & (sigma < 0.81)).all()


def test_scaled_it_says_so_many_times_as_much():
    torch.manual_seed(0)
    head = SigmaHead(4, 2).eval()
    told = torch.randn(5, 4), torch.full((5, 71), 1 / 71), torch.full((5,), 35.0), torch.zeros(5, 2), torch.ones(5, 2)
    with torch.inference_mode():
        before = head(*told).exp()
        head.scale(1.5)
        torch.testing.assert_close(head(*told).exp(), 1.5 * before)


def test_it_reads_the_bins_relative_to_the_answer():
    torch.manual_seed(0)
    head = SigmaHead(4, 2).eval()
    nothing = torch.zeros(1, 4), torch.zeros(1, 2)
    peak = torch.zeros(1, 71)
    peak[0, 20], peak[0, 26] = 0.7, 0.3
    moved = peak.roll(30, -1)

    def say(probabilities, index):
        return head(nothing[0], probabilities, torch.tensor([index]), nothing[1], nothing[1])

    assert torch.equal(say(peak, 20.0), say(moved, 50.0))
    assert not torch.equal(say(peak, 20.0), say(peak, 26.0))


def test_the_estimator_publishes_it_as_the_sigma_of_depth(monkeypatch):
    network = tiny(True)
    monkeypatch.setattr(network.sigma_head, "forward", lambda *inputs: torch.full((len(inputs[0]),), -2.0))
    estimator = HDNetEstimator(
        network, PatchConvention(input_px=64), network.config.bins, "cpu",
        SigmaCalibration(temperature=3.0, floor_relative=0.0),
    )  # fmt: skip
    output = estimator._spread_log(network(*inputs_of()))
    assert torch.allclose(output, torch.full((3,), -2.0).exp())


def test_of_two_looks_it_is_the_mean():
    network = tiny(True)
    look = SecondLook(network, PatchConvention(input_px=64))
    images, masks = inputs_of(2)
    with torch.inference_mode():
        both = look(images, masks, None, images, masks, torch.ones(2))
        one = network(images, masks)
        mirrored = network(images.flip(-1), masks.flip(-1))
    assert torch.allclose(both.log_sigma, (one.log_sigma + mirrored.log_sigma) / 2, atol=1e-5)
