"""OpenVINO's graphs of PyTorch modules: made once, kept in a cache by all that they are made from."""

from __future__ import annotations

import hashlib
import inspect
import logging
import os
import shutil
import tempfile
import warnings
from dataclasses import is_dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

_LOG = logging.getLogger(__name__)

# Other graphs for the same module, for instance another layout of the inputs, count this up.
_GRAPH_VERSION = 2


class EngineError(RuntimeError):
    """OpenVINO is not installed or cannot run the network; the message says what to do."""


def load_openvino() -> Any:
    """The package.

    Raises
    ------
    EngineError : it is not installed
    """
    try:
        import openvino
    except ImportError as error:
        raise EngineError(
            f"OpenVINO is not installed ({error}): pip install openvino, or take engine torch"
        ) from error
    return openvino


def cache_folder() -> Path:
    """Where graphs are kept: $XDG_CACHE_HOME/hdnet_ros/openvino, by default in ~/.cache."""
    root = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(root) / "hdnet_ros" / "openvino"


def cached_graph(module: nn.Module, example: Tensor) -> Any:
    """The module's graph out of the cache, or made and put there.

    Parameters
    ----------
    module : in eval mode; its forward takes one tensor
    example : input that the graph is traced with

    Raises
    ------
    EngineError : OpenVINO is missing
    RuntimeError : OpenVINO cannot convert the module
    """
    ov = load_openvino()
    path = cache_folder() / f"{_digest(ov, module, example)}.xml"
    if path.is_file():
        try:
            return ov.Core().read_model(path)
        except RuntimeError as error:
            _LOG.warning("%s is damaged (%s) and is made again", path, error)
    graph = _converted(ov, module, example)
    _keep(ov, graph, path)
    return graph


def _digest(ov: Any, module: nn.Module, example: Tensor) -> str:
    """Name of a graph by all that it is made from: weights, code, versions, and the input."""
    made = hashlib.blake2b(digest_size=16)
    about = (_GRAPH_VERSION, ov.__version__, torch.__version__, tuple(example.shape), example.dtype)
    made.update(repr(about).encode())
    # Buffers that no checkpoint has are in the graph, too.
    for name, value in (*module.named_parameters(), *module.named_buffers()):
        made.update(name.encode())
        made.update(value.detach().contiguous().view(-1).view(torch.uint8).numpy())
    for file in _code(module):
        made.update(file.read_bytes())
    for name, part in module.named_modules():
        made.update(f"{name} {type(part).__name__} {part.extra_repr()} {_settings(part)}".encode())
    return made.hexdigest()


def _settings(part: nn.Module) -> list[tuple[str, Any]]:
    """Plain attributes of a module: what a graph is traced with besides tensors."""
    found = []
    for name, value in sorted(vars(part).items()):
        if is_dataclass(value) or isinstance(value, (bool, int, float, str, tuple)):
            found.append((name, value))
    return found


def _code(module: nn.Module) -> list[Path]:
    """Files of the code that a graph is traced from: those of the module's parts, and this folder's."""
    files = {Path(_source(type(part))) for part in module.modules() if _source(type(part))}
    return sorted(files | set(Path(__file__).parent.glob("*.py")))


def _source(kind: type) -> str:
    """File of a class of this package; empty for one of PyTorch's, whose version counts."""
    if kind.__module__.partition(".")[0] in ("torch", "torchvision"):
        return ""
    try:
        return inspect.getsourcefile(kind) or ""
    except (TypeError, OSError):  # built in, or typed in
        return ""


def _converted(ov: Any, module: nn.Module, example: Tensor) -> Any:
    """The graph of a module for inputs of the example's type, of any size that the module takes."""
    _LOG.info("%s is prepared for OpenVINO, once", type(module).__name__)
    with warnings.catch_warnings(), torch.inference_mode():
        # Tracing warns of every size that it takes as fixed, which here they are.
        warnings.simplefilter("ignore")
        return ov.convert_model(module, example_input=example)


def _keep(ov: Any, graph: Any, path: Path) -> None:
    """Write a graph so that others see all of it or nothing; without room for it life goes on."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        folder = Path(tempfile.mkdtemp(prefix=".making_", dir=path.parent))
        try:
            ov.save_model(graph, folder / path.name, compress_to_fp16=False)
            # The weights first: who sees the graph sees them too.
            for name in (path.with_suffix(".bin").name, path.name):
                os.replace(folder / name, path.parent / name)
        finally:
            shutil.rmtree(folder, ignore_errors=True)
    except (OSError, RuntimeError) as error:
        _LOG.warning("%s cannot be kept (%s): it is made again at every start", path, error)
