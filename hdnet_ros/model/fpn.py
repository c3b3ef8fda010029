"""Feature pyramid P2 to P5 (section 3.1) on any of the backbones."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from torch import Tensor, nn
from torch.nn import functional as F

from hdnet_ros.model.backbones import Backbone, EfficientNetLite0, ResNet50, pretrained_backbone_state
from hdnet_ros.model.movenet import movenet_lightning, movenet_thunder

__all__ = ["BACKBONES", "MOST_CHANNELS", "FeaturePyramid", "pretrained_backbone_state", "make_backbone"]

# Beyond this a file is damaged or a trap: what it describes could not be allocated.
MOST_CHANNELS = 8192
BACKBONES: Mapping[str, Callable[[], Backbone]] = {
    "resnet50": ResNet50,
    "efficientnet_lite0": EfficientNetLite0,
    "movenet_lightning": movenet_lightning,
    "movenet_thunder": movenet_thunder,
}


def make_backbone(name: str) -> Backbone:
    """Backbone with random weights.

    Raises
    ------
    ValueError : `name` is not one of `BACKBONES`
    """
    if name not in BACKBONES:
        raise ValueError(f"backbone is {name!r}, expected one of {sorted(BACKBONES)}")
    return BACKBONES[name]()


class FeaturePyramid(nn.Module):
    """Top-down pyramid with nearest upsampling over a backbone's C2 to C5.

    Parameters
    ----------
    level_channels : channels of C2, C3, C4, C5
    channels : channels of every pyramid level
    smooth_p2, smooth_p5 : whether the finest and the coarsest level, too, pass a 3 x 3 convolution
    """

    def __init__(
        self,
        level_channels: tuple[int, int, int, int],
        channels: int,
        smooth_p2: bool = True,
        smooth_p5: bool = False,
    ) -> None:
        super().__init__()
        self.lateral = nn.ModuleList(nn.Conv2d(c, channels, 1) for c in level_channels)
        self.smooth = nn.ModuleList(
            nn.Conv2d(channels, channels, 3, padding=1) if is_smoothed else nn.Identity()
            for is_smoothed in (smooth_p2, True, True, smooth_p5)
        )

    def forward(self, levels: list[Tensor]) -> list[Tensor]:
        """[C2, C3, C4, C5] to [P2, P3, P4, P5], finest first, strides 4, 8, 16, 32."""
        merged = [self.lateral[-1](levels[-1])]
        for lateral, level in zip(self.lateral[-2::-1], levels[-2::-1], strict=True):
            fine = lateral(level)
            merged.insert(0, fine + F.interpolate(merged[0], size=fine.shape[-2:], mode="nearest"))
        return [smooth(level) for smooth, level in zip(self.smooth, merged, strict=True)]
