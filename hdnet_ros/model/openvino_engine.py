"""Networks run by OpenVINO: made from a PyTorch module once, kept in a cache, on threads that sleep when they wait.

PyTorch's threads spin for one another inside every layer; beside another busy process that costs
fifty times what the network costs. OpenVINO's do not, and its kernels take half the time.
"""

from __future__ import annotations

import hashlib
import inspect
import logging
import os
import platform
import shutil
import tempfile
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

_LOG = logging.getLogger(__name__)

PRECISIONS = ("float32", "bfloat16", "int8")
_HINTS = {"float32": "f32", "bfloat16": "bf16"}
# Other graphs for the same module, for instance another layout of the inputs, count this up.
_GRAPH_VERSION = 1


class EngineError(RuntimeError):
    """OpenVINO is not installed or cannot run the network; the message says what to do."""


class OpenVinoModule:
    """A module's function of one batch, compiled for the CPU.

    One image a request: a crowd keeps every thread busy with an image of its own, so that no
    thread waits for another inside a layer, and one person gets all threads. What an image gives
    does not depend on what came with it.

    Parameters
    ----------
    module : in eval mode; its forward takes one tensor and returns one tensor or a tuple of them
    example : (1, ...) input that the graph is traced with; size and type are fixed by it
    precision : "float32", "bfloat16" or "int8"
    threads : 0 takes `inference_threads`
    calibration : (N, ...) inputs that show what activations there are, needed for int8 when the
        graph is not in the cache

    Raises
    ------
    EngineError : OpenVINO is missing, or cannot convert or compile the module
    ValueError : an unknown precision
    """

    def __init__(
        self,
        module: nn.Module,
        example: Tensor,
        precision: str = "float32",
        threads: int = 0,
        calibration: Sequence[Tensor] | None = None,
    ) -> None:
        if precision not in PRECISIONS:
            raise ValueError(f"precision is {precision!r}, expected one of {PRECISIONS}")
        self.precision = precision
        self.threads = threads or inference_threads()
        ov = _openvino()
        try:
            graph = _cached_graph(ov, module, example, precision, calibration)
            self._alone = self._compiled(ov, graph, streams=1).create_infer_request()
            together = self._compiled(ov, graph, streams=self.threads) if self.threads > 1 else None
        except RuntimeError as error:
            raise EngineError(f"OpenVINO cannot run {type(module).__name__}: {error}") from error
        self._together = [together.create_infer_request() for _ in range(self.threads)] if together else []

    def __call__(self, images: Tensor) -> tuple[Tensor, ...]:
        """Outputs of the module for (B, ...) inputs, each (B, ...) float32; B may be zero."""
        rows = images.contiguous().numpy()
        count = len(rows)
        outputs = [np.empty((count, *shape), np.float32) for shape in self._output_shapes()]
        whole = count - count % self.threads if self._together else 0
        for first in range(0, whole, self.threads):
            for number, request in enumerate(self._together, start=first):
                self._bind(request, rows, outputs, number)
                request.start_async()
            for request in self._together:
                request.wait()
        for number in range(whole, count):
            self._bind(self._alone, rows, outputs, number)
            self._alone.infer()
        return tuple(torch.from_numpy(output) for output in outputs)

    def _output_shapes(self) -> list[tuple[int, ...]]:
        return [tuple(output.shape)[1:] for output in self._alone.model_outputs]

    @staticmethod
    def _bind(request: Any, rows: np.ndarray, outputs: list[np.ndarray], number: int) -> None:
        """Have a request read one row and write one row of every output, without copies."""
        ov = _openvino()
        request.set_input_tensor(ov.Tensor(rows[number : number + 1], shared_memory=True))
        for index, output in enumerate(outputs):
            row = output[number : number + 1]
            request.set_output_tensor(index, ov.Tensor(row, shared_memory=True))

    def _compiled(self, ov: Any, graph: Any, streams: int) -> Any:
        settings = {
            "INFERENCE_PRECISION_HINT": self._hint(ov),
            "INFERENCE_NUM_THREADS": self.threads,
            "NUM_STREAMS": streams,
            # Which cores a process may use is the user's and the scheduler's to say.
            "ENABLE_CPU_PINNING": False,
        }
        return ov.Core().compile_model(graph, "CPU", settings)

    def _hint(self, ov: Any) -> str:
        """Type of the layers that are not in int8: the cheapest that the processor multiplies in."""
        if self.precision in _HINTS:
            return _HINTS[self.precision]
        return "bf16" if has_bfloat16() else "f32"


def is_available() -> bool:
    """Whether OpenVINO is installed, and this is a processor that it is made for."""
    try:
        _openvino()
    except EngineError:
        return False
    return platform.machine().lower() in ("x86_64", "amd64")


def has_bfloat16() -> bool:
    """Whether OpenVINO finds instructions for bfloat16 here."""
    return "BF16" in _openvino().Core().get_property("CPU", "OPTIMIZATION_CAPABILITIES")


def inference_threads() -> int:
    """Threads of an inference: OMP_NUM_THREADS where it is set, else the cores that this process may use."""
    asked = os.environ.get("OMP_NUM_THREADS", "")
    if asked.isdigit() and int(asked) > 0:
        return int(asked)
    if not hasattr(os, "sched_getaffinity"):
        return os.cpu_count() or 1
    cores = {_siblings(number) for number in os.sched_getaffinity(0)}
    return max(1, min(len(cores), _container_cores()))


def _siblings(number: int) -> str:
    """The logical processors that share a core with this one; two of them multiply no faster than one."""
    try:
        return Path(f"/sys/devices/system/cpu/cpu{number}/topology/thread_siblings_list").read_text()
    except OSError:
        return str(number)


def _container_cores() -> int:
    """Cores that a container's quota lets run at a time."""
    try:
        quota, period = Path("/sys/fs/cgroup/cpu.max").read_text().split()
        return max(1, round(int(quota) / int(period)))
    except (OSError, ValueError):  # no such file, or "max": no limit
        return os.cpu_count() or 1


def cache_folder() -> Path:
    """Where graphs are kept: $XDG_CACHE_HOME/hdnet_ros/openvino, by default in ~/.cache."""
    root = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(root) / "hdnet_ros" / "openvino"


def _openvino() -> Any:
    try:
        import openvino
    except ImportError as error:
        raise EngineError(
            f"OpenVINO is not installed ({error}): pip install openvino, or take engine torch"
        ) from error
    return openvino


def _cached_graph(ov: Any, module: nn.Module, example: Tensor, precision: str, calibration) -> Any:
    """The module's graph out of the cache, or made and put there."""
    kind = "int8" if precision == "int8" else "float"
    path = cache_folder() / f"{_digest(ov, module, example, kind, calibration)}.xml"
    if path.is_file():
        try:
            return ov.Core().read_model(path)
        except RuntimeError as error:
            _LOG.warning("%s is damaged (%s) and is made again", path, error)
    graph = _converted(ov, module, example)
    if kind == "int8":
        graph = _quantized(ov, graph, calibration)
    _keep(ov, graph, path)
    return graph


def _digest(ov: Any, module: nn.Module, example: Tensor, kind: str, calibration) -> str:
    """Name of a graph by all that it is made from: weights, code, versions, and the input."""
    made = hashlib.blake2b(digest_size=16)
    about = (kind, _GRAPH_VERSION, ov.__version__, torch.__version__, tuple(example.shape), example.dtype)
    made.update(repr(about).encode())
    for name, value in module.state_dict().items():
        made.update(name.encode())
        made.update(value.detach().contiguous().view(-1).view(torch.uint8).numpy())
    for file in sorted({_source(type(part)) for part in module.modules()} - {""}):
        made.update(Path(file).read_bytes())
    made.update(str(module).encode())
    for value in calibration if kind == "int8" and calibration is not None else ():
        made.update(value.contiguous().numpy())
    return made.hexdigest()


def _source(kind: type) -> str:
    """File of a class of this package; empty for one of PyTorch's, whose version counts."""
    if kind.__module__.partition(".")[0] in ("torch", "torchvision"):
        return ""
    try:
        return inspect.getsourcefile(kind) or ""
    except TypeError:
        return ""


def _converted(ov: Any, module: nn.Module, example: Tensor) -> Any:
    """The graph of a module for inputs like the example, one at a time."""
    _LOG.info("%s is prepared for OpenVINO, once", type(module).__name__)
    with warnings.catch_warnings(), torch.inference_mode():
        # Tracing warns of every size that it takes as fixed, which here they are.
        warnings.simplefilter("ignore")
        graph = ov.convert_model(module, example_input=example)
    graph.reshape({0: tuple(example.shape)})
    return graph


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


def _quantized(ov: Any, graph: Any, calibration: Sequence[Tensor] | None) -> Any:
    """The graph with weights and activations in int8, their ranges as the calibration shows them."""
    if calibration is None or len(calibration) == 0:
        raise EngineError("int8 needs inputs to calibrate on, and there are none")
    try:
        import nncf
    except ImportError as error:
        raise EngineError(
            f"int8 is prepared by NNCF, which is not installed ({error}): pip install nncf, or take"
            " precision bfloat16 or float32"
        ) from error
    inputs = [value[None].numpy() for value in calibration]
    return nncf.quantize(graph, nncf.Dataset(inputs), subset_size=len(inputs))
