"""The authors' released checkpoint (github.com/jiahaoLjh/HumanDepth) as an `HDNet`.

Their file is {"model": state dict, "epoch": n}. Their network is the paper's with 61 bins over
[2, 8] mm/px; their patches follow `PatchConvention.authors`.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import torch
from torch import Tensor

from hdnet_ros.core.depth_bins import DepthBins
from hdnet_ros.core.patch import PatchConvention
from hdnet_ros.model.checkpoint import CheckpointError, save_checkpoint, tensor_mismatches
from hdnet_ros.model.hdnet import HDNet, HDNetConfig

AUTHORS_BINS = DepthBins(count=61, start=2.0, end=8.0)
AUTHORS_CONVENTION = PatchConvention.authors()
_LEVELS = (2, 3, 4, 5)
_PARALLEL_PREFIX = "module."


def import_authors_checkpoint(source: str | Path, target: str | Path, half: bool = False) -> None:
    """Convert the authors' file to a checkpoint of ours.

    Parameters
    ----------
    source : their ckpt.pth.tar
    target : .safetensors to write
    half : store as float16; float32 keeps their outputs to rounding

    Raises
    ------
    CheckpointError : not their file; names the keys that are missing or too many
    """
    state, epoch = read_authors_state(source)
    network = authors_network(state)
    save_checkpoint(
        target,
        network,
        AUTHORS_CONVENTION,
        name=f"HDNet by its authors, epoch {epoch}",
        data="the authors' training data (see github.com/jiahaoLjh/HumanDepth)",
        licence="the authors' terms and those of their training data; non-commercial",
        half=half,
    )


def read_authors_state(source: str | Path) -> tuple[dict[str, Tensor], int]:
    """Their state dict, without DataParallel's prefix, and the epoch.

    Only tensors and plain values are unpickled; anything that would run code is refused.
    """
    path = Path(source)
    if not path.is_file():
        raise CheckpointError(f"{path}: no such file; the authors' README links their checkpoint")
    try:
        stored = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # a damaged pickle can raise anything; the cause is kept
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise CheckpointError(
            f"{path}: refused, damaged or holds more than tensors ({reason}); expected the authors'"
            ' {"model": state dict, "epoch": n}'
        ) from error
    if not isinstance(stored, Mapping) or not isinstance(stored.get("model"), Mapping):
        keys = sorted(map(str, stored))[:5] if isinstance(stored, Mapping) else None
        raise CheckpointError(
            f"{path}: found {type(stored).__name__} {keys or ''}, expected the authors'"
            ' {"model": state dict, "epoch": n}'
        )
    state = {str(k).removeprefix(_PARALLEL_PREFIX): v for k, v in stored["model"].items()}
    return state, stored.get("epoch", -1)


def authors_network(state: Mapping[str, Tensor]) -> HDNet:
    """An `HDNet` with the authors' weights, in eval mode.

    Raises
    ------
    CheckpointError : names the keys that are missing, too many, or of another shape
    """
    network = HDNet(HDNetConfig(bins=AUTHORS_BINS))
    ours = {k: v for k, v in network.state_dict().items() if not k.endswith("num_batches_tracked")}
    theirs_of_ours = {key: authors_key(key) for key in ours}
    found = {
        k: v.squeeze(-1) if ".weight" in k and v.ndim == 3 else v
        for k, v in state.items()
        if not k.endswith("num_batches_tracked") and not k.startswith("fpn.resnet.fc.")
    }
    problems = tensor_mismatches({theirs_of_ours[key]: value for key, value in ours.items()}, found)
    if problems:
        more = f" and {len(problems) - 5} more" if len(problems) > 5 else ""
        raise CheckpointError(f"not the authors' network: {'; '.join(problems[:5])}{more}")
    network.load_state_dict(
        network.state_dict() | {key: found[theirs] for key, theirs in theirs_of_ours.items()}
    )
    return network.eval()


def authors_key(key: str) -> str:
    """The authors' name of one of our tensors."""
    module, _, rest = key.partition(".")
    if module == "backbone":
        return f"fpn.resnet.{rest}"
    if module == "fpn":
        return _authors_pyramid_key(rest)
    if module in ("heatmap_branch", "depth_branch"):
        return _authors_branch_key("hm" if module == "heatmap_branch" else "dm", rest)
    if module == "gnn":
        _, layer, part, leaf = rest.split(".")
        names = {"weight_self": "layer_self", "weight_others": "layer_others", "bn": "bn"}
        return f"depth_gcn.gcn_layers.{layer}.{names[part]}.{leaf}"
    return {"heatmap_head": "out_heatmap", "depth_head": "out_bins"}[module] + f".{rest}"


def _authors_pyramid_key(rest: str) -> str:
    kind, level, leaf = rest.split(".")
    # Ours count from P2 up, theirs from P4 down.
    if kind == "smooth":
        return f"fpn.smooth{3 - int(level)}.{leaf}"
    return f"fpn.toplayer.{leaf}" if level == "3" else f"fpn.flatlayer{3 - int(level)}.{leaf}"


def _authors_branch_key(branch: str, rest: str) -> str:
    kind, level, layer, leaf = rest.split(".")
    # Their upsampling is a layer of the Sequential, after the first ReLU, except at P2.
    start = 0 if kind == "reduce" else 3 + (int(level) > 0)
    return f"layers_{branch}_{_LEVELS[int(level)]}.{start + int(layer)}.{leaf}"
