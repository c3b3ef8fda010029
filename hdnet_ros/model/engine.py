"""Which engine runs a network's convolutions, and in which precision: PyTorch, the reference, or OpenVINO."""

from __future__ import annotations

import contextlib
import copy
import logging
from collections.abc import Callable, Iterator
from typing import NamedTuple

import torch
from torch import Tensor, nn

from hdnet_ros.core.device import choose_precision
from hdnet_ros.model import openvino_engine
from hdnet_ros.model.engine_names import ENGINES, PRECISIONS
from hdnet_ros.model.hdnet import HDNet, HDNetMaps
from hdnet_ros.model.look import Patches
from hdnet_ros.model.openvino_engine import OpenVinoModule
from hdnet_ros.model.openvino_graphs import EngineError
from hdnet_ros.model.pieces import SplitFeatures, convolved

_LOG = logging.getLogger(__name__)


class Engine(NamedTuple):
    """What runs.

    Attributes
    ----------
    name : "openvino" or "torch"
    precision : "float32", "bfloat16", or on CUDA "float16"
    """

    name: str
    precision: str

    @property
    def dtype(self) -> torch.dtype:
        """What PyTorch computes in where it runs."""
        return getattr(torch, self.precision)


def choose_engine(engine: str, precision: str, device: torch.device, problem: str = "") -> Engine:
    """What runs a network on a device.

    Parameters
    ----------
    engine : "auto" is OpenVINO on the CPU where it is installed and the processor an x86
    precision : "auto" is bfloat16 on CPUs with instructions for it, else float32
    problem : why OpenVINO cannot run this network, as the end of a sentence; empty where it can

    Raises
    ------
    ValueError : an unknown name, or OpenVINO or a precision asked for that cannot be; says why
    """
    if engine not in ENGINES:
        raise ValueError(f"engine is {engine!r}, expected one of {', '.join(ENGINES)}")
    if precision not in PRECISIONS:
        raise ValueError(f"precision is {precision!r}, expected one of {', '.join(PRECISIONS)}")
    if device.type != "cpu":
        problem = f"is for CPUs, and the device is {device}"
    elif not openvino_engine.is_available():
        problem = "is not installed (pip install openvino), or this is no x86 processor"
    if engine == "openvino" and problem:
        raise ValueError(f"engine openvino {problem}; use auto or torch")
    if problem or engine == "torch":
        return Engine("torch", str(choose_precision(precision, device)).removeprefix("torch."))
    if precision == "float16":
        raise ValueError("precision is 'float16', which is for CUDA; on a CPU use bfloat16")
    if precision == "auto":
        precision = "bfloat16" if openvino_engine.has_bfloat16() else "float32"
    return Engine("openvino", precision)


def openvino_problem(network: nn.Module) -> str:
    """Why OpenVINO does not run a network, as the end of a sentence; empty where it does."""
    return "" if isinstance(network, HDNet) else f"is for HDNet, not for {type(network).__name__}"


def compiled_images(
    network: nn.Module, size_hw_px: tuple[int, int], engine: str, chosen: Engine
) -> ImagesByOpenVino | None:
    """The network for OpenVINO, or None where PyTorch is to run it.

    Parameters
    ----------
    size_hw_px : of the images that will come
    engine : as asked for; with "auto" a network that OpenVINO cannot run is PyTorch's, with a warning
    chosen : `choose_engine`'s answer to it

    Raises
    ------
    EngineError : OpenVINO was asked for by name and cannot run the network
    """
    if chosen.name != "openvino":
        return None
    try:
        return ImagesByOpenVino(network, size_hw_px, chosen.precision)
    except EngineError as error:
        if engine != "auto":
            raise
        _LOG.warning("%s; PyTorch runs it", error)
        return None


def maps_of(network: HDNet) -> nn.Module:
    """HDNet's maps, those that it has, as a module of images: what an engine compiles."""
    return _Maps(network)


def with_maps(network: HDNet, compiled: ImagesByOpenVino) -> HDNet:
    """A copy of a network whose maps are computed by `compiled`, made of `maps_of`; for uint8 images or `Patches`.

    The rest, reading people off the maps, stays in PyTorch and in float32.
    """
    names, levels = network.map_names, network.depth_pieces
    pieces = sum(map(len, levels))

    def maps(images: Tensor | Patches) -> HDNetMaps:
        logits, *rest = compiled(images)
        features, rest = SplitFeatures(levels, tuple(rest[:pieces])), rest[pieces:]
        if names[-1] == "witness_levels":
            rest = [*rest[: len(names) - 3], tuple(rest[len(names) - 3 :])]
        return HDNetMaps(**dict(zip(names, (logits, features, *rest), strict=True)))

    network = copy.copy(network)
    object.__setattr__(network, "maps", maps)
    network.takes_patches = True
    return network


class ImagesByOpenVino:
    """A network's function of (B, 3, H, W) uint8 images, which it is given as they lie in memory.

    Parameters
    ----------
    network : in eval mode; its forward takes such images and returns one tensor or a tuple
    size_hw_px : of images that will come; others may
    precision : as `OpenVinoModule` takes it

    Raises
    ------
    EngineError : OpenVINO cannot run it
    """

    def __init__(self, network: nn.Module, size_hw_px: tuple[int, int], precision: str) -> None:
        example = torch.zeros(1, *size_hw_px, 3, dtype=torch.uint8)
        parts = network.in_parts() if isinstance(network, _Maps) else []
        of_rows = [_OfRows(module).eval() for module in (network, *parts)]
        self._module = OpenVinoModule(of_rows[0], example, precision, parts=of_rows[1:])
        self.about = self._module.about

    def __call__(self, images: Tensor | Patches) -> tuple[Tensor, ...]:
        """Outputs for images (B, 3, H, W), or for patches, of which the first is computed while others are cut."""
        if isinstance(images, Patches):
            _, channels, height, width = images.shape
            return self._module.of_rows(images, len(images), (height, width, channels))
        return self._module(_rows(images))

    def start(self, images: Tensor) -> Callable[[], tuple[Tensor, ...]]:
        """Begin with images (B, 3, H, W); what is returned waits for the outputs."""
        return self._module.start(_rows(images))


def _rows(images: Tensor) -> Tensor:
    if images.dtype != torch.uint8:
        raise ValueError(f"images are {images.dtype}, expected uint8 for a compiled network")
    return images.permute(0, 2, 3, 1)


class _OfRows(nn.Module):
    """A function of images (B, 3, H, W) as one of (B, H, W, 3)."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, rows: Tensor):
        return self.network(rows.permute(0, 3, 1, 2))


class _Maps(nn.Module):
    """HDNet's maps, those that it has; the depth features in pieces, each (B, h, w, C).

    So they lie in memory while they are computed, and to turn them round takes a tenth of the time.
    """

    def __init__(self, network: HDNet, has_witness: bool = True) -> None:
        super().__init__()
        self.network = network
        self._has_witness = has_witness

    def in_parts(self) -> list[nn.Module]:
        """Modules whose outputs together are this one's, and that share no work; none if there is only one."""
        witness = self.network.witness
        if witness is None:
            return []
        return [_Maps(self.network, has_witness=False), _Witness(self.network)]

    def forward(self, images: Tensor) -> tuple[Tensor, ...]:
        network = self.network
        pyramid = network.features(images)
        heatmap_features = network.heatmap_branch.split(pyramid)
        logits = convolved(network.heatmap_head, network.heatmap_branch.pieces, heatmap_features)
        depth_features = network.depth_branch.split(pyramid) if network.depth_branch else heatmap_features
        pieces = [part.permute(0, 2, 3, 1) for parts in depth_features for part in parts]
        volumes = network.pose(images, pyramid, logits) if network.pose else None
        witness = network.witness_maps(images) if self._has_witness else ()
        return (logits, *pieces, *(() if volumes is None else (volumes,)), *witness)


class _Witness(nn.Module):
    """The part of HDNet's maps that its witness computes."""

    def __init__(self, network: HDNet) -> None:
        super().__init__()
        self.network = network

    def forward(self, images: Tensor) -> tuple[Tensor, ...]:
        return self.network.witness_maps(images)


@contextlib.contextmanager
def torch_threads(count: int) -> Iterator[None]:
    """Have PyTorch compute on so many threads of the calling thread's, then as before."""
    before = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def about_torch(dtype: torch.dtype) -> str:
    """What runs, for people, where PyTorch does: "PyTorch 2.14.0, bfloat16"."""
    return f"PyTorch {torch.__version__.partition('+')[0]}, {str(dtype).removeprefix('torch.')}"
