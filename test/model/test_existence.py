"""The existence output: there when it is asked for, and nothing else moves by it."""

import pytest
import torch

from hdnet_ros.core.patch import PatchConvention
from hdnet_ros.learn.start import start_from_checkpoint
from hdnet_ros.model.checkpoint import load_checkpoint, save_checkpoint
from hdnet_ros.model.hdnet import HDNet
from hdnet_ros.model.inference_copy import inference_copy
from hdnet_ros.model.second_look import SecondLook

CONVENTION = PatchConvention(input_px=64)
ABOUT = {"name": "tiny", "data": "none", "licence": "Apache-2.0"}


def test_a_network_without_the_output_says_nothing(tiny_network, make_people):
    assert tiny_network(*make_people([0, 0, 1])).existence_logit is None


def test_existence_is_one_logit_per_person_and_survives_a_checkpoint(make_tiny, make_people, tmp_path):
    network = make_tiny(existence=True)
    people = make_people([0, 0, 1])
    save_checkpoint(tmp_path / "w.safetensors", network, CONVENTION, half=False, **ABOUT)
    stored = load_checkpoint(tmp_path / "w.safetensors").network
    with torch.inference_mode():
        expected = network(*people).existence_logit
        assert expected.shape == (3,)
        assert torch.equal(stored(*people).existence_logit, expected)
        torch.testing.assert_close(inference_copy(network)(*people).existence_logit, expected, atol=1e-4, rtol=1e-4)


def test_two_looks_agree_on_the_mean_of_their_logits(make_tiny, make_people):
    network = make_tiny(existence=True)
    images, masks, index = make_people([0, 1])
    with torch.inference_mode():
        both = SecondLook(network, CONVENTION)(images, masks, index, images.flip(-1), masks.flip(-1), torch.ones(2))
        alone = network(images, masks, index).existence_logit
    torch.testing.assert_close(both.existence_logit, alone, atol=1e-5, rtol=1e-5)


def test_a_network_that_goes_on_from_one_without_keeps_its_answers(make_tiny, make_people, tiny_config, tmp_path):
    plain = make_tiny()
    save_checkpoint(tmp_path / "w.safetensors", plain, CONVENTION, half=False, **ABOUT)
    network = HDNet(tiny_config(existence=True)).eval()
    missing = start_from_checkpoint(network, tmp_path / "w.safetensors")
    assert all(name.startswith("existence.") for name in missing)
    people = make_people([0, 0, 1])
    with torch.inference_mode():
        found, expected = network(*people), plain(*people)
    assert torch.equal(found.bin_logits, expected.bin_logits)
    assert torch.equal(found.joints_cells, expected.joints_cells)


def test_a_checkpoint_of_another_width_is_no_start(make_tiny, tiny_config, tmp_path):
    save_checkpoint(tmp_path / "w.safetensors", make_tiny(), CONVENTION, **ABOUT)
    with pytest.raises(ValueError, match="expected .* or fewer inputs"):
        start_from_checkpoint(HDNet(tiny_config(fpn_channels=16)), tmp_path / "w.safetensors")
