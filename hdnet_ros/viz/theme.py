"""Colours (RGB) and text of every drawing, so that one id looks the same everywhere."""

import re
import zlib
from functools import lru_cache

import cv2
import numpy as np

Colour = tuple[int, int, int]

BACKGROUND: Colour = (17, 20, 26)
PANEL: Colour = (23, 27, 35)
FIELD_OF_VIEW: Colour = (31, 37, 48)
HAIRLINE: Colour = (58, 66, 82)
TEXT: Colour = (232, 236, 243)
TEXT_QUIET: Colour = (146, 156, 174)
ACCENT: Colour = (255, 196, 84)

# Twelve hues of like brightness, ordered so that neighbours in number differ most.
ID_COLOURS: tuple[Colour, ...] = (
    (255, 179, 71), (79, 195, 247), (255, 112, 146), (129, 231, 146), (190, 150, 255), (255, 236, 110),
    (64, 224, 208), (255, 140, 90), (140, 170, 255), (200, 236, 100), (244, 143, 220), (120, 220, 255),
)  # fmt: skip

_SUPERSAMPLE = 4
_FONT = cv2.FONT_HERSHEY_SIMPLEX
_CAP_UNITS = 21.0


def colour_of(person_id: str) -> Colour:
    """Return the colour of an id: by its number when it ends in one, else by its letters."""
    number = re.search(r"(\d+)$", person_id)
    key = int(number.group(1)) if number else zlib.crc32(person_id.encode())
    return ID_COLOURS[key % len(ID_COLOURS)]


def mix(colour: Colour, other: Colour, share: float) -> Colour:
    """Return `colour` with `share` (0 to 1) of `other` in it."""
    return tuple(round(a + (b - a) * share) for a, b in zip(colour, other, strict=True))


@lru_cache(maxsize=4096)
def text_mask(text: str, cap_height_px: float, bold: bool = False) -> np.ndarray:
    """Return the coverage (h, w) uint8 of a line of text whose capitals are so many px high.

    Drawn four times larger and averaged down: OpenCV's vector font looks frayed at its own size.
    """
    scale = cap_height_px * _SUPERSAMPLE / _CAP_UNITS
    thickness = max(1, round(cap_height_px * _SUPERSAMPLE * (0.17 if bold else 0.115)))
    (width, height), base = cv2.getTextSize(text, _FONT, scale, thickness)
    pad = thickness + _SUPERSAMPLE
    canvas_w = -(-(width + 2 * pad) // _SUPERSAMPLE) * _SUPERSAMPLE
    canvas_h = -(-(height + base + 2 * pad) // _SUPERSAMPLE) * _SUPERSAMPLE
    canvas = np.zeros((canvas_h, canvas_w), np.uint8)
    cv2.putText(canvas, text, (pad, pad + height), _FONT, scale, 255, thickness, cv2.LINE_AA)
    return cv2.resize(canvas, (canvas_w // _SUPERSAMPLE, canvas_h // _SUPERSAMPLE), interpolation=cv2.INTER_AREA)


def text_size(text: str, cap_height_px: float, bold: bool = False) -> tuple[int, int]:
    """Return (width, height) in px of what `draw_text` covers."""
    mask = text_mask(text, cap_height_px, bold)
    return mask.shape[1], mask.shape[0]


def draw_text(
    image: np.ndarray,
    text: str,
    xy_px: tuple[float, float],
    cap_height_px: float,
    colour: Colour = TEXT,
    anchor: str = "lm",
    bold: bool = False,
) -> None:
    """Draw a line of text in place; what falls outside the picture is cut off.

    `anchor`: l, c or r (left, centre, right) and t, m or b (top, middle, bottom) of the text
    at `xy_px`.
    """
    if not text:
        return
    mask = text_mask(text, cap_height_px, bold)
    height, width = mask.shape
    x = round(xy_px[0] - {"l": 0.0, "c": 0.5, "r": 1.0}[anchor[0]] * width)
    y = round(xy_px[1] - {"t": 0.0, "m": 0.5, "b": 1.0}[anchor[1]] * height)
    blend(image, mask, (x, y), colour)


def blend(image: np.ndarray, mask: np.ndarray, xy_px: tuple[int, int], colour: Colour, opacity: float = 1.0) -> None:
    """Paint `colour` through a coverage mask (h, w) uint8 with its corner at `xy_px`, in place."""
    x, y = xy_px
    top, left = max(0, -y), max(0, -x)
    bottom, right = min(mask.shape[0], image.shape[0] - y), min(mask.shape[1], image.shape[1] - x)
    if bottom <= top or right <= left:
        return
    alpha = mask[top:bottom, left:right, None].astype(np.float32) * (opacity / 255.0)
    region = image[y + top : y + bottom, x + left : x + right]
    region[:] = (region + (np.float32(colour) - region) * alpha + 0.5).astype(np.uint8)


def plate(image: np.ndarray, xyxy_px: tuple[float, float, float, float], colour: Colour, opacity: float) -> None:
    """Fill a rectangle with a colour that lets the picture shine through, in place."""
    x0, y0 = max(0, round(xyxy_px[0])), max(0, round(xyxy_px[1]))
    x1, y1 = min(image.shape[1], round(xyxy_px[2])), min(image.shape[0], round(xyxy_px[3]))
    if x1 <= x0 or y1 <= y0:
        return
    region = image[y0:y1, x0:x1]
    region[:] = (region * (1.0 - opacity) + np.float32(colour) * opacity + 0.5).astype(np.uint8)
