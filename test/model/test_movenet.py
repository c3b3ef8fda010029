"""MoveNet as a backbone: TensorFlow's padding, what training may freeze, where its weights come from."""

import importlib.util
from pathlib import Path

import pytest
import torch

from hdnet_ros.model.backbones import pretrained_backbone_state
from hdnet_ros.model.hdnet import HDNet, hdnet_lite
from hdnet_ros.model.movenet import movenet_lightning, movenet_thunder

SCRIPT = Path(__file__).parents[2] / "tools" / "convert_movenet.py"


@pytest.fixture
def converter():
    spec = importlib.util.spec_from_file_location("convert_movenet", SCRIPT)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_stride_2_pads_the_far_side_as_tensorflow_does():
    """With one tap at the kernel's near corner, cell i shows pixel 2 i of the image and never a border."""
    stem = movenet_lightning().stem
    with torch.no_grad():
        stem[1].weight.zero_()
        stem[1].bias.zero_()
        stem[1].weight[0, 0, 0, 0] = 1.0
    image = torch.rand(1, 3, 8, 8)
    assert torch.equal(stem(image)[0, 0], image[0, 0, ::2, ::2])


def test_bytes_from_0_to_255_are_seen_as_minus_1_to_1():
    seen = []
    network = movenet_lightning().eval()
    network.stem.register_forward_pre_hook(lambda module, inputs: seen.append(inputs[0]))
    network(torch.tensor([0, 255], dtype=torch.uint8).repeat(1, 3, 32, 16))
    assert seen[0].amin() == -1.0
    assert seen[0].amax() == pytest.approx(1.0, abs=1e-4)


def test_keypoint_logits_have_the_finest_level_s_cells():
    network = movenet_thunder().eval()
    with torch.inference_mode():
        finest = network(torch.zeros(2, 3, 64, 96, dtype=torch.uint8))[0]
        assert network.keypoint_logits(finest).shape == (2, 17, 16, 24)


def test_every_stage_frozen_freezes_the_pyramid_too():
    network = HDNet(hdnet_lite(backbone="movenet_lightning"))
    network.freeze_backbone_stages(5)
    assert not any(parameter.requires_grad for parameter in network.backbone.parameters())
    levels = network.backbone(torch.zeros(1, 3, 64, 64, dtype=torch.uint8))
    assert not any(level.requires_grad for level in levels)
    network.freeze_backbone_stages(4)
    assert network.backbone.pyramid.lateral[0].weight.requires_grad
    assert not network.backbone.stem[1].weight.requires_grad


def test_the_conversion_names_every_layer(converter):
    wanted = {key.rpartition(".")[0] for key in movenet_lightning().state_dict()}
    assert set(converter.layer_names()) == wanted


def test_files_that_are_not_the_published_ones_are_refused(converter, tmp_path):
    path = tmp_path / "movenet-lightning.json"
    path.write_text("{}")
    path.with_suffix(".bin").write_bytes(b"")
    with pytest.raises(ValueError, match="expected df8cbde4"):
        converter.read_graph(path)


def test_weights_that_were_not_converted_yet_are_asked_for(monkeypatch, tmp_path):
    monkeypatch.setenv("HDNET_CACHE", str(tmp_path))
    with pytest.raises(FileNotFoundError, match="tools/convert_movenet.py"):
        pretrained_backbone_state("movenet_lightning")
