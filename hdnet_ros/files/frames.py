"""Pictures from a file, a folder, a video or a webcam, one interface for all of them."""

import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np

from hdnet_ros.files.picture import MOST_PX, PictureError, check_declared, decode_picture
from hdnet_ros.files.picture_header import PictureHeader, picture_header

IMAGE_SUFFIXES = (".png", ".jpg", ".jpeg", ".bmp", ".ppm", ".pgm", ".tif", ".tiff", ".webp")
FOLDER_RATE_HZ = 10.0


class FrameSourceError(ValueError):
    """The source cannot be opened or read; the message names it and says what would do."""


class Frame(NamedTuple):
    """One picture: its number in the source, its stamp in ns, and (H, W, 3) uint8 RGB."""

    index: int
    stamp_ns: int
    image_rgb: np.ndarray


class FrameSource:
    """Iterate over the frames of a picture, a folder of pictures, a video or a webcam.

    Pixels are as the camera made them, whatever turn EXIF data or a video's metadata ask a viewer
    for: intrinsics belong to the sensor. `orientation` says so where they do.

    Stamps: a video's own presentation times (from 0), a folder at `rate_hz` (from 0),
    a single picture 0, a webcam the wall clock when the frame was grabbed.

    Parameters
    ----------
    path : str or Path
        Picture, folder (its pictures in natural order of name), video, or /dev/video<N>.
    rate_hz : float, optional
        Rate of a folder, which has none of its own (default 10); ignored elsewhere.

    Attributes
    ----------
    orientation : str
        A sentence on the turn that was not made; empty where none is asked for.

    Raises
    ------
    FrameSourceError
        If the path does not exist, holds no pictures, cannot be decoded, or is of enormous frames.
    """

    def __init__(self, path: str | Path, rate_hz: float | None = None):
        self.path = Path(path)
        self.kind = _kind_of(self.path)
        self._pictures: list[Path] = []
        self.orientation = ""
        if self.kind in ("image", "folder"):
            self._pictures = _pictures_in(self.path)
            self.frame_count: int | None = len(self._pictures)
            self.rate_hz: float | None = (rate_hz or FOLDER_RATE_HZ) if self.kind == "folder" else None
            header = _declared(self._pictures[0])
            self.size_wh_px = header.size_wh_px
            self._tell_turn(header.orientation != 1, f"EXIF orientation {header.orientation}")
        else:
            capture = _open_capture(self.path, self.kind)
            self.frame_count = _frame_count(capture) if self.kind == "video" else None
            self.rate_hz = _rate_hz(capture)
            self.size_wh_px = (int(capture.get(cv2.CAP_PROP_FRAME_WIDTH)), int(capture.get(cv2.CAP_PROP_FRAME_HEIGHT)))
            turn_deg = int(capture.get(cv2.CAP_PROP_ORIENTATION_META))
            capture.release()
            self._tell_turn(turn_deg % 360 != 0, f"a rotation by {turn_deg} degrees")
            if self.size_wh_px[0] * self.size_wh_px[1] > MOST_PX:
                width, height = self.size_wh_px
                raise FrameSourceError(f"{self.path}: declares {width} x {height} px, expected at most {MOST_PX // 1_000_000} million px")

    def _tell_turn(self, is_asked: bool, what: str) -> None:
        if is_asked:
            width, height = self.size_wh_px
            self.orientation = (
                f"{self.path} asks viewers for {what}, which is not followed: pixels are {width} x {height} as the camera "
                "made them, and so must be its calibration; turn pictures and calibrate those where people lie on their side"
            )

    def __iter__(self) -> Iterator[Frame]:
        if self.kind in ("image", "folder"):
            return self._iterate_pictures()
        return self._iterate_capture()

    def _iterate_pictures(self) -> Iterator[Frame]:
        step_ns = 1e9 / self.rate_hz if self.rate_hz else 0.0
        for index, picture in enumerate(self._pictures):
            yield Frame(index, round(index * step_ns), _read_picture(picture, self.size_wh_px))

    def _iterate_capture(self) -> Iterator[Frame]:
        capture = _open_capture(self.path, self.kind)
        clock = _StreamClock(self.rate_hz, live=self.kind == "device")
        index = 0
        try:
            while True:
                ok, image_bgr = capture.read()
                if not ok or image_bgr is None:
                    break
                stamp_ns = clock.stamp_ns(index, capture.get(cv2.CAP_PROP_POS_MSEC))
                yield Frame(index, stamp_ns, cv2.cvtColor(image_bgr, cv2.COLOR_BGR2RGB))
                index += 1
        finally:
            capture.release()
        if index == 0:
            raise FrameSourceError(f"{self.path}: opened, but not one frame could be decoded")


class _StreamClock:
    """Strictly increasing stamps from what a decoder says about time."""

    def __init__(self, rate_hz: float | None, live: bool):
        self._step_ns = round(1e9 / (rate_hz or FOLDER_RATE_HZ))
        self._live = live
        self._last_ns = -1

    def stamp_ns(self, index: int, position_ms: float) -> int:
        if self._live:
            stamp = time.time_ns()
        else:
            stamp = round(position_ms * 1e6) if np.isfinite(position_ms) and position_ms >= 0 else 0
        # Some containers carry no times and report 0 (or the same time) for every frame.
        if stamp <= self._last_ns:
            stamp = self._last_ns + self._step_ns
        self._last_ns = stamp
        return stamp


def natural_key(path: Path) -> list[tuple[int, int, str]]:
    """Sort key by which frame_2.png comes before frame_10.png."""
    parts: list[tuple[int, int, str]] = []
    text, digits = "", ""
    for character in path.name + "\0":
        if character.isdecimal():
            digits += character
            continue
        if digits:
            parts += [(0, 0, text), (1, int(digits), "")]
            text, digits = "", ""
        text += character
    return parts + [(0, 0, text)]


def _kind_of(path: Path) -> str:
    if str(path).startswith("/dev/"):
        if not path.exists():
            raise FrameSourceError(f"{path}: no such device; `ls /dev/video*` lists the cameras of this machine")
        return "device"
    if not path.exists():
        raise FrameSourceError(f"{path}: no such file, folder or device")
    if path.is_dir():
        return "folder"
    return "image" if path.suffix.lower() in IMAGE_SUFFIXES else "video"


def _pictures_in(path: Path) -> list[Path]:
    if path.is_file():
        return [path]
    pictures = sorted((p for p in path.iterdir() if _is_picture(p)), key=natural_key)
    if not pictures:
        raise FrameSourceError(f"{path}: no pictures in this folder (looked for {' '.join(IMAGE_SUFFIXES)})")
    return pictures


def _is_picture(path: Path) -> bool:
    # ._name holds what macOS knows beside the bytes of name, on disks that are not its own.
    return path.suffix.lower() in IMAGE_SUFFIXES and not path.name.startswith("._") and path.is_file()


def _declared(path: Path) -> PictureHeader:
    """Return what a picture's first bytes say; one that is enormous is refused."""
    data = _bytes_of(path)
    header = picture_header(data)
    if header is None:
        raise FrameSourceError(f"{path}: not a picture that can be decoded (empty, truncated or another format)")
    try:
        check_declared(header, data, None)
    except PictureError as error:
        raise FrameSourceError(f"{path}: {error}") from None
    return header


def _read_picture(path: Path, size_wh_px: tuple[int, int]) -> np.ndarray:
    try:
        return decode_picture(_bytes_of(path), size_wh_px)
    except PictureError as error:
        raise FrameSourceError(f"{path}: {error}") from None


def _bytes_of(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise FrameSourceError(f"{path}: cannot be read: {error.strerror or error}") from None


def _open_capture(path: Path, kind: str) -> cv2.VideoCapture:
    device = str(path).removeprefix("/dev/video")
    capture = cv2.VideoCapture(int(device) if kind == "device" and device.isdecimal() else str(path))
    if capture.isOpened():
        capture.set(cv2.CAP_PROP_ORIENTATION_AUTO, 0)
        return capture
    capture.release()
    if kind == "device":
        raise FrameSourceError(f"{path}: the camera does not open (in use by another program, or no permission)")
    raise FrameSourceError(f"{path}: neither a picture ({' '.join(IMAGE_SUFFIXES)}) nor a video that OpenCV can decode")


def _frame_count(capture: cv2.VideoCapture) -> int | None:
    count = capture.get(cv2.CAP_PROP_FRAME_COUNT)
    return int(count) if np.isfinite(count) and count > 0 else None


def _rate_hz(capture: cv2.VideoCapture) -> float | None:
    rate = capture.get(cv2.CAP_PROP_FPS)
    return float(rate) if np.isfinite(rate) and 0 < rate < 1000 else None
