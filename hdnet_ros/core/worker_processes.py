"""Worker processes that end with their parent, however it ends."""

from __future__ import annotations

import multiprocessing
import signal
import threading
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager, suppress


@contextmanager
def worker_pool(
    processes: int, begin: Callable[..., None] | None = None, arguments: tuple = ()
) -> Iterator[ProcessPoolExecutor]:
    """A pool of spawned processes; an error or an interrupt ends them at once.

    Submit with `submit_all`. Not multiprocessing.Pool, which replaces workers that die for ever and
    waits for their answers: this one raises BrokenProcessPool.

    Parameters
    ----------
    processes : how many at most
    begin, arguments : called in each process before its first job
    """
    pool = ProcessPoolExecutor(processes, multiprocessing.get_context("spawn"), begin, arguments)
    try:
        yield pool
    except BaseException:
        for child in multiprocessing.active_children():
            child.terminate()
        # A pool that breaks at this moment closes its pipe first, and that is not what went wrong.
        with suppress(OSError):
            pool.shutdown(wait=False, cancel_futures=True)
        raise
    pool.shutdown()


def submit_all(pool: ProcessPoolExecutor, function: Callable, arguments: Iterable) -> list[Future]:
    """Submit a call for each argument, in order, and have the pool watch every process that it started for that.

    Of a pool that breaks meanwhile, the futures of those submitted before, which tell it.
    """
    futures: list[Future] = []
    with _starting_workers(), suppress(BrokenProcessPool):
        for argument in arguments:
            futures.append(pool.submit(function, argument))
        # It watches those that were there when it was last woken: the end of one that started later would go unseen
        # until somebody else is done.
        if futures:
            pool.submit(_nothing)
    return futures


def _nothing() -> None:
    """What a pool is woken with."""


@contextmanager
def _starting_workers() -> Iterator[None]:
    """While processes are started: let them leave an interrupt to their parent, which ends them without a word."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    handler = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, handler)
