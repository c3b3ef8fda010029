"""Checkpoints: safetensors with everything that a network needs to be used correctly.

The metadata holds the architecture, the patch convention, the skeleton, the calibration of sigma,
and where the weights come from. Nothing is unpickled and nothing is downloaded.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from hdnet_ros.core.patch import PatchConvention
from hdnet_ros.core.skeleton import JOINT_NAMES
from hdnet_ros.core.types import SigmaCalibration
from hdnet_ros.model.hdnet import HDNet, HDNetConfig
from hdnet_ros.model.networks import DEFAULT_KIND, config_class, kind_of, make_network
from hdnet_ros.model.rootnet import RootNet, RootNetConfig
from hdnet_ros.model.tensor_file import TensorFileError, read_metadata, read_tensors, write_tensors

FORMAT = "hdnet_ros"
FORMAT_VERSION = 1
_FIELDS = (
    "name",
    "data",
    "licence",
    "config",
    "convention",
    "joint_names",
    "links",
    "calibration",
    "format_version",
)
_ABOUT = ("name", "data", "licence", "seed", "budget")
_COUNTER = "num_batches_tracked"
_GET_WEIGHTS = "weights/README.md says where weights come from"


class CheckpointError(ValueError):
    """A file that cannot be used as weights; says what was found, what was expected, what to do."""


@dataclass(frozen=True)
class LoadedCheckpoint:
    """A network ready for inference and what goes with it.

    Attributes
    ----------
    network : in eval mode, float32, on the CPU
    config, convention : architecture, and how its patches are cut
    calibration : of sigma, or None when the network was never calibrated
    metadata : "name", "data" and "licence" as they were saved, and "seed" and "budget" where known;
        what `save_checkpoint` takes
    half : whether kernels were stored as float16
    """

    network: HDNet | RootNet
    config: HDNetConfig | RootNetConfig
    convention: PatchConvention
    calibration: SigmaCalibration | None
    metadata: dict[str, str]
    half: bool


def save_checkpoint(
    path: str | Path,
    network: HDNet | RootNet,
    convention: PatchConvention,
    *,
    name: str,
    data: str,
    licence: str,
    seed: str = "",
    budget: str = "",
    calibration: SigmaCalibration | None = None,
    half: bool = True,
) -> None:
    """Write a network, replacing `path` only once the whole file is there.

    Parameters
    ----------
    name : what to call these weights in logs and messages
    data : what the network was trained on
    licence : under which the weights may be used
    seed, budget : of the training, for people to read; empty where they are not known
    half : store weights of matrices and kernels as float16. Vectors stay float32: they are small,
        and the variances among them overflow.

    Raises
    ------
    ValueError : a skeleton other than `core.skeleton`'s, or a tensor with NaN or infinity
    """
    config = network.config
    if config.joint_count != len(JOINT_NAMES):
        raise ValueError(f"joint_count is {config.joint_count}, expected {len(JOINT_NAMES)}")
    entries = {
        "format_version": FORMAT_VERSION,
        "kind": kind_of(config),
        "name": name,
        "data": data,
        "licence": licence,
        "config": config.to_dict(),
        "convention": convention.to_dict(),
        "joint_names": list(JOINT_NAMES),
        "links": config.to_dict().get("links", []),
        "calibration": None if calibration is None else asdict(calibration),
    }
    entries |= {key: value for key, value in (("seed", seed), ("budget", budget)) if value}
    metadata = {key: json.dumps(value) for key, value in entries.items()}
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(path.name + ".partial")
    write_tensors(partial, _stored_tensors(network, half), metadata | {"format": FORMAT})
    partial.replace(path)


def load_checkpoint(path: str | Path) -> LoadedCheckpoint:
    """Read a checkpoint.

    Raises
    ------
    CheckpointError : the file is missing, foreign, truncated, or does not fit; says which tensor or
        field
    """
    path = Path(path)
    metadata, tensors = _read(path)
    values = {key: _decoded(path, metadata, key) for key in _FIELDS}
    if values["format_version"] != FORMAT_VERSION:
        raise CheckpointError(
            f"{path}: format_version {values['format_version']}, expected {FORMAT_VERSION};"
            " update hdnet_ros or export the weights again"
        )
    # Files from before there were other kinds name none.
    kind = _decoded(path, metadata, "kind") if "kind" in metadata else DEFAULT_KIND
    config = _field(path, "config", lambda v: config_class(kind).from_dict(v), values["config"])
    convention = _field(path, "convention", lambda v: _complete(PatchConvention, v), values["convention"])
    calibration = None
    if values["calibration"] is not None:
        calibration = _field(path, "calibration", lambda v: _complete(SigmaCalibration, v), values["calibration"])
    _check_skeleton(path, config, values)
    # Shapes first: on the meta device nothing is allocated, however large a config says things are.
    with torch.device("meta"):
        _check_tensors(path, _field(path, "config", make_network, config), tensors)
    network = make_network(config)
    network.load_state_dict(network.state_dict() | {key: value.float() for key, value in tensors.items()})
    about = {key: str(_decoded(path, metadata, key)) for key in _ABOUT if key in metadata}
    half = any(value.dtype == torch.float16 for value in tensors.values())
    return LoadedCheckpoint(network.eval(), config, convention, calibration, about, half)


def tensor_mismatches(expected: Mapping[str, Tensor], found: Mapping[str, Tensor]) -> list[str]:
    """One line for every tensor that is missing, unexpected, or of another shape."""
    lines = [f"{key} is missing" for key in expected if key not in found]
    lines += [f"{key} is unexpected" for key in found if key not in expected]
    lines += [
        f"{key} has shape {tuple(found[key].shape)}, expected {tuple(value.shape)}"
        for key, value in expected.items()
        if key in found and found[key].shape != value.shape
    ]
    return lines


def _stored_tensors(network: HDNet | RootNet, half: bool) -> dict[str, Tensor]:
    stored = {}
    for key, value in network.state_dict().items():
        if key.endswith(_COUNTER):
            continue
        if not torch.isfinite(value).all():
            raise ValueError(f"{key} has values that are not finite, expected finite weights")
        value = value.detach().to("cpu", torch.float32).contiguous()
        halved = value.half()
        fits = half and value.ndim >= 2 and bool(torch.isfinite(halved).all())
        stored[key] = halved if fits else value
    return stored


def _read(path: Path) -> tuple[dict[str, str], dict[str, Tensor]]:
    if not path.is_file():
        raise CheckpointError(f"{path}: no such file; {_GET_WEIGHTS}")
    with path.open("rb") as file:
        head = file.read(64)
    _refuse_known_formats(path, head)
    try:
        metadata, names = read_metadata(path)
        if metadata.get("format") != FORMAT:
            raise CheckpointError(
                f"{path}: safetensors of another program (format {metadata.get('format')!r}, "
                f"first tensor {next(iter(names), None)!r}), expected {FORMAT!r}; {_GET_WEIGHTS}"
            )
        return metadata, read_tensors(path, vouched=True)
    except (TensorFileError, OSError) as error:
        raise CheckpointError(
            f"{path}: damaged or no safetensors file ({error}), {path.stat().st_size} bytes;"
            " copy it again in binary and compare its size with the original's"
        ) from error


def _refuse_known_formats(path: Path, head: bytes) -> None:
    if not head:
        raise CheckpointError(f"{path}: empty file, expected safetensors; {_GET_WEIGHTS}")
    # The length of safetensors' header comes first and may be any bytes; then the header's "{".
    is_pickle = head.startswith((b"PK", b"\x80")) and head[8:9] != b"{"
    if is_pickle:
        raise CheckpointError(
            f"{path}: a PyTorch archive (pickle), expected safetensors; if it is the authors'"
            " checkpoint, convert it with `hdnet import-checkpoint`"
        )
    if head.startswith(b"version https://git-lfs"):
        raise CheckpointError(f"{path}: a Git LFS pointer, expected its file; run `git lfs pull`")


def _decoded(path: Path, metadata: Mapping[str, str], key: str) -> Any:
    if key not in metadata:
        raise CheckpointError(f"{path}: metadata has no {key!r}; export the weights again")
    try:
        return json.loads(metadata[key])
    except (ValueError, RecursionError) as error:
        raise CheckpointError(f"{path}: metadata {key!r} is no JSON ({error})") from error


def _field(path: Path, key: str, build: Any, value: Any) -> Any:
    try:
        return build(value)
    except (ValueError, TypeError, OverflowError, RecursionError) as error:
        raise CheckpointError(f"{path}: {key}: {error}; made by another version?") from error


def _check_skeleton(path: Path, config: HDNetConfig | RootNetConfig, values: Mapping[str, Any]) -> None:
    if values["joint_names"] != list(JOINT_NAMES):
        raise CheckpointError(
            f"{path}: joint_names {str(values['joint_names'])[:300]}, expected {list(JOINT_NAMES)}"
        )
    if values["links"] != config.to_dict().get("links", []) or config.joint_count != len(JOINT_NAMES):
        raise CheckpointError(f"{path}: links {str(values['links'])[:300]} differ from those in config")


def _complete(cls: type, values: Any) -> Any:
    """An object of a dataclass with every field given: a default would be a guess of what was trained."""
    names = [f.name for f in fields(cls)]
    if not isinstance(values, dict) or sorted(values) != sorted(names):
        found = sorted(values) if isinstance(values, dict) else type(values).__name__
        raise ValueError(f"it holds {str(found)[:200]}, expected {', '.join(names)}")
    for name, default in ((f.name, f.default) for f in fields(cls)):
        # JSON has one kind of number; true and text are none.
        kinds = (int, float) if type(default) is float else (type(default),)
        if type(values[name]) not in kinds:
            raise ValueError(f"{name} is {str(values[name])[:80]!r}, expected a {type(default).__name__}")
    return cls(**values)


def _check_tensors(path: Path, network: HDNet | RootNet, tensors: Mapping[str, Tensor]) -> None:
    expected = {key: value for key, value in network.state_dict().items() if not key.endswith(_COUNTER)}
    problems = tensor_mismatches(expected, tensors)
    problems += [f"{k} is not finite" for k, v in tensors.items() if not torch.isfinite(v).all()]
    if problems:
        more = f" and {len(problems) - 5} more" if len(problems) > 5 else ""
        raise CheckpointError(
            f"{path}: tensors do not fit the config: {'; '.join(problems[:5])}{more}"
        )
