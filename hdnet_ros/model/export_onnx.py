"""Networks as ONNX, for runtimes of other machines (TensorRT on a Jetson, ONNX Runtime)."""

from __future__ import annotations

import inspect
import json
import warnings
from dataclasses import asdict
from pathlib import Path

from typing import Any

import torch
from torch import Tensor, nn

from hdnet_ros.core.skeleton import JOINT_NAMES
from hdnet_ros.model.checkpoint import LoadedCheckpoint

OPSET = 17
"""The newest operator set that the ONNX parsers of JetPack 6 read whole."""

_INPUTS = ("images", "box_masks")


def export_onnx(checkpoint: LoadedCheckpoint, path: str | Path) -> list[str]:
    """Write a checkpoint's network as ONNX, and beside it, as .json, what its numbers mean.

    Inputs are images (N, 3, S, S) uint8 RGB and box_masks (N, S / 4, S / 4) bool, one person a
    patch; N is free. Outputs are the tensors of `HDNetOutput`, those of the 3D pose with "pose_"
    before their names.

    Returns
    -------
    Names of the outputs, in order

    Raises
    ------
    ValueError : a network of another kind than HDNet
    ModuleNotFoundError : the package onnx, by which PyTorch writes the file, is not installed
    OSError : the files cannot be written
    """
    import onnx  # noqa: F401  (PyTorch asks for it at the very end)

    network = checkpoint.network.eval()
    if not hasattr(network, "maps"):
        raise ValueError(f"the checkpoint holds a {type(network).__name__}, expected an HDNet to export")
    path = Path(path)
    images, box_masks = example_inputs(checkpoint.convention.input_px)
    with torch.inference_mode():
        names = list(named_tensors(network(images, box_masks)))
    # The exporter that traces keeps the number of people free, and takes seconds; releases before 2.5 have no other.
    traces = {"dynamo": False} if "dynamo" in inspect.signature(torch.onnx.export).parameters else {}
    with warnings.catch_warnings():
        # Tracing warns of every size that it takes as fixed, which S is.
        warnings.simplefilter("ignore")
        torch.onnx.export(
            _Named(network).eval(),
            (images, box_masks),
            str(path),
            input_names=list(_INPUTS),
            output_names=names,
            dynamic_axes={name: {0: "people"} for name in (*_INPUTS, *names)},
            opset_version=OPSET,
            **traces,
        )
    about = _about(checkpoint, names)
    path.with_suffix(".json").write_text(json.dumps(about, indent=1) + "\n", encoding="utf-8")
    return names


def example_inputs(input_px: int, people: int = 2) -> tuple[Tensor, Tensor]:
    """Images (N, 3, S, S) uint8 of noise and masks (N, S / 4, S / 4) bool of different boxes."""
    generator = torch.Generator().manual_seed(0)
    images = torch.randint(0, 256, (people, 3, input_px, input_px), generator=generator, dtype=torch.uint8)
    cells = input_px // 4
    box_masks = torch.zeros(people, cells, cells, dtype=torch.bool)
    for person in range(people):
        box_masks[person, cells // 8 : -cells // 8, cells // 4 : cells // 2 + person % (cells // 2)] = True
    return images, box_masks


def named_tensors(output: Any, prefix: str = "") -> dict[str, Tensor]:
    """Tensors of an output and of the outputs within it, by name."""
    named = {}
    for name, value in zip(output._fields, output, strict=True):
        if isinstance(value, Tensor):
            named[prefix + name] = value
        elif value is not None:
            named |= named_tensors(value, f"{name}_")
    return named


class _Named(nn.Module):
    """A network of one person a patch whose output is a flat tuple."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, images: Tensor, box_masks: Tensor) -> tuple[Tensor, ...]:
        return tuple(named_tensors(self.network(images, box_masks)).values())


def _about(checkpoint: LoadedCheckpoint, outputs: list[str]) -> dict:
    calibration = checkpoint.calibration
    return {
        "inputs": {"images": "(N, 3, S, S) uint8 RGB", "box_masks": "(N, S / 4, S / 4) bool"},
        "outputs": outputs,
        "convention": checkpoint.convention.to_dict(),
        "bins": asdict(checkpoint.config.bins),
        "joint_names": list(JOINT_NAMES),
        "calibration": None if calibration is None else asdict(calibration),
        "metadata": dict(checkpoint.metadata),
    }
