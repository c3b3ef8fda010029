"""What the first bytes of a picture declare: format, size, orientation. Nothing is decoded.

A JPEG of 631 bytes can declare 30000 x 30000 px, which costs gigabytes to decode and means nothing:
who decodes pictures from outside asks here first.
"""

from __future__ import annotations

import re
import struct
from typing import NamedTuple

# A progressive JPEG may repeat its scans for ever; encoders write about ten.
MOST_JPEG_SCANS = 100
_EXIF = b"Exif\0\0"
_ORIENTATION_TAG, _WIDTH_TAG, _HEIGHT_TAG = 274, 256, 257
_TILE_WIDTH_TAG, _TILE_HEIGHT_TAG, _SAMPLES_TAG = 322, 323, 277
_MOST_TILE_PX, _MOST_SAMPLES = 1 << 24, 8
_MOST_TIFF_ENTRIES = 512
# Start of frame of any coding; C4, C8 and CC are other things.
_JPEG_SIZE = {0xC0, 0xC1, 0xC2, 0xC3, 0xC5, 0xC6, 0xC7, 0xC9, 0xCA, 0xCB, 0xCD, 0xCE, 0xCF}
_PNM = re.compile(rb"P[1-6]\s+(?:#[^\n]*\n\s*)*(\d{1,9})\s+(?:#[^\n]*\n\s*)*(\d{1,9})\s")


class PictureHeader(NamedTuple):
    """What a picture says of itself.

    Attributes
    ----------
    kind : "JPEG", "PNG", "BMP", "PNM", "TIFF" or "WebP"
    size_wh_px : as stored, an orientation not counted
    orientation : EXIF's 1 to 8, by which a viewer would turn it; 1: as stored
    is_whole : whether all that is declared lies in the data, where the format declares it up front
    """

    kind: str
    size_wh_px: tuple[int, int]
    orientation: int = 1
    is_whole: bool = True


def picture_header(data: bytes) -> PictureHeader | None:
    """Return what a picture declares; None where these are no bytes of a format that is read."""
    try:
        if data[:2] == b"\xff\xd8":
            return _jpeg(data)
        if data[:16] == b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR":
            return _png(data)
        if data[:2] == b"BM":
            return PictureHeader("BMP", _bmp_size(data))
        if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
            return PictureHeader("WebP", _webp_size(data))
        if data[:4] in (b"II*\0", b"MM\0*"):
            return _tiff(data)
        match = _PNM.match(data[:4096])
        return PictureHeader("PNM", (int(match[1]), int(match[2]))) if match else None
    except (struct.error, IndexError, KeyError):
        return None


def jpeg_scans(data: bytes) -> int:
    """Return how many scans a JPEG has; a marker is never part of coded pixels."""
    return data.count(b"\xff\xda")


def _jpeg(data: bytes) -> PictureHeader | None:
    place, orientation = 2, 1
    while True:
        while data[place] == 0xFF and data[place + 1] == 0xFF:
            place += 1
        marker = data[place + 1]
        if data[place] != 0xFF:
            return None
        if marker == 0x01 or 0xD0 <= marker <= 0xD8:
            place += 2
            continue
        (length,) = struct.unpack(">H", data[place + 2 : place + 4])
        content = place + 4
        if marker in _JPEG_SIZE:
            height, width = struct.unpack(">HH", data[content + 1 : content + 5])
            return PictureHeader("JPEG", (width, height), orientation)
        if marker in (0xD9, 0xDA) or length < 2:
            return None
        if marker == 0xE1 and data[content : content + 6] == _EXIF:
            orientation = _exif_orientation(data[content + 6 : place + 2 + length])
        place += 2 + length


def _png(data: bytes) -> PictureHeader:
    """Return a PNG's header; decoders allocate what a chunk declares, so each must lie in the data."""
    place, orientation, is_whole = 8, 1, False
    while place + 12 <= len(data) and not is_whole:
        (length,) = struct.unpack(">I", data[place : place + 4])
        kind = data[place + 4 : place + 8]
        if kind == b"eXIf":
            orientation = _exif_orientation(data[place + 8 : place + 8 + length])
        place += 12 + length
        is_whole = kind == b"IEND"
    return PictureHeader("PNG", struct.unpack(">II", data[16:24]), orientation, is_whole and place <= len(data))


def _exif_orientation(tiff: bytes) -> int:
    try:
        orientation = _tiff_tags(tiff).get(_ORIENTATION_TAG, 1)
    except (struct.error, IndexError):
        return 1
    return orientation if 1 <= orientation <= 8 else 1


def _tiff(data: bytes) -> PictureHeader:
    tags = _tiff_tags(data)
    tile_px = tags.get(_TILE_WIDTH_TAG, 1) * tags.get(_TILE_HEIGHT_TAG, 1)
    is_sane = tile_px <= _MOST_TILE_PX and tags.get(_SAMPLES_TAG, 1) <= _MOST_SAMPLES
    return PictureHeader("TIFF", (tags[_WIDTH_TAG], tags[_HEIGHT_TAG]), tags.get(_ORIENTATION_TAG, 1), is_sane)


def _tiff_tags(data: bytes) -> dict[int, int]:
    """Return the short and long values of the first directory by tag."""
    order = "<" if data[:2] == b"II" else ">"
    (place,) = struct.unpack(order + "I", data[4:8])
    (count,) = struct.unpack(order + "H", data[place : place + 2])
    tags = {}
    for entry in range(place + 2, place + 2 + 12 * min(count, _MOST_TIFF_ENTRIES), 12):
        tag, kind, number = struct.unpack(order + "HHI", data[entry : entry + 8])
        if number == 1 and kind in (3, 4):
            size = 2 if kind == 3 else 4
            (tags[tag],) = struct.unpack(order + ("H" if kind == 3 else "I"), data[entry + 8 : entry + 8 + size])
    return tags


def _bmp_size(data: bytes) -> tuple[int, int]:
    (header_bytes,) = struct.unpack("<I", data[14:18])
    if header_bytes == 12:
        return struct.unpack("<HH", data[18:22])
    width, height = struct.unpack("<ii", data[18:26])
    return abs(width), abs(height)


def _webp_size(data: bytes) -> tuple[int, int]:
    kind = data[12:16]
    if kind == b"VP8X":
        return (1 + int.from_bytes(data[24:27], "little"), 1 + int.from_bytes(data[27:30], "little"))
    if kind == b"VP8L":
        bits = int.from_bytes(data[21:25], "little")
        return 1 + (bits & 0x3FFF), 1 + (bits >> 14 & 0x3FFF)
    width, height = struct.unpack("<HH", data[26:30])
    return width & 0x3FFF, height & 0x3FFF
