"""Where the page's frames come from: what every source offers, and the one that live nodes fill."""

from __future__ import annotations

import threading
from collections import OrderedDict
from typing import Protocol

from hdnet_ros.cli.view.scene import tails

KEPT_FRAMES = 120


class Frames(Protocol):
    """Frames by number; `stamps_s` lists a recording's stamps from its start, None: live."""

    title: str
    stamps_s: list[float] | None

    def scene(self, number: int) -> dict | None:
        """The people of a frame with their tails, None where there is no such frame (any more)."""

    def jpeg(self, number: int) -> bytes | None:
        """The picture of a frame, None where there is none."""

    def wait(self, after: int, timeout_s: float) -> int:
        """The newest frame's number, as soon as it is above `after`, or when the time is up."""


class LiveFrames:
    """The latest frames of running nodes; filled from one thread, read from others."""

    stamps_s = None

    def __init__(self, title: str):
        self.title = title
        self._news = threading.Condition()
        self._kept: OrderedDict[int, tuple[dict, bytes | None]] = OrderedDict()
        self._number = -1

    def push(self, scene: dict, jpeg: bytes | None) -> None:
        """Add the newest frame."""
        with self._news:
            self._number += 1
            self._kept[self._number] = (scene, jpeg)
            if len(self._kept) > KEPT_FRAMES:
                self._kept.popitem(last=False)
            self._news.notify_all()

    def scene(self, number: int) -> dict | None:
        with self._news:
            if number not in self._kept:
                return None
            scenes = [scene for kept, (scene, _) in self._kept.items() if kept <= number]
        return scenes[-1] | {"tails": tails(scenes)}

    def jpeg(self, number: int) -> bytes | None:
        with self._news:
            return self._kept.get(number, (None, None))[1]

    def wait(self, after: int, timeout_s: float) -> int:
        with self._news:
            self._news.wait_for(lambda: self._number > after, timeout_s)
            return self._number
