"""A pool whose worker is killed says so at once, whichever worker it was."""

import multiprocessing
import os
import signal
import time
from concurrent.futures.process import BrokenProcessPool

import pytest

from hdnet_ros.core.worker_processes import submit_all, worker_pool


@pytest.mark.parametrize("attempt", range(6))
def test_the_end_of_the_worker_that_started_last_is_seen(attempt):
    with pytest.raises(BrokenProcessPool), worker_pool(3) as pool:
        futures = submit_all(pool, time.sleep, [60.0] * 3)
        newest = max(child.pid for child in multiprocessing.active_children())
        os.kill(newest, signal.SIGKILL)
        futures[0].result(timeout=20.0)


def test_all_are_answered_in_their_order():
    with worker_pool(2) as pool:
        assert [future.result() for future in submit_all(pool, abs, [-3, 2, -1])] == [3, 2, 1]


def test_nothing_to_do_starts_nobody():
    with worker_pool(2) as pool:
        assert submit_all(pool, abs, []) == []
        assert not multiprocessing.active_children()
