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
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

_LOG = logging.getLogger(__name__)

_HINTS = {"float32": "f32", "bfloat16": "bf16"}
PRECISIONS = tuple(_HINTS)
# Other graphs for the same module, for instance another layout of the inputs, count this up.
_GRAPH_VERSION = 2
# Sizes of inputs that stay compiled; a camera has one or two.
_SIZES_KEPT = 8


class EngineError(RuntimeError):
    """OpenVINO is not installed or cannot run the network; the message says what to do."""


class OpenVinoModule:
    """A module's function of a batch, compiled for the CPU.

    One image a request: a crowd keeps every thread busy with an image of its own, so that no
    thread waits for another inside a layer, and one person gets all threads. What an image gives
    does not depend on what came with it.

    Parameters
    ----------
    module : in eval mode; its forward takes one tensor (B, ...) and returns one or a tuple of them
    example : (1, ...) input that the graph is traced with; other sizes of it may come
    precision : "float32" or "bfloat16"
    threads : 0 takes `inference_threads`

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
    ) -> None:
        if precision not in PRECISIONS:
            raise ValueError(f"precision is {precision!r}, expected one of {', '.join(PRECISIONS)}")
        self.precision = precision
        self.threads = threads or inference_threads()
        self._name = type(module).__name__
        self._runners: dict[tuple[int, ...], _Runner] = {}
        ov = _openvino()
        try:
            self._graph = _cached_graph(ov, module, example)
        except RuntimeError as error:
            raise EngineError(f"OpenVINO cannot convert {self._name}: {error}") from error
        self._runner(tuple(example.shape[1:]))

    def __call__(self, images: Tensor) -> tuple[Tensor, ...]:
        """Outputs of the module for (B, ...) inputs, each (B, ...) float32; B may be zero."""
        return self.of_rows(images.contiguous(), len(images), tuple(images.shape[1:]))

    def of_rows(self, rows: Iterable[Tensor], count: int, row_shape: tuple[int, ...]) -> tuple[Tensor, ...]:
        """The same for `count` rows of a shape; each is taken when there is room, and computed while others come."""
        return tuple(map(torch.from_numpy, self._runner(row_shape)(rows, count)))

    @property
    def about(self) -> str:
        """What runs, for people: "OpenVINO 2026.4.1, bfloat16, 2 threads"."""
        version = _openvino().__version__.partition("-")[0]
        plural = "s" if self.threads > 1 else ""
        return f"OpenVINO {version}, {self.precision}, {self.threads} thread{plural}"

    def _runner(self, row_shape: tuple[int, ...]) -> _Runner:
        """What runs inputs of a size; compiled when the size first comes."""
        if row_shape not in self._runners:
            if len(self._runners) == _SIZES_KEPT:
                del self._runners[next(iter(self._runners))]
            try:
                self._runners[row_shape] = _Runner(self._graph, row_shape, self.precision, self.threads)
            except RuntimeError as error:
                raise EngineError(f"OpenVINO cannot compile {self._name}: {error}") from error
        return self._runners[row_shape]


class _Runner:
    """A graph compiled for rows of one size: once with all threads for a row, once with one for each."""

    def __init__(self, graph: Any, row_shape: tuple[int, ...], precision: str, threads: int) -> None:
        graph = graph.clone()
        graph.reshape({0: (1, *row_shape)})
        alone = _compiled(graph, precision, threads, streams=1)
        self._shapes = [tuple(output.shape)[1:] for output in alone.outputs]
        self._alone = alone.create_infer_request()
        self._together = []
        self._threads = threads
        if threads > 1:
            together = _compiled(graph, precision, threads, streams=threads)
            # Two requests a thread: none waits for rows while another's is still computed.
            self._together = [together.create_infer_request() for _ in range(2 * threads)]

    def __call__(self, rows: Iterable[Tensor], count: int) -> list[np.ndarray]:
        outputs = [np.empty((count, *shape), np.float32) for shape in self._shapes]
        # Fewer rows than threads go one by one, and each has all threads.
        requests = self._together if count >= self._threads and self._together else [self._alone]
        # What a request reads lives as long as the request is under way.
        taken = []
        try:
            for number, row in enumerate(rows):
                taken.append(row.contiguous().numpy()[None])
                request = requests[number % len(requests)]
                request.wait()
                _bind(request, taken[-1], outputs, number)
                request.start_async()
        finally:
            for request in requests:
                request.wait()
        return outputs


def _bind(request: Any, row: np.ndarray, outputs: Sequence[np.ndarray], number: int) -> None:
    """Have a request read one row and write one row of every output, without copies."""
    tensor = _openvino().Tensor
    request.set_input_tensor(tensor(row, shared_memory=True))
    for index, output in enumerate(outputs):
        request.set_output_tensor(index, tensor(output[number : number + 1], shared_memory=True))


def _compiled(graph: Any, precision: str, threads: int, streams: int) -> Any:
    settings = {
        "INFERENCE_PRECISION_HINT": _HINTS[precision],
        "INFERENCE_NUM_THREADS": threads,
        "NUM_STREAMS": streams,
        # Which cores a process may use is the user's and the scheduler's to say.
        "ENABLE_CPU_PINNING": False,
    }
    return _openvino().Core().compile_model(graph, "CPU", settings)


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


def _cached_graph(ov: Any, module: nn.Module, example: Tensor) -> Any:
    """The module's graph out of the cache, or made and put there."""
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
    for name, value in module.state_dict().items():
        made.update(name.encode())
        made.update(value.detach().contiguous().view(-1).view(torch.uint8).numpy())
    for file in _code(module):
        made.update(file.read_bytes())
    made.update(str(module).encode())
    return made.hexdigest()


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
    except TypeError:
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
