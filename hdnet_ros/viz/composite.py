"""One frame of the demo: header, camera picture, bird's-eye view, legend."""

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from hdnet_ros.core.camera import Camera
from hdnet_ros.core.types import PersonEstimate, PersonFlags
from hdnet_ros.viz.birds_eye import BirdsEyeView, ring_step_m
from hdnet_ros.viz.overlay import draw_overlay
from hdnet_ros.viz.tails import Tails
from hdnet_ros.viz.theme import ACCENT, BACKGROUND, HAIRLINE, TEXT, TEXT_QUIET, draw_text, mix, text_size

_PICTURE_HEIGHT_PX = 720
_HEADER_PX = 52
_LEGEND_PX = 44
_MARGIN_PX = 16
_VIEW_WIDTH_PX = 560


@dataclass(frozen=True)
class FrameCaption:
    """What the header says beside the number of people."""

    source: str
    estimator: str
    stamp_s: float


class Composite:
    """Draw frames of one clip in one layout.

    Parameters
    ----------
    camera : Camera
        Of the pictures.
    range_m : float
        Distance the bird's-eye view reaches.
    camera_to_level : (3, 3), optional
        See `BirdsEyeView`.
    tail_s : float
        Length of the tracks in seconds.
    """

    def __init__(self, camera: Camera, range_m: float, camera_to_level: np.ndarray | None = None, tail_s: float = 5.0):
        width, height = camera.size_wh_px
        self._scale = _PICTURE_HEIGHT_PX / height
        self._picture_w = round(width * self._scale)
        self._view = BirdsEyeView((_VIEW_WIDTH_PX, _PICTURE_HEIGHT_PX), range_m, camera, camera_to_level)
        self._tails = Tails(tail_s)
        self._tail_s = tail_s
        # Video encoders take even sizes only.
        self.size_wh_px = (
            (self._picture_w + _VIEW_WIDTH_PX + 3 * _MARGIN_PX) // 2 * 2,
            _HEADER_PX + _PICTURE_HEIGHT_PX + _LEGEND_PX,
        )

    def draw(
        self, image_rgb: np.ndarray, persons: Sequence[PersonEstimate], stamp_ns: int, caption: FrameCaption
    ) -> np.ndarray:
        """Return the whole frame (H, W, 3) uint8 RGB; call it in the order of the stamps."""
        frame = np.full((self.size_wh_px[1], self.size_wh_px[0], 3), BACKGROUND, np.uint8)
        top, left = _HEADER_PX, _MARGIN_PX
        picture = draw_overlay(image_rgb, persons, self._scale)
        picture = cv2.resize(picture, (self._picture_w, _PICTURE_HEIGHT_PX), interpolation=cv2.INTER_AREA)
        frame[top : top + _PICTURE_HEIGHT_PX, left : left + self._picture_w] = picture
        left += self._picture_w + _MARGIN_PX
        persons = [person for person in persons if not person.flags & PersonFlags.NOBODY]
        view = self._view.draw(persons, self._tails.update(stamp_ns, persons))
        frame[top : top + _PICTURE_HEIGHT_PX, left : left + _VIEW_WIDTH_PX] = view
        self._draw_header(frame, len(persons), caption)
        self._draw_legend(frame)
        return frame

    def _draw_header(self, frame: np.ndarray, people: int, caption: FrameCaption) -> None:
        middle = _HEADER_PX / 2
        x = _MARGIN_PX - 2
        for text, cap, colour, bold in (
            ("hdnet_ros", 14.0, TEXT, True),
            (caption.source, 10.5, TEXT_QUIET, False),
            (caption.estimator, 10.5, ACCENT, False),
        ):
            draw_text(frame, text, (x, middle), cap, colour, bold=bold)
            x += text_size(text, cap, bold)[0] + 18
        noun = "person" if people == 1 else "people"
        right = f"{people} {noun}     {caption.stamp_s:6.1f} s"
        draw_text(frame, right, (self.size_wh_px[0] - _MARGIN_PX, middle), 10.5, TEXT, anchor="rm")

    def _draw_legend(self, frame: np.ndarray) -> None:
        y = _HEADER_PX + _PICTURE_HEIGHT_PX + _LEGEND_PX / 2
        cap = 8.5
        draw_text(frame, "id and distance from the camera in metres; dot: root joint (pelvis)", (_MARGIN_PX, y), cap, TEXT_QUIET)
        x = _MARGIN_PX * 2 + self._picture_w
        for symbol, text in (
            (_ring_symbol, f"rings every {ring_step_m(self._view.range_m):g} m"),
            (_ellipse_symbol, "one sigma"),
            (_tail_symbol, f"track, last {self._tail_s:g} s"),
            (_wedge_symbol, "field of view"),
        ):
            symbol(frame, round(x), round(y))
            draw_text(frame, text, (x + 30, y), cap, TEXT_QUIET)
            x += 30 + text_size(text, cap)[0] + 16


def _ring_symbol(frame: np.ndarray, x: int, y: int) -> None:
    cv2.ellipse(frame, (x + 13, y + 12), (16, 16), 0, 215, 325, mix(HAIRLINE, TEXT, 0.35), 1, cv2.LINE_AA)


def _ellipse_symbol(frame: np.ndarray, x: int, y: int) -> None:
    cv2.ellipse(frame, (x + 13, y), (12, 4), 0, 0, 360, mix(ACCENT, BACKGROUND, 0.7), -1, cv2.LINE_AA)
    cv2.ellipse(frame, (x + 13, y), (12, 4), 0, 0, 360, ACCENT, 1, cv2.LINE_AA)
    cv2.circle(frame, (x + 13, y), 3, ACCENT, -1, cv2.LINE_AA)


def _tail_symbol(frame: np.ndarray, x: int, y: int) -> None:
    for step in range(24):
        cv2.line(frame, (x + step, y), (x + step + 1, y), mix(ACCENT, BACKGROUND, 0.85 * (1 - step / 24)), 2, cv2.LINE_AA)


def _wedge_symbol(frame: np.ndarray, x: int, y: int) -> None:
    points = np.array([[x + 13, y + 9], [x + 4, y - 8], [x + 22, y - 8]])
    cv2.fillPoly(frame, [points], mix(HAIRLINE, BACKGROUND, 0.3), cv2.LINE_AA)
    cv2.polylines(frame, [points], True, mix(HAIRLINE, TEXT, 0.2), 1, cv2.LINE_AA)
