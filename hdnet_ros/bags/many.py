"""Many recordings at once: processes of this machine, or a Ray cluster."""

from __future__ import annotations

import multiprocessing
import os
import queue
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_COMPLETED, wait
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass

from hdnet_ros.bags.answer import BagReport, answer_bag
from hdnet_ros.bags.errors import BagError
from hdnet_ros.bags.settings import BagJob
from hdnet_ros.core.worker_processes import submit_all, worker_pool

Outcome = BagReport | BagError
OnImages = Callable[[int, int, int], None]  # job's number, images so far, images in all
OnOutcome = Callable[[BagJob, Outcome], None]

_POLL_S = 0.2
# A worker that dies (killed, out of memory, its machine gone) is replaced so often.
_RETRIES = 5


@dataclass(frozen=True)
class _Work:
    number: int
    job: BagJob


def answer_in_processes(
    jobs: Sequence[BagJob], processes: int, on_images: OnImages, on_outcome: OnOutcome
) -> None:
    """Answer each job in one of several processes; a recording that fails stops no other.

    Raises
    ------
    BagError : a process was killed; what it had done is kept, and a second run goes on there
    """
    told = multiprocessing.get_context("spawn").Queue()
    with worker_pool(processes, _begin, (told, processes)) as pool:
        works = [_Work(i, job) for i, job in enumerate(jobs)]
        running = dict(zip(submit_all(pool, _answer_one, works), jobs))
        while running:
            done, _ = wait(running, timeout=_POLL_S, return_when=FIRST_COMPLETED)
            _drain(told, on_images)
            for future in done:
                if isinstance(future.exception(), BrokenProcessPool):
                    raise BagError(
                        f"a worker process ended, {len(running)} recordings are not done (killed? out of "
                        "memory? then fewer --jobs); the same command goes on where it stopped"
                    )
                on_outcome(running.pop(future), _outcome(future))


def answer_with_ray(jobs: Sequence[BagJob], address: str, on_outcome: OnOutcome) -> None:
    """Answer each job on a Ray cluster whose machines see the same files under the same paths.

    A worker that dies is replaced, and its job goes on from its journal; a job that ran twice
    because its machine was thought dead is written once, for the second run finds it done or
    locked.

    Parameters
    ----------
    address : of the cluster, "auto" or "local"

    Raises
    ------
    BagError : Ray is not installed, or the cluster does not answer
    """
    try:
        import ray
    except ImportError as error:
        raise BagError("--ray needs the Python package ray (pip install ray)") from error
    try:
        ray.init(address=address, ignore_reinit_error=True, log_to_driver=False)
    except (ConnectionError, ValueError, RuntimeError) as error:
        raise BagError(f"Ray at {address}: {error}") from error
    gpus = 1.0 if ray.cluster_resources().get("GPU") else 0.0
    remote = ray.remote(num_cpus=1, num_gpus=gpus, max_retries=_RETRIES)(_answer_on_cluster)
    running = {remote.remote(job): job for job in jobs}
    while running:
        (done, *_), _ = ray.wait(list(running), num_returns=1)
        job = running.pop(done)
        try:
            on_outcome(job, ray.get(done))
        except ray.exceptions.RayError as error:
            on_outcome(job, BagError(f"{job.source}: {error}"))


def _answer_on_cluster(job: BagJob) -> Outcome:
    """Return a failure instead of raising it: the same input would fail again."""
    try:
        return answer_bag(job)
    except BagError as error:
        return error


_told = None


def _begin(told, processes: int) -> None:
    """Set a worker process up: where it reports to, and its share of the cores."""
    global _told
    _told = told
    # Read when PyTorch is imported, which only the network needs.
    os.environ.setdefault("OMP_NUM_THREADS", str(max(1, (os.cpu_count() or 1) // processes)))


def _answer_one(work: _Work) -> BagReport:
    return answer_bag(work.job, lambda done, total: _told.put((work.number, done, total)))


def _outcome(future) -> Outcome:
    try:
        return future.result()
    except BagError as error:
        return error
    except Exception as error:  # one recording must not end the others
        return BagError(f"{type(error).__name__}: {error}; run it again: what is done is kept")


def _drain(told, on_images: OnImages) -> None:
    while True:
        try:
            on_images(*told.get_nowait())
        except queue.Empty:
            return
