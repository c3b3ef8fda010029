"""Networks run by OpenVINO: made from a PyTorch module once, kept in a cache, on threads that sleep when they wait.

PyTorch's threads spin for one another inside every layer; beside another busy process that costs
fifty times what the network costs. OpenVINO's do not, and its kernels take half the time.
"""

from __future__ import annotations

import os
import platform
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from hdnet_ros.model.openvino_graphs import EngineError, cached_graph, load_openvino

_HINTS = {"float32": "f32", "bfloat16": "bf16"}
PRECISIONS = tuple(_HINTS)
# Sizes of inputs that stay compiled; a camera has one or two.
_SIZES_KEPT = 8


class OpenVinoModule:
    """A module's function of a batch, compiled for the CPU.

    One image a request: a crowd keeps every thread busy with an image of its own, so that no
    thread waits for another inside a layer, and one person gets all threads. What an image gives
    does not depend on what came with it. For one caller at a time.

    Parameters
    ----------
    module : in eval mode; its forward takes one tensor (B, ...) and returns one or a tuple of them
    example : (1, ...) input that the graph is traced with; other sizes of it may come
    precision : "float32" or "bfloat16"
    threads : 0 takes `inference_threads`
    parts : modules of the same input whose outputs, one after the other, are the module's; images for which
        there are threads enough are computed part by part at the same time

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
        parts: Sequence[nn.Module] = (),
    ) -> None:
        if precision not in PRECISIONS:
            raise ValueError(f"precision is {precision!r}, expected one of {', '.join(PRECISIONS)}")
        self.precision = precision
        self.threads = threads or inference_threads()
        self._name = type(module).__name__
        self._runners: dict[tuple[int, ...], _Runner] = {}
        try:
            self._graph = cached_graph(module, example)
            self._parts = [cached_graph(part, example) for part in parts] if self.threads > 1 else []
        except EngineError:
            raise
        except RuntimeError as error:
            raise EngineError(f"OpenVINO cannot convert {self._name}: {error}") from error
        self._runner(tuple(example.shape[1:]))

    def __call__(self, images: Tensor) -> tuple[Tensor, ...]:
        """Outputs of the module for (B, ...) inputs, each (B, ...) float32; B may be zero."""
        return self.of_rows(images.contiguous(), len(images), tuple(images.shape[1:]))

    def of_rows(self, rows: Iterable[Tensor], count: int, row_shape: tuple[int, ...]) -> tuple[Tensor, ...]:
        """The same for `count` rows of a shape; each is taken when there is room, and computed while others come."""
        return _tensors(self._runner(row_shape).compute(rows, count))

    def start(self, images: Tensor) -> Callable[[], tuple[Tensor, ...]]:
        """Begin with images (B, ...), a thread each; what is returned waits for their outputs.

        Images of several sizes may be under way at a time.
        """
        runner = self._runner(tuple(images.shape[1:]))
        outputs = runner.together.outputs(len(images))
        for number, row in enumerate(images):
            runner.together.start(row, outputs, number)

        def wait() -> tuple[Tensor, ...]:
            runner.together.wait()
            return _tensors(outputs)

        return wait

    @property
    def about(self) -> str:
        """What runs, for people: "OpenVINO 2026.4.1, bfloat16, 2 threads"."""
        version = load_openvino().__version__.partition("-")[0]
        plural = "s" if self.threads > 1 else ""
        return f"OpenVINO {version}, {self.precision}, {self.threads} thread{plural}"

    def _runner(self, row_shape: tuple[int, ...]) -> _Runner:
        """What runs inputs of a size; compiled when the size first comes."""
        if row_shape not in self._runners:
            if len(self._runners) == _SIZES_KEPT:
                del self._runners[next(iter(self._runners))]
            graphs = []
            for graph in (self._graph, *self._parts):
                graphs.append(graph.clone())
                graphs[-1].reshape({0: (1, *row_shape)})
            try:
                self._runners[row_shape] = _Runner(graphs[0], graphs[1:], self.precision, self.threads)
            except RuntimeError as error:
                raise EngineError(f"OpenVINO cannot compile {self._name}: {error}") from error
        return self._runners[row_shape]


class _Runner:
    """A graph compiled for rows of one size: with a thread for each row, and for a row that has all threads."""

    def __init__(self, graph: Any, parts: Sequence[Any], precision: str, threads: int) -> None:
        # Two requests a thread: none waits for rows while another's is still computed.
        self.together = _Requests(_compiled(graph, precision, threads, threads), 2 * threads if threads > 1 else 1)
        self._threads = threads
        self._alone = [self.together]
        if parts:
            self._alone = [_Requests(_compiled(part, precision, threads, threads), threads) for part in parts]
        elif threads > 1:
            self._alone = [_Requests(_compiled(graph, precision, threads, 1), 1)]

    def compute(self, rows: Iterable[Tensor], count: int) -> list[np.ndarray]:
        """Outputs of `count` rows: as many as there are threads at a time, or so few that each has more than one."""
        together = 2 * count > self._threads
        outputs = self.together.outputs(count)
        try:
            for number, row in enumerate(rows):
                first = 0
                for part in [self.together] if together else self._alone:
                    part.start(row, outputs[first:], number)
                    first += part.output_count
        finally:
            for requests in (self.together, *self._alone):
                requests.wait()
        return outputs


class _Requests:
    """Requests of a compiled graph, each for one row, taken in turns."""

    def __init__(self, compiled: Any, count: int) -> None:
        self._shapes = [tuple(output.shape)[1:] for output in compiled.outputs]
        self._requests = [compiled.create_infer_request() for _ in range(count)]
        # What a request reads lives as long as the request is under way.
        self._rows: list[Any] = [None] * count
        self._next = 0

    @property
    def output_count(self) -> int:
        return len(self._shapes)

    def outputs(self, count: int) -> list[np.ndarray]:
        """Room for the outputs of so many rows."""
        return [np.empty((count, *shape), np.float32) for shape in self._shapes]

    def start(self, row: Tensor, outputs: Sequence[np.ndarray], number: int) -> None:
        """Begin with a row, of which row `number` of the outputs is written; no copies."""
        request, tensor = self._requests[self._next], load_openvino().Tensor
        request.wait()
        self._rows[self._next] = array = row.contiguous().numpy()[None]
        self._next = (self._next + 1) % len(self._requests)
        request.set_input_tensor(tensor(array, shared_memory=True))
        for index, output in zip(range(self.output_count), outputs):
            request.set_output_tensor(index, tensor(output[number : number + 1], shared_memory=True))
        request.start_async()

    def wait(self) -> None:
        """Until no request is under way."""
        for request in self._requests:
            request.wait()


def _tensors(outputs: Sequence[np.ndarray]) -> tuple[Tensor, ...]:
    return tuple(map(torch.from_numpy, outputs))


def _compiled(graph: Any, precision: str, threads: int, streams: int) -> Any:
    settings = {
        "INFERENCE_PRECISION_HINT": _HINTS[precision],
        "INFERENCE_NUM_THREADS": threads,
        "NUM_STREAMS": streams,
        # Which cores a process may use is the user's and the scheduler's to say.
        "ENABLE_CPU_PINNING": False,
    }
    return load_openvino().Core().compile_model(graph, "CPU", settings)


def is_available() -> bool:
    """Whether OpenVINO is installed, and this is a processor that it is made for."""
    try:
        load_openvino()
    except EngineError:
        return False
    return platform.machine().lower() in ("x86_64", "amd64")


def has_bfloat16() -> bool:
    """Whether OpenVINO finds instructions for bfloat16 here."""
    return "BF16" in load_openvino().Core().get_property("CPU", "OPTIMIZATION_CAPABILITIES")


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
