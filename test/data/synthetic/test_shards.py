"""Shards written by worker processes of the installed command."""

import os
import signal
import subprocess
import time
from types import SimpleNamespace

import pytest

pytest.importorskip("tqdm", reason="what training needs is not installed (./run learn)")


def test_a_killed_worker_ends_the_command_with_one_sentence(installed, tmp_path):
    command = [installed("hdnet"), "synth", "--out", tmp_path, "--count", "1024", "--workers", "2"]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    try:
        os.kill(_a_worker_that_renders(process), signal.SIGKILL)
        told = process.communicate(timeout=100)[1]
    finally:
        process.kill()
    assert process.returncode == 1 and "Traceback" not in told
    assert told.strip().splitlines()[-1].startswith("Error: a worker process ended before its shard was done")
    assert list(tmp_path.iterdir()) == []


def _a_worker_that_renders(process):
    """Wait for a child that has imported OpenCV: it was given a shard, so it came through its start."""
    until = time.monotonic() + 100.0
    while time.monotonic() < until and process.poll() is None:
        for child in _children(process.pid):
            if _is_worker(child) and _has_opencv(child):
                return child
        time.sleep(0.05)
    raise AssertionError(f"no worker began to render; exit status {process.poll()}")


def _children(parent):
    with open(f"/proc/{parent}/task/{parent}/children") as file:
        return [int(child) for child in file.read().split()]


def _is_worker(pid):
    """Whether a process runs what a pool starts: one that was forked a moment ago still looks like its parent."""
    try:
        with open(f"/proc/{pid}/cmdline") as file:
            return "--multiprocessing-fork" in file.read()
    except OSError:
        return False


def _has_opencv(pid):
    try:
        with open(f"/proc/{pid}/maps") as file:
            return "cv2" in file.read()
    except OSError:
        return False


def test_a_full_disk_leaves_no_half_of_a_shard(tmp_path, monkeypatch):
    import errno

    import numpy as np

    from hdnet_ros.data.synthetic import shards

    def half(file, **arrays):
        file.write(b"half")
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(shards.np, "savez", half)
    monkeypatch.setattr(shards, "_FIELDS", ())
    monkeypatch.setattr(shards, "_nobody_arrays", lambda samples: {})
    camera = SimpleNamespace(K=np.eye(3), size_wh_px=(8, 8), distortion_model="none", distortion=())
    sample = SimpleNamespace(image_rgb=np.zeros((8, 8, 3), np.uint8), people=[], camera=camera, key=(1, 2, "train"))
    with pytest.raises(OSError, match="No space left"):
        shards.save_shard(tmp_path / "shard.npz", [sample])
    assert list(tmp_path.iterdir()) == []
