"""Pictures of any format to RGB bytes: the same for a message, a bag and a file.

Pixels are as the camera made them: an orientation in EXIF data is not followed, for intrinsics
belong to the sensor. Samples of more than 8 bits are brought to 8 by as many bits as they use.
"""

from __future__ import annotations

import contextlib
import os
import re
import tempfile
import threading
from collections.abc import Iterator

import cv2
import numpy as np

from hdnet_ros.files.picture_header import MOST_JPEG_SCANS, PictureHeader, jpeg_scans, picture_header

# Three times the pixels of the largest sensors that look at people; 300 MB as RGB.
MOST_PX = 100_000_000
# OpenCV names a Bayer pattern by its second row, ROS by its first.
BAYER_TO_RGB = {
    "bayer_rggb": cv2.COLOR_BayerBG2RGB,
    "bayer_bggr": cv2.COLOR_BayerRG2RGB,
    "bayer_gbrg": cv2.COLOR_BayerGR2RGB,
    "bayer_grbg": cv2.COLOR_BayerGB2RGB,
}
# Bits that cameras digitise with; samples of 10 come in words of 16.
_SAMPLE_BITS = (8, 10, 12, 14, 16)
# libjpeg goes on after these with grey or smeared blocks. A few bytes too many before a marker are what
# USB cameras pad their frames with; those pictures are whole.
_HAS_GAPS = re.compile(r"(?:Corrupt JPEG data: (?!(?:\d|1[0-6]) extraneous)|Premature end of JPEG)[^\n]*")
_STDERR = threading.Lock()


class PictureError(ValueError):
    """Bytes that are no picture, or one that is not to be decoded; says which and why."""


def decode_picture(
    data: bytes, size_wh_px: tuple[int, int] | None = None, mosaic: str = "", swapped: bool = False
) -> np.ndarray:
    """Return the (H, W, 3) uint8 RGB pixels of a JPEG, PNG, BMP, PNM, TIFF or WebP.

    Parameters
    ----------
    data : the whole file
    size_wh_px : what the camera's pictures have; another declared size is refused before decoding
    mosaic : "bayer_rggb" and so on where the picture is a sensor's mosaic in one channel
    swapped : red and blue were exchanged when it was encoded

    Raises
    ------
    PictureError : no picture, one of another or of an enormous size, or one with missing data
    """
    header = picture_header(data)
    if header is None:
        raise PictureError(f"{len(data)} bytes are not a picture (JPEG, PNG, BMP, PNM, TIFF or WebP)")
    check_declared(header, data, size_wh_px)
    flags = cv2.IMREAD_UNCHANGED if mosaic else cv2.IMREAD_COLOR | cv2.IMREAD_ANYDEPTH
    flags |= cv2.IMREAD_IGNORE_ORIENTATION
    with _quiet() as said:
        try:
            pixels = cv2.imdecode(np.frombuffer(data, dtype=np.uint8), flags)
        except cv2.error as error:
            raise PictureError(f"{header.kind} of {len(data)} bytes cannot be decoded: {_cut(str(error))}") from None
    if pixels is None:
        why = f": {_cut(said[0])}" if any(said) else " (cut off?)"
        raise PictureError(f"{header.kind} of {len(data)} bytes cannot be decoded{why}")
    gap = _HAS_GAPS.search("".join(said))
    if gap:
        raise PictureError(f"{header.kind} of {len(data)} bytes has missing data: {_cut(gap.group())}")
    pixels = eight_bits(pixels)
    if mosaic and pixels.ndim == 2:
        return cv2.cvtColor(pixels, BAYER_TO_RGB[mosaic])
    if pixels.ndim == 3 and pixels.shape[2] == 4:
        pixels = np.ascontiguousarray(pixels[..., :3])
    return pixels if swapped else cv2.cvtColor(pixels, cv2.COLOR_BGR2RGB, dst=pixels)


def check_declared(header: PictureHeader, data: bytes, size_wh_px: tuple[int, int] | None) -> None:
    """Raise a PictureError where what is declared is another size, beyond reason, or not there."""
    width, height = header.size_wh_px
    if size_wh_px is not None and (width, height) != tuple(size_wh_px):
        raise PictureError(
            f"{header.kind} declares {width} x {height} px, expected {size_wh_px[0]} x {size_wh_px[1]} px"
        )
    if width < 1 or height < 1 or width * height > MOST_PX:
        raise PictureError(
            f"{header.kind} of {len(data)} bytes declares {width} x {height} px, "
            f"expected 1 to {MOST_PX // 1_000_000} million px"
        )
    if not header.is_whole:
        raise PictureError(f"{header.kind} of {len(data)} bytes declares more than it holds (cut off?)")
    if header.kind == "JPEG" and jpeg_scans(data) > MOST_JPEG_SCANS:
        raise PictureError(f"JPEG of {jpeg_scans(data)} scans, expected at most {MOST_JPEG_SCANS}")


def eight_bits(pixels: np.ndarray) -> np.ndarray:
    """Return uint8 of uint8 or uint16 samples (any shape), whose lower or all 16 bits a camera uses.

    How many it uses shows in the brightest sample: 10, 12 or 14 bits taken for 16 would be nearly
    black. Every image is judged alone, so that a broken one darkens no other.

    Raises
    ------
    PictureError : another type of sample
    """
    if pixels.dtype == np.uint8:
        return pixels
    if pixels.dtype.kind != "u" or pixels.dtype.itemsize != 2:
        raise PictureError(f"samples are {pixels.dtype}, expected 8 or 16 bits")
    brightest = int(pixels.max(initial=0))
    bits = next(bits for bits in _SAMPLE_BITS if brightest < 1 << bits)
    return (pixels >> (bits - 8)).astype(np.uint8)


@contextlib.contextmanager
def _quiet() -> Iterator[list[str]]:
    """Catch what libjpeg, libpng and OpenCV print while they decode; the list holds it afterwards.

    Nothing else tells that a JPEG has gaps: libjpeg fills them, prints a line to file descriptor 2
    and reports success. What others write there meanwhile is caught as well, and passed on.
    """
    said: list[str] = []
    with _STDERR, contextlib.ExitStack() as undo:
        try:
            caught = undo.enter_context(tempfile.TemporaryFile())
            kept = os.dup(2)
        except OSError:
            # No descriptor 2, or none to spare: nothing can be caught, pictures are still read.
            yield said
            return
        undo.callback(os.close, kept)
        os.dup2(caught.fileno(), 2)
        try:
            yield said
        finally:
            os.dup2(kept, 2)
            if caught.seek(0, os.SEEK_END):
                caught.seek(0)
                said.append(_of_decoders(caught.read().decode(errors="replace")))


_OF_DECODERS = re.compile(
    r"JPEG|JFIF|[Jj]peg|Huffman|SOS|progression|Adobe|marker|libpng|PNG|TIFF|LZW|WEBP|webp|imgcodecs|loadsave|grfmt|imdecode|OpenCV|^$"
)


def _of_decoders(text: str) -> str:
    """Return the lines of a decoder, and write the others where they were meant to go."""
    lines = text.splitlines()
    others = [line for line in lines if not _OF_DECODERS.search(line)]
    if others:
        os.write(2, ("\n".join(others) + "\n").encode())
    return "\n".join(line for line in lines if _OF_DECODERS.search(line)).strip()


def _cut(text: str) -> str:
    told = " ".join(text.split())
    return told if len(told) <= 120 else told[:117] + "..."
