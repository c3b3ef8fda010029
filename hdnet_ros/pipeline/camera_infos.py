"""Which camera info belongs to an image: that of its stamp, of its frame, of its size; nothing of ROS."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Hashable
from typing import Any, NamedTuple

# Of a camera; ten seconds at 30 Hz, longer than boxes take to come.
KEPT = 300
# Frames and sizes told apart on one topic; more is somebody's mistake, and must not take memory.
CAMERAS_KEPT = 16

Camera = tuple[str, tuple[int, int]]  # frame, size


class Offered(NamedTuple):
    """A camera info with its stamp."""

    stamp_ns: int
    info: Any


class CameraInfos:
    """The camera infos of late, or all of a recording.

    Of those of the image's frame and size the one with the image's stamp is its own, else the nearest
    within the slop, else the newest that is not after the image: a camera that zooms says so when it
    does. Infos of another frame or size are another camera's; only where nothing else ever came, or one
    has the image's stamp and frame, are they given out, to be named by whoever uses them. One without a
    stamp holds until the next.

    Parameters
    ----------
    slop_ns : largest difference of stamps that still counts as the same moment
    kept : how many of a camera; None: all
    content : of an info, all but its header; of equal ones only the first is kept in memory
    """

    def __init__(self, slop_ns: int, kept: int | None = KEPT, content: Callable[[Any], Hashable] = id):
        self._slop_ns = slop_ns
        self._kept = kept
        self._content = content
        self._last: tuple[Hashable, Any] = (None, None)
        # The camera whose info came last stands last.
        self._by_camera: dict[Camera, list[Offered]] = {}
        self._come_with_images = False

    def __bool__(self) -> bool:
        return bool(self._by_camera)

    def offer(self, stamp_ns: int, frame: str, size_wh_px: tuple[int, int], info: Any) -> None:
        """Keep an info; of one stamp the last counts."""
        content = self._content(info)
        if content != self._last[0]:
            self._last = (content, info)
        camera = (frame, (size_wh_px[0], size_wh_px[1]))
        infos = self._by_camera[camera] = self._by_camera.pop(camera, [])
        place = bisect_left(infos, stamp_ns, key=_stamp)
        infos[place : bisect_right(infos, stamp_ns, key=_stamp)] = [Offered(stamp_ns, self._last[1])]
        if self._kept is not None:
            del infos[: -self._kept]
        while len(self._by_camera) > CAMERAS_KEPT:
            del self._by_camera[next(iter(self._by_camera))]

    def of_image(self, stamp_ns: int, frame: str, size_wh_px: tuple[int, int] | None) -> Any | None:
        """Return the info of an image, None where none has come.

        Parameters
        ----------
        stamp_ns : 0 or less: not known, the newest counts
        frame : empty: not known
        size_wh_px : None: not known
        """
        infos = self._of_camera(stamp_ns, frame, size_wh_px)
        if not infos:
            return None
        if stamp_ns <= 0 or infos[-1].stamp_ns <= 0:
            return infos[-1].info
        nearest = _nearest(infos, stamp_ns)
        self._come_with_images = self._come_with_images or nearest.stamp_ns == stamp_ns
        if abs(nearest.stamp_ns - stamp_ns) <= self._slop_ns:
            return nearest.info
        before = bisect_right(infos, stamp_ns, key=_stamp)
        return infos[max(0, before - 1)].info

    def may_come(self, stamp_ns: int, frame: str, size_wh_px: tuple[int, int] | None) -> bool:
        """Say whether the image's own info is still on its way: such ones came, and this one's has not."""
        infos = self._of_camera(stamp_ns, frame, size_wh_px)
        if not infos:
            return True
        return self._come_with_images and 0 < infos[-1].stamp_ns < stamp_ns

    def stop_waiting(self) -> None:
        """Take no image's own info for late any more, until one comes with its image again."""
        self._come_with_images = False

    def _of_camera(self, stamp_ns: int, frame: str, size_wh_px: tuple[int, int] | None) -> list[Offered]:
        """Return the infos of the camera that fits best, of several that of the newest info."""
        newest_first = list(reversed(self._by_camera))
        sized = [camera for camera in newest_first if size_wh_px in (None, camera[1])]
        own = [c for c in newest_first if _nearest(self._by_camera[c], stamp_ns).stamp_ns == stamp_ns > 0]
        sized_own = [camera for camera in sized if camera in own]
        of_frame, of_none, of_any = lambda its: its == frame != "", lambda its: not its, lambda its: True
        for candidates, fits in (
            (sized_own, of_frame), (own, of_frame), (sized, of_frame), (sized, of_none), (sized, of_any),
            (newest_first, of_frame), (newest_first, of_any),
        ):  # fmt: skip
            for camera in candidates:
                if fits(camera[0]):
                    return self._by_camera[camera]
        return []


def _stamp(offered: Offered) -> int:
    return offered.stamp_ns


def _nearest(infos: list[Offered], stamp_ns: int) -> Offered:
    place = bisect_left(infos, stamp_ns, key=_stamp)
    near = infos[max(0, place - 1) : place + 1]
    return min(near, key=lambda offered: abs(offered.stamp_ns - stamp_ns))
