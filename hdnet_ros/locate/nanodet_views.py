"""What NanoDet is shown of an image: the whole at some sizes, and tiles of wide images."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import cv2
import numpy as np

from hdnet_ros.locate.nanodet import MEAN_RGB, SIDE_MULTIPLE_PX

# Neighbouring tiles share a quarter, so that whoever is not wider is whole in one of them.
_TILE_OVERLAP = 0.25
# Larger images are shown in larger tiles: the cost stays bounded, at about a dozen tiles.
_TILES_ALONG_LONGER_SIDE = 3
_CUT_MARGIN_PX = 4.0


class Tile(NamedTuple):
    """A part of an image, px of the image."""

    x0: int
    y0: int
    width: int
    height: int


class View(NamedTuple):
    """A picture for the network and where it comes from.

    Attributes
    ----------
    picture : (H, W, 3) uint8 RGB, sides multiples of 32, padded to the right and below
    tile : the part of the image that is shown
    scale_xy : px of the picture per px of the image
    """

    picture: np.ndarray
    tile: Tile
    scale_xy: tuple[float, float]

    def to_image_px(self, boxes_xyxy: np.ndarray) -> np.ndarray:
        """Boxes (N, 4) of the picture, from its outer border, in px of the image (centres integer)."""
        scale = np.array([*self.scale_xy, *self.scale_xy])
        offset = np.array([self.tile.x0, self.tile.y0, self.tile.x0, self.tile.y0])
        return boxes_xyxy / scale + offset - 0.5

    def is_cut(self, boxes_xyxy_px: np.ndarray, size_wh_px: tuple[int, int]) -> np.ndarray:
        """Which boxes (N, 4) of the image end at an edge of the tile that is none of the image."""
        x0, y0, width, height = self.tile
        margin = _CUT_MARGIN_PX / min(self.scale_xy)
        inner_low = np.array([x0 > 0, y0 > 0])
        inner_high = np.array([x0 + width < size_wh_px[0], y0 + height < size_wh_px[1]])
        low = boxes_xyxy_px[:, :2] < np.array([x0, y0]) + margin
        high = boxes_xyxy_px[:, 2:] > np.array([x0 + width, y0 + height]) - margin
        return ((low & inner_low) | (high & inner_high)).any(axis=1)


def whole_view(image_rgb: np.ndarray, side_px: int) -> View:
    """The whole image with its longer side at `side_px`."""
    height, width = image_rgb.shape[:2]
    return _view(image_rgb, Tile(0, 0, width, height), side_px)


def tile_views(image_rgb: np.ndarray, side_px: int) -> list[View]:
    """Overlapping square tiles, their longer side at `side_px`; none where one tile is the image.

    They show the image px by px up to a width of about two tiles, and in at most three tiles'
    steps beyond.
    """
    height, width = image_rgb.shape[:2]
    longer = max(width, height)
    steps = 1.0 + (_TILES_ALONG_LONGER_SIDE - 1) * (1.0 - _TILE_OVERLAP)
    side = max(side_px, int(np.ceil(longer / steps)))
    if longer <= side * (1.0 + _TILE_OVERLAP):
        return []
    return [
        _view(image_rgb, Tile(x0, y0, min(side, width), min(side, height)), side_px)
        for y0 in _starts(height, side)
        for x0 in _starts(width, side)
    ]


def _starts(length: int, side: int) -> Sequence[int]:
    if length <= side:
        return [0]
    count = int(np.ceil((length - side) / (side * (1.0 - _TILE_OVERLAP)))) + 1
    return [round(start) for start in np.linspace(0, length - side, count)]


def _view(image_rgb: np.ndarray, tile: Tile, side_px: int) -> View:
    x0, y0, width, height = tile
    scale = side_px / max(width, height)
    shown_w, shown_h = max(1, round(width * scale)), max(1, round(height * scale))
    part = np.ascontiguousarray(image_rgb[y0 : y0 + height, x0 : x0 + width])
    if (shown_w, shown_h) != (width, height):
        smaller = cv2.INTER_AREA if scale < 1.0 else cv2.INTER_LINEAR
        part = cv2.resize(part, (shown_w, shown_h), interpolation=smaller)
    padded_w, padded_h = (-(-n // SIDE_MULTIPLE_PX) * SIDE_MULTIPLE_PX for n in (shown_w, shown_h))
    picture = np.empty((padded_h, padded_w, 3), dtype=np.uint8)
    picture[:] = np.round(MEAN_RGB)
    picture[:shown_h, :shown_w] = part
    return View(picture, tile, (shown_w / width, shown_h / height))
