"""A rosbag2 MCAP bag written and read without rosbag2, message definitions included."""

from __future__ import annotations

import queue
import shutil
import threading
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from rosbags.highlevel import AnyReader
from rosbags.rosbag2 import StoragePlugin, Writer

from hdnet_ros.messages.plain_messages import typestore


class BagError(RuntimeError):
    """The bag cannot be written or read; the message names what is missing."""


class BagWriter:
    """Write serialized messages from any thread; one thread of its own compresses and stores.

    Parameters
    ----------
    folder : the bag, as `ros2 bag` makes it: metadata.yaml and one .mcap; an old one is replaced

    Raises
    ------
    FileNotFoundError : message definitions are missing
    """

    def __init__(self, folder: str | Path):
        self.folder = Path(folder)
        self._store = typestore()
        if self.folder.exists():
            shutil.rmtree(self.folder)
        self._queue: queue.Queue = queue.Queue()
        self._writer = Writer(self.folder, version=9, storage_plugin=StoragePlugin.MCAP)
        self._writer.open()
        self._connections: dict[str, object] = {}
        self._error: BaseException | None = None
        self._worker = threading.Thread(target=self._work, name="bag_writer", daemon=True)
        self._worker.start()

    def write(self, topic: str, type_name: str, stamp_ns: int, cdr: bytes) -> None:
        """Queue one message; `stamp_ns` is when it was received."""
        self._queue.put((topic, type_name, stamp_ns, cdr))

    def close(self) -> None:
        """Store what is queued and end the bag; raises what writing raised."""
        self._queue.put(None)
        self._worker.join()
        self._writer.close()
        if self._error is not None:
            raise BagError(f"{self.folder}: {self._error}") from self._error

    def _work(self) -> None:
        while (item := self._queue.get()) is not None:
            if self._error is None:
                try:
                    self._store_one(*item)
                except Exception as error:  # noqa: BLE001  (told by close)
                    self._error = error

    def _store_one(self, topic: str, type_name: str, stamp_ns: int, cdr: bytes) -> None:
        if topic not in self._connections:
            self._connections[topic] = self._writer.add_connection(
                topic, type_name, typestore=self._store
            )
        self._writer.write(self._connections[topic], stamp_ns, cdr)


def read_images(folder: str | Path, topic: str) -> Iterator[tuple[int, np.ndarray]]:
    """Yield (header stamp in ns, (H, W, 3) uint8 RGB) of the rgb8 images of a bag."""
    with AnyReader([Path(folder)], default_typestore=typestore()) as reader:
        connections = [c for c in reader.connections if c.topic == topic]
        for connection, _, cdr in reader.messages(connections=connections):
            message = reader.deserialize(cdr, connection.msgtype)
            stamp_ns = message.header.stamp.sec * 1_000_000_000 + message.header.stamp.nanosec
            if message.encoding != "rgb8":
                raise BagError(f"{topic} is encoded as {message.encoding}, expected rgb8")
            rows = message.data.reshape(message.height, message.step)[:, : 3 * message.width]
            yield stamp_ns, rows.reshape(message.height, message.width, 3)


def count_messages(folder: str | Path) -> dict[str, int]:
    """Return how many messages of each topic a bag holds."""
    with AnyReader([Path(folder)], default_typestore=typestore()) as reader:
        return {topic: info.msgcount for topic, info in reader.topics.items()}
