"""A rosbag2 that appears under its name when it is complete, and not before."""

from __future__ import annotations

import contextlib
import shutil
from pathlib import Path
from typing import Any

from rosbags.interfaces import (
    Qos,
    QosDurability,
    QosHistory,
    QosLiveliness,
    QosReliability,
    QosTime,
)
from rosbags.rosbag2 import StoragePlugin, Writer

from hdnet_ros.messages.plain_messages import to_cdr, type_name, typestore

STORAGES = {"mcap": StoragePlugin.MCAP, "sqlite3": StoragePlugin.SQLITE3}
# The newest version of rosbag2's metadata that Humble reads as well.
_METADATA_VERSION = 8
_FOREVER = QosTime(sec=9223372036, nsec=854775807)
# `ros2 bag play` must latch /tf_static, or who comes late never sees it.
_LATCHED = Qos(
    QosHistory.KEEP_LAST, 1, QosReliability.RELIABLE, QosDurability.TRANSIENT_LOCAL, _FOREVER,
    _FOREVER, QosLiveliness.AUTOMATIC, _FOREVER, False,
)  # fmt: skip


class OutputBag:
    """Write messages into a folder beside the target; `finish` gives it its name.

    Parameters
    ----------
    target : folder of the bag
    storage : one of `STORAGES`
    notes : texts kept in the bag's metadata, read by `BagSource.note`
    """

    def __init__(self, target: Path, storage: str, notes: dict[str, str] | None = None):
        self.target = target
        # rosbag2's file takes the name of its folder.
        self._folder = partial_folder(target)
        if self._folder.exists():
            shutil.rmtree(self._folder)
        self._folder.mkdir(parents=True)
        self._writer = Writer(
            self._folder / target.name, version=_METADATA_VERSION, storage_plugin=STORAGES[storage]
        )
        for key, value in (notes or {}).items():
            self._writer.set_custom_data(key, value)
        self._writer.open()
        self._connections: dict[str, Any] = {}

    def write(self, time_ns: int, topic: str, message: Any) -> None:
        """Add one message, ROS's own or plain."""
        self.declare(topic, type(message))
        self._writer.write(self._connections[topic], time_ns, to_cdr(message))

    def declare(self, topic: str, kind: type) -> None:
        """Name a topic, so that it is in the bag even without messages."""
        if topic not in self._connections:
            self._connections[topic] = self._writer.add_connection(
                topic,
                type_name(kind),
                typestore=typestore(),
                offered_qos_profiles=[_LATCHED] if topic == "/tf_static" else [],
            )

    def finish(self) -> None:
        """Complete the bag; it replaces an old one of its name."""
        self._writer.close()
        if self.target.exists():
            shutil.rmtree(self.target)
        (self._folder / self.target.name).rename(self.target)
        self._folder.rmdir()

    def abandon(self) -> None:
        """Drop what was written."""
        # A disk that is full is full for the end of the file as well.
        with contextlib.suppress(Exception):
            self._writer.abort()
        shutil.rmtree(self._folder, ignore_errors=True)


def partial_folder(target: Path) -> Path:
    """Return where a bag lies until it is complete."""
    return target.parent / f".{target.name}.partial"


def would_delete(target: Path, recording: Path) -> bool:
    """Say whether a bag written to a target takes the place of a recording, or of a folder above it.

    Links are followed, also those of the files in the recording's folder.
    """
    replaced = {_identity(target), _identity(partial_folder(target))} - {None}
    if not replaced or not recording.exists():
        return False
    files = recording.iterdir() if recording.is_dir() else ()
    kept = [path.resolve() for path in (recording, *files)]
    return any(_identity(place) in replaced for path in kept for place in (path, *path.parents))


def _identity(path: Path) -> tuple[int, int] | None:
    """Return what all names of a file or folder have in common; None where nothing is there."""
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_dev, found.st_ino
