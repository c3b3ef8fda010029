"""What varies between HDNets, as one frozen dataclass that a checkpoint carries."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from typing import Any

from hdnet_ros.core.depth_bins import DepthBins
from hdnet_ros.core.skeleton import JOINT_NAMES, LINKS, adjacency
from hdnet_ros.model.fpn import BACKBONES, MOST_CHANNELS
from hdnet_ros.model.pose3d import PoseConfig


@dataclass(frozen=True)
class HDNetConfig:
    """Architecture of an `HDNet`; the defaults are the paper's.

    Parameters
    ----------
    backbone : "resnet50", the paper's; "efficientnet_lite0", for machines without a large GPU;
        "movenet_lightning" or "movenet_thunder", which have seen many real people
    fpn_channels : channels of P2 to P5; at 64 x 64 cells this dominates the cost of a light network
    smooth_p2 : 3 x 3 convolution on the merged P2; the branches convolve it again, and it is the
        most expensive layer of a light network
    smooth_p5 : 3 x 3 convolution on P5 too; the authors leave it out
    branch_mid_channels, branch_channels : channels of each level of a branch after its 1 x 1 and
        after its 3 x 3 convolution; a branch has 4 x branch_channels
    upsample_first : True applies the 3 x 3 convolutions at P2's resolution, as the paper does;
        False at each level's own, which costs a third
    gnn_channels, gnn_layers : width and depth of the graph network
    bins : depth bins; part of the network, because its last layer has one output per bin
    joint_count, links : the skeleton; part of the network, because the graph is built from it
    decode_radius_cells : in eval mode joints are the expectation within this many cells of the
        peak; 0 takes it over the whole map, as the paper does
    separate_pairs : in eval mode a left joint and its right that were read off the same peak are
        taken apart where their maps show a second one; needs decode_radius_cells
    median_depth : in eval mode the depth is the median of the bins instead of their mean, the
        paper's soft-argmax
    direct_regression : Table 6, regress the bin index instead of classifying it
    shared_branch : Table 6, one branch for heatmaps and depth instead of two
    use_gnn : Table 6, False averages the pooled features without a graph network
    heatmap_pooling : Table 6, False pools depth features evenly over the person's box
    existence : whether somebody is in the box at all, as one more output
    sigma_head : how wrong the depth may be, learnt for itself, instead of the spread of the bins
    joint_witness : "movenet_lightning" or "movenet_thunder": a second network whose word on 13 of the joints
        is added to the heatmaps that are told, not to those by which depth is pooled; "" for none
    joint_witness_px : side to which patches are resized for it
    refiner_channels, refiner_layers : width and depth of a `DepthRefiner`, which corrects the depth bins by what the
        witness, the joints' places and others' boxes say, and gives a 3D pose; 0 layers leave it out
    pose : the 3D pose of the same people, root-relative, by a head of its own, in the place of a refiner's; None leaves
        it out
    """

    backbone: str = "resnet50"
    fpn_channels: int = 256
    smooth_p2: bool = True
    smooth_p5: bool = False
    branch_mid_channels: int = 128
    branch_channels: int = 64
    upsample_first: bool = True
    gnn_channels: int = 256
    gnn_layers: int = 2
    bins: DepthBins = field(default_factory=DepthBins)
    joint_count: int = len(JOINT_NAMES)
    links: tuple[tuple[int, int], ...] = LINKS
    decode_radius_cells: int = 0
    separate_pairs: bool = False
    median_depth: bool = False
    direct_regression: bool = False
    shared_branch: bool = False
    use_gnn: bool = True
    heatmap_pooling: bool = True
    existence: bool = False
    sigma_head: bool = False
    joint_witness: str = ""
    joint_witness_px: int = 256
    refiner_channels: int = 128
    refiner_layers: int = 0
    pose: PoseConfig | None = None

    def __post_init__(self) -> None:
        if self.backbone not in BACKBONES:
            raise ValueError(f"backbone is {self.backbone!r}, expected one of {sorted(BACKBONES)}")
        if self.joint_witness not in _JOINT_WITNESSES:
            raise ValueError(f"joint_witness is {self.joint_witness!r}, expected one of {_JOINT_WITNESSES}")
        for name, smallest in _SMALLEST.items():
            value = getattr(self, name)
            largest = _LARGEST.get(name, MOST_CHANNELS)
            if isinstance(value, bool) or not isinstance(value, int) or not smallest <= value <= largest:
                raise ValueError(f"{name} is {str(value)[:80]}, expected an integer of at least {smallest}, at most {largest}")
        for name in _SWITCHES:
            if not isinstance(getattr(self, name), bool):
                raise ValueError(f"{name} is {getattr(self, name)!r}, expected true or false")
        if self.refiner_layers and (not self.joint_witness or self.direct_regression or self.refiner_channels % 4):
            raise ValueError(
                f"refiner_layers is {self.refiner_layers}, expected 0 without a joint_witness or with direct_regression,"
                f" and refiner_channels, {self.refiner_channels}, a multiple of 4"
            )
        if isinstance(self.bins, Mapping):
            object.__setattr__(self, "bins", DepthBins.from_dict(dict(self.bins)))
        if not isinstance(self.bins, DepthBins):
            raise ValueError(f"bins is {self.bins!r}, expected count, start and end")
        if isinstance(self.pose, Mapping):
            object.__setattr__(self, "pose", PoseConfig.from_dict(self.pose))
        if not isinstance(self.pose, PoseConfig | None):
            raise ValueError(f"pose is {self.pose!r}, expected a mapping of settings or nothing")
        object.__setattr__(self, "links", tuple((int(a), int(b)) for a, b in self.links))
        adjacency(self.joint_count, self.links)

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> HDNetConfig:
        """Config from a mapping as `to_dict` makes it; keys left out keep their defaults.

        Raises
        ------
        ValueError : an unknown key, which is named, or a value out of range
        """
        unknown = sorted(set(values) - {f.name for f in fields(cls)})
        if unknown:
            known = ", ".join(f.name for f in fields(cls))
            raise ValueError(f"unknown network key {unknown[0]!r}, expected one of {known}")
        return cls(**values)

    def to_dict(self) -> dict[str, Any]:
        """Plain values that JSON and YAML can hold."""
        return asdict(self) | {"links": [list(link) for link in self.links]}


_JOINT_WITNESSES = ("", "movenet_lightning", "movenet_thunder")
_SMALLEST = {
    "fpn_channels": 1,
    "branch_mid_channels": 1,
    "branch_channels": 1,
    "gnn_channels": 1,
    "gnn_layers": 1,
    "joint_count": 1,
    "decode_radius_cells": 0,
    "joint_witness_px": 32,
    "refiner_channels": 4,
    "refiner_layers": 0,
}
_LARGEST = {"gnn_layers": 64, "refiner_layers": 64, "joint_count": 256, "decode_radius_cells": 1024}
_SWITCHES = (
    "separate_pairs",
    "median_depth",
    "smooth_p2",
    "smooth_p5",
    "upsample_first",
    "direct_regression",
    "shared_branch",
    "use_gnn",
    "heatmap_pooling",
    "existence",
    "sigma_head",
)


def hdnet_resnet50(**changes: Any) -> HDNetConfig:
    """The paper's network, with bins that cover the ladder of patch scales."""
    return HDNetConfig(**({"bins": DepthBins.ladder()} | changes))


def hdnet_lite(**changes: Any) -> HDNetConfig:
    """A network for robots: EfficientNet-Lite0, a narrow pyramid, convolved before upsampling."""
    lite: dict[str, Any] = {
        "backbone": "efficientnet_lite0",
        "fpn_channels": 64,
        "smooth_p2": False,
        "branch_mid_channels": 64,
        "branch_channels": 32,
        "upsample_first": False,
        "gnn_channels": 128,
        "bins": DepthBins.ladder(),
        "decode_radius_cells": 4,
        "separate_pairs": True,
        "median_depth": True,
    }
    return HDNetConfig(**(lite | changes))
