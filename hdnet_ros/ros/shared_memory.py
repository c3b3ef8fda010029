"""Shared memory that a killed process left behind: Fast DDS's segments in /dev/shm, 33 MB each with our profile."""

from __future__ import annotations

import fcntl
import os
import re
import time
from pathlib import Path

FOLDER = Path("/dev/shm")
# A segment, and a port on which a participant listens, each with the file that its owner keeps locked.
_LOCK = re.compile(r"fastrtps_(?:[0-9a-f]{16}|port\d{1,6})_el")
# Between making a lock file and locking it a participant needs less.
_YOUNG_S = 10.0


def remove_stale_segments(folder: Path = FOLDER) -> int:
    """Remove segments of the own user that nobody holds any more; return their bytes.

    The kernel frees the lock of a process that dies, which is how Fast DDS's own tool (`fastdds shm clean`)
    tells them, too. One that cannot be looked at stays.
    """
    freed = 0
    for lock in folder.glob("fastrtps_*_el") if folder.is_dir() else ():
        try:
            if _LOCK.fullmatch(lock.name) and _is_old_and_own(lock):
                freed += _remove(lock)
        except OSError:
            continue
    return freed


def _is_old_and_own(path: Path) -> bool:
    found = path.lstat()
    return found.st_uid == os.getuid() and time.time() - found.st_mtime > _YOUNG_S


def _remove(lock: Path) -> int:
    """Remove what a lock stands for where it can be taken; return the bytes freed."""
    segment = lock.with_name(lock.name.removesuffix("_el"))
    # Readers of a port that outlive its listener share this one.
    shared = lock.with_name(f"{segment.name}_sl")
    with open(lock, "rb") as held:
        fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if shared.exists():
            with open(shared, "rb") as other:
                fcntl.flock(other, fcntl.LOCK_EX | fcntl.LOCK_NB)
        size = segment.stat().st_size if segment.exists() else 0
        for path in (segment, shared, lock):
            path.unlink(missing_ok=True)
    return size
