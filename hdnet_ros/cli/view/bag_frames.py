"""The frames of a bag: every PersonRootArray in it, with the picture and the tracks of its stamp."""

from __future__ import annotations

import threading
from bisect import bisect_left
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from rosbags.highlevel import AnyReader

from hdnet_ros.bags.transforms import TransformTree
from hdnet_ros.messages.images import ImageDecoder
from hdnet_ros.messages.plain_messages import typestore
from hdnet_ros.cli.view.pictures import jpeg_of
from hdnet_ros.cli.view.scene import TAIL_S, scene, stamp_ns, tails

_PERSONS = "hdnet_ros/msg/PersonRootArray"
_TRACKS = "hdnet_ros/msg/PersonTrackArray"
_INFO = "sensor_msgs/msg/CameraInfo"
_IMAGES = ("sensor_msgs/msg/Image", "sensor_msgs/msg/CompressedImage")
_NO_CAMERA = ("/overlay", "/compressedDepth")
# A picture is recorded before the people in it, seldom by more than this.
_EARLIER_NS = 3_000_000_000
_LATER_NS = 500_000_000


class BagFrames:
    """A rosbag2 (MCAP, sqlite3) in which the node's persons were recorded.

    People and tracks stay in memory as they were stored; pictures are read when asked for.

    Parameters
    ----------
    path : folder of the bag, or its .mcap or .db3
    persons_topic, image_topic : which, where a bag has several; empty: the one with most messages

    Raises
    ------
    ValueError : not a bag, or one without persons, or without the topic that was named
    """

    def __init__(self, path: str | Path, persons_topic: str = "", image_topic: str = ""):
        self.title = Path(path).resolve().name
        self._lock = threading.Lock()
        self._reader = _opened(Path(path))
        self._decoder = ImageDecoder()
        self._persons_topic = self._choose((_PERSONS,), persons_topic, path)
        if not self._persons_topic:
            raise ValueError(f"{path}: no people in it ({_PERSONS}); `hdnet bag IN OUT` adds them")
        self._image_topic = self._choose(_IMAGES, image_topic, path)
        self._read_all()

    def close(self) -> None:
        self._reader.close()

    def scene(self, number: int) -> dict | None:
        if not 0 <= number < len(self._persons):
            return None
        first = bisect_left(self.stamps_s, self.stamps_s[number] - TAIL_S)
        scenes = [self._scene(n) for n in range(first, number + 1)]
        return scenes[-1] | {"tails": tails(scenes)}

    def jpeg(self, number: int) -> bytes | None:
        if not 0 <= number < len(self._persons) or not self._image_topic:
            return None
        with self._lock:
            message = self._image_of(*self._persons[number][:2])
        return None if message is None else jpeg_of(message, self._decoder)

    def wait(self, after: int, timeout_s: float) -> int:
        return len(self._persons) - 1

    def _choose(self, kinds: tuple[str, ...], wanted: str, path) -> str:
        topics = {c.topic: c for c in self._reader.connections if c.msgtype in kinds}
        if wanted and wanted not in topics:
            there = ", ".join(sorted(topics)) or "none"
            raise ValueError(f"{path}: no topic {wanted} of type {' or '.join(kinds)}; there are: {there}")
        usable = sorted(t for t in topics if not t.endswith(_NO_CAMERA))
        return wanted or max(usable, key=lambda topic: topics[topic].msgcount, default="")

    def _read_all(self) -> None:
        """Keep persons and tracks as stored, TF as a tree, and the first CameraInfo."""
        persons, self._tracks, moving, fixed = [], {}, [], []
        for connection, time_ns, data in self._messages({_PERSONS, _TRACKS, "tf2_msgs/msg/TFMessage"}):
            if connection.topic == self._persons_topic:
                persons.append((_stamp_of(data), time_ns, data, connection.msgtype))
            elif connection.msgtype == _TRACKS and self._persons_topic.startswith(_folder(connection.topic)):
                self._tracks[_stamp_of(data)] = (data, connection.msgtype)
            elif connection.msgtype.startswith("tf"):
                kept = fixed if connection.topic.endswith("tf_static") else moving
                kept += self._reader.deserialize(data, connection.msgtype).transforms
        self._persons = sorted(persons, key=lambda entry: entry[0])
        start_ns = self._persons[0][0] if self._persons else 0
        self.stamps_s = [(stamp - start_ns) * 1e-9 for stamp, *_ in self._persons]
        self._tree = TransformTree(moving, fixed)
        self._recorded_ns: dict[int, int] = {}
        self._info = self._first_info()

    def _messages(self, types: set[str], **between) -> Iterator[tuple]:
        chosen = [c for c in self._reader.connections if c.msgtype in types]
        return self._reader.messages(connections=chosen, **between) if chosen else iter(())

    def _first_info(self) -> Any | None:
        infos = [c for c in self._reader.connections if c.msgtype == _INFO]
        infos = [c for c in infos if _folder(c.topic) == _folder(self._image_topic)] or infos
        found = next(iter(self._reader.messages(connections=infos[:1])), None) if infos else None
        if found is None:
            return None
        info = self._reader.deserialize(found[2], _INFO)
        return _Info(info.K if hasattr(info, "K") else info.k, info.width)

    @lru_cache(maxsize=1024)  # noqa: B019  (one source lives as long as the process)
    def _scene(self, number: int) -> dict:
        with self._lock:
            stamp, _, data, kind = self._persons[number]
            persons = self._reader.deserialize(data, kind)
            stored = self._tracks.get(stamp)
            tracks = None if stored is None else self._reader.deserialize(*stored)
        return scene(persons, tracks, self._camera_to(tracks, persons), self._info)

    def _camera_to(self, tracks: Any | None, persons: Any) -> np.ndarray | None:
        if tracks is None:
            return None
        return self._tree(stamp_ns(persons), persons.header.frame_id, tracks.header.frame_id)

    def _image_of(self, stamp: int, persons_time_ns: int) -> Any | None:
        """The picture of a stamp; times at which pictures were recorded are remembered on the way."""
        known = self._recorded_ns.get(stamp)
        start, stop = (known, known + 1) if known else (persons_time_ns - _EARLIER_NS, persons_time_ns + _LATER_NS)
        chosen = [c for c in self._reader.connections if c.topic == self._image_topic]
        for connection, time_ns, data in self._reader.messages(connections=chosen, start=start, stop=stop):
            self._recorded_ns[_stamp_of(data)] = time_ns
            if _stamp_of(data) == stamp:
                return self._reader.deserialize(data, connection.msgtype)
        return None


class _Info:
    def __init__(self, k, width: int):
        self.k, self.width = k, width


def _stamp_of(data: bytes) -> int:
    """The header's stamp in ns of a stored message that begins with one, without decoding the rest."""
    order = "little" if data[1] & 1 else "big"
    seconds, nanoseconds = (int.from_bytes(bytes(data[at : at + 4]), order) for at in (4, 8))
    return seconds * 1_000_000_000 + nanoseconds


def _folder(topic: str) -> str:
    """The namespace with the slash after it; of several cameras' node, tracks are in that of the node."""
    return topic.removesuffix("/compressed").rpartition("/")[0] + "/"


def _opened(path: Path) -> AnyReader:
    if not path.exists():
        raise ValueError(f"{path}: no such bag")
    try:
        reader = AnyReader([path], default_typestore=typestore())
        reader.open()
    except Exception as error:  # storages raise what they like on foreign files
        raise ValueError(f"{path}: cannot be read as a bag: {error or type(error).__name__}") from error
    return reader
