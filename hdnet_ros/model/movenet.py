"""MoveNet's single-person networks as backbones: MobileNetV2, its feature pyramid and keypoint heatmaps.

Lightning and Thunder (Google, Apache-2.0, trained on COCO and Google's own images of people) differ in
width alone. Layers and padding are TensorFlow's, batch normalisation is folded into the convolutions;
`tools/convert_movenet.py` fills them from the published graph.
"""

from __future__ import annotations

import os
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from hdnet_ros.core.keypoints import COCO_JOINTS
from hdnet_ros.model.backbones import Backbone
from hdnet_ros.model.tensor_file import read_tensors

# (repeats, stride of the first, expansion) of MobileNetV2's groups of blocks.
_GROUPS = ((1, 1, 1), (2, 2, 6), (3, 2, 6), (4, 2, 6), (3, 1, 6), (3, 2, 6), (1, 1, 6))
# The block after which each stage ends: stem, C2, C3, C4, C5.
_STAGE_ENDS = (1, 3, 6, 13, 17)
# Taken into the feature pyramid after these blocks; the coarsest comes after the last convolution.
_TAPPED_BLOCKS = (2, 5, 9)
_LAST_CHANNELS = 1280
# Channels of the pyramid's sums at strides 4, 8, 16, and of what is made of each.
_SUM_CHANNELS = (24, 32, 64)
_MIXED_CHANNELS = (24, 24, 32)
_HEAD_CHANNELS = 96


class MoveNet(Backbone):
    """MobileNetV2 of a given width with MoveNet's own feature pyramid on it.

    Its levels are what the pyramid and the body have at each stride, side by side: the pyramid knows
    where joints of real people are, the body what they look like.

    Parameters
    ----------
    stem_channels, group_channels : of the first convolution and of MobileNetV2's seven groups
    """

    input_scale = (0.00784302,) * 3
    input_shift = (-1.0,) * 3

    def __init__(self, stem_channels: int, group_channels: tuple[int, ...]) -> None:
        super().__init__()
        self.stem = nn.Sequential(*_convolution(3, stem_channels, 3, stride=2))
        self.blocks = nn.ModuleList()
        cin = stem_channels
        for (repeats, stride, expansion), cout in zip(_GROUPS, group_channels, strict=True):
            for repeat in range(repeats):
                self.blocks.append(_Block(cin, cout, stride if repeat == 0 else 1, expansion))
                cin = cout
        self.last = nn.Sequential(*_convolution(cin, _LAST_CHANNELS, 1))
        self.pyramid = _Pyramid((group_channels[1], group_channels[2], group_channels[3], _LAST_CHANNELS))
        p2, p3, p4 = _MIXED_CHANNELS
        self.level_channels = (p2, group_channels[2] + p3, group_channels[4] + p4, _LAST_CHANNELS)
        self.keypoint_channels = _HEAD_CHANNELS
        self.keypoints = nn.Sequential(
            *_separable(p2, _HEAD_CHANNELS), nn.Conv2d(_HEAD_CHANNELS, len(COCO_JOINTS), 1)
        )

    def stages(self) -> list[list[nn.Module]]:
        bounds = (0, *_STAGE_ENDS)
        parts = [list(self.blocks[a:b]) for a, b in zip(bounds, bounds[1:], strict=False)]
        parts[0].insert(0, self.stem)
        # With the last stage frozen the pyramid is, too: it comes after everything.
        parts[-1] += [self.last, self.pyramid, self.keypoints]
        return parts

    def levels(self, images: Tensor) -> list[Tensor]:
        """Pyramid and body at strides 4, 8, 16, 32 of images normalised to -1..1."""
        stages = [list(self.blocks[a:b]) for a, b in zip((0, *_STAGE_ENDS), _STAGE_ENDS, strict=False)]
        features, tapped, ends = self.stem(images), [], []
        number = 0
        for stage, blocks in enumerate(stages):
            with torch.set_grad_enabled(torch.is_grad_enabled() and stage >= self.frozen_stages):
                for block in blocks:
                    features = block(features)
                    if number in _TAPPED_BLOCKS:
                        tapped.append(features)
                    number += 1
            ends.append(features)
        with torch.set_grad_enabled(torch.is_grad_enabled() and self.frozen_stages < len(stages)):
            last = self.last(features)
            p2, p3, p4 = self.pyramid([*tapped, last])
        # C4 is taken before stride 32 begins, as elsewhere, and not where the pyramid takes it.
        return [p2, torch.cat([ends[2], p3], 1), torch.cat([ends[3], p4], 1), last]

    def keypoint_logits(self, finest: Tensor) -> Tensor:
        """Heatmap logits (B, 17, h, w) of `COCO_JOINTS` from the finest level; sigmoid gives scores."""
        return self.keypoints(finest)


def movenet_lightning() -> MoveNet:
    """MoveNet's network of width 1; published at 192 x 192 px."""
    return MoveNet(32, (16, 24, 32, 64, 96, 160, 320))


def movenet_thunder() -> MoveNet:
    """MoveNet's network of width 1.75; published at 256 x 256 px."""
    return MoveNet(56, (32, 40, 56, 112, 168, 280, 560))


class _Block(nn.Module):
    """MobileNetV2's inverted residual: expand, depthwise, project."""

    def __init__(self, cin: int, cout: int, stride: int, expansion: int) -> None:
        super().__init__()
        wide = cin * expansion
        layers = _convolution(cin, wide, 1) if expansion > 1 else []
        layers += _convolution(wide, wide, 3, stride=stride, groups=wide)
        layers.append(nn.Conv2d(wide, cout, 1))
        self.layers = nn.Sequential(*layers)
        self.has_skip = stride == 1 and cin == cout

    def forward(self, features: Tensor) -> Tensor:
        out = self.layers(features)
        return out + features if self.has_skip else out


class _Pyramid(nn.Module):
    """Top-down sums of 1 x 1 laterals, each followed by a separable convolution to the finer one's width."""

    def __init__(self, channels: tuple[int, int, int, int]) -> None:
        super().__init__()
        # The coarsest level joins the sum of stride 16.
        sums = (*_SUM_CHANNELS, _SUM_CHANNELS[-1])
        self.lateral = nn.ModuleList(nn.Conv2d(a, b, 1) for a, b in zip(channels, sums, strict=True))
        self.mix = nn.ModuleList(
            nn.Sequential(*_separable(a, b)) for a, b in zip(_SUM_CHANNELS, _MIXED_CHANNELS, strict=True)
        )

    def forward(self, levels: list[Tensor]) -> list[Tensor]:
        """Levels of strides 4, 8, 16, 32 to mixed ones of strides 4, 8, 16."""
        merged = self.lateral[3](levels[3])
        mixed: list[Tensor] = []
        for lateral, mix, level in zip(self.lateral[2::-1], self.mix[::-1], levels[2::-1], strict=True):
            merged = F.interpolate(merged, scale_factor=2.0, mode="bilinear", align_corners=False)
            merged = mix(merged + lateral(level))
            mixed.insert(0, merged)
        return mixed


def _convolution(cin: int, cout: int, kernel: int, *, stride: int = 1, groups: int = 1) -> list[nn.Module]:
    """Convolution and ReLU6, padded as TensorFlow's SAME: at stride 2 on the far side only."""
    padding = kernel // 2 if stride == 1 else 0
    layers: list[nn.Module] = [] if stride == 1 else [nn.ZeroPad2d((0, 1, 0, 1))]
    layers.append(nn.Conv2d(cin, cout, kernel, stride, padding, groups=groups))
    return [*layers, nn.ReLU6(inplace=True)]


def _separable(cin: int, cout: int) -> list[nn.Module]:
    return [
        nn.Conv2d(cin, cin, 3, padding=1, groups=cin, bias=False),
        nn.Conv2d(cin, cout, 1),
        nn.ReLU(inplace=True),
    ]


def movenet_weights_path(name: str) -> Path:
    """Where `tools/convert_movenet.py` puts the weights of a backbone: $HDNET_CACHE or ~/.cache/hdnet_ros."""
    folder = Path(os.environ.get("HDNET_CACHE") or Path.home() / ".cache" / "hdnet_ros")
    return folder / f"{name}.safetensors"


def movenet_state(name: str) -> dict[str, Tensor]:
    """Google's weights of a backbone, for the start of training.

    Raises
    ------
    FileNotFoundError : they were not converted yet; says how
    """
    path = movenet_weights_path(name)
    if not path.is_file():
        raise FileNotFoundError(f"{path}: no weights of {name}; run tools/convert_movenet.py once")
    return {key: value.float() for key, value in read_tensors(path).items()}
