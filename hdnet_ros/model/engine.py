"""Which engine runs a network's convolutions: PyTorch, the reference, or OpenVINO."""

from __future__ import annotations

import copy
import logging
from collections.abc import Sequence

import torch
from torch import Tensor, nn

from hdnet_ros.model import openvino_engine
from hdnet_ros.model.hdnet import HDNet, HDNetMaps
from hdnet_ros.model.openvino_engine import OpenVinoModule

_LOG = logging.getLogger(__name__)

ENGINES = ("auto", "openvino", "torch")


def choose_engine(engine: str, network: nn.Module, device: torch.device) -> str:
    """"openvino" or "torch"; "auto" is OpenVINO for an HDNet on an x86 processor that has it installed.

    Raises
    ------
    ValueError : an unknown name, or OpenVINO asked for where it cannot run; says why
    """
    if engine not in ENGINES:
        raise ValueError(f"engine is {engine!r}, expected one of {', '.join(ENGINES)}")
    problem = ""
    if device.type != "cpu":
        problem = f"is for CPUs, and the device is {device}"
    elif not isinstance(network, HDNet):
        problem = f"is for HDNet, not for {type(network).__name__}"
    elif not openvino_engine.is_available():
        problem = "is not installed (pip install openvino), or this is no x86 processor"
    if engine == "openvino" and problem:
        raise ValueError(f"engine openvino {problem}; use auto or torch")
    return "torch" if problem or engine == "torch" else "openvino"


def with_openvino(
    network: HDNet, input_px: int, precision: str = "float32", calibration: Sequence[Tensor] | None = None
) -> HDNet:
    """A copy of a network in eval mode whose maps OpenVINO computes; it takes uint8 images only.

    The rest, reading people off the maps, stays in PyTorch and in float32.

    Parameters
    ----------
    input_px : side S of the images
    precision, calibration : as `OpenVinoModule` takes them, calibration (3, S, S) uint8 each

    Raises
    ------
    EngineError : OpenVINO cannot run it
    """
    maps = _RowMaps(network).eval()
    example = torch.zeros(1, input_px, input_px, 3, dtype=torch.uint8)
    rows = [patch.permute(1, 2, 0).contiguous() for patch in calibration or ()]
    engine = OpenVinoModule(maps, example, precision, calibration=rows)
    network = copy.copy(network)
    network.maps = _EngineMaps(engine, network.pose is not None)
    return network


class _RowMaps(nn.Module):
    """HDNet's maps of images as they lie in memory, (B, S, S, 3) uint8."""

    def __init__(self, network: HDNet) -> None:
        super().__init__()
        self.network = network

    def forward(self, rows: Tensor) -> tuple[Tensor, ...]:
        maps = self.network.maps(rows.permute(0, 3, 1, 2))
        return tuple(part for part in maps if part is not None)


class _EngineMaps:
    """`HDNet.maps` by a compiled graph."""

    def __init__(self, engine: OpenVinoModule, has_pose: bool) -> None:
        self.engine = engine
        self._has_pose = has_pose

    def __call__(self, images: Tensor) -> HDNetMaps:
        if images.dtype != torch.uint8:
            raise ValueError(f"images are {images.dtype}, expected uint8 for a compiled network")
        found = self.engine(images.permute(0, 2, 3, 1))
        return HDNetMaps(*found) if self._has_pose else HDNetMaps(*found, None)
