"""The bird's-eye view: people on the ground plane in metres, the camera at the lower edge."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import cv2
import numpy as np

from hdnet_ros.core.camera import Camera
from hdnet_ros.tracking.root_noise import lateral_sigma_mm
from hdnet_ros.core.types import PersonEstimate
from hdnet_ros.viz.theme import (
    FIELD_OF_VIEW, HAIRLINE, PANEL, TEXT, TEXT_QUIET, Colour, colour_of, draw_text, mix, text_size,
)  # fmt: skip

_SHIFT = 4


def ring_step_m(range_m: float) -> float:
    """Return the distance between rings: 1 m for a room, 5 m for a yard, 10 m or more beyond."""
    for step, reach in ((1.0, 12.0), (5.0, 50.0), (10.0, 110.0)):
        if range_m <= reach:
            return step
    return 50.0


def level_rotation(up_camera: np.ndarray) -> np.ndarray:
    """Return the (3, 3) rotation from a tilted optical frame to one whose z is horizontal.

    Parameters
    ----------
    up_camera : (3,)
        The world's upward direction in the optical frame (y down: about (0, -1, 0)).

    Raises
    ------
    ValueError
        If the camera looks straight up or down: forward has no bearing on the ground then.
    """
    down = -np.asarray(up_camera, dtype=np.float64) / np.linalg.norm(up_camera)
    forward = np.array([0.0, 0.0, 1.0]) - down[2] * down
    length = np.linalg.norm(forward)
    if length < 1e-3:
        raise ValueError(f"up_camera {np.round(up_camera, 4).tolist()} is parallel to the optical axis; expected a tilt below 90 degrees")
    forward /= length
    return np.stack([np.cross(down, forward), down, forward])


@dataclass(frozen=True, eq=False)
class BirdsEyeView:
    """Where metres lie on the panel, and everything that is drawn on it.

    Parameters
    ----------
    size_wh_px : (int, int)
        Size of the panel.
    range_m : float
        Distance that is to fit between the camera and the upper edge.
    camera : Camera
        Gives the wedge of what the picture shows.
    camera_to_level : (3, 3), optional
        Rotation that makes the z axis horizontal; the identity where the tilt is unknown.
    """

    size_wh_px: tuple[int, int]
    range_m: float
    camera: Camera
    camera_to_level: np.ndarray | None = None

    @cached_property
    def origin_px(self) -> tuple[float, float]:
        """Place of the camera, moved aside where its principal point is not in the middle."""
        left, right = np.tan(self._bearings())
        centre = self.size_wh_px[0] / 2 - (left + right) / 2 * self.range_m * self.px_per_m
        return float(np.clip(centre, 0.2 * self.size_wh_px[0], 0.8 * self.size_wh_px[0])), self.size_wh_px[1] - 34.0

    @cached_property
    def px_per_m(self) -> float:
        return (self.size_wh_px[1] - 34.0 - 26.0) / self.range_m

    def to_px(self, right_forward_m: np.ndarray) -> np.ndarray:
        """Map (..., 2) metres (to the right, forward) to (..., 2) px of the panel."""
        points = np.asarray(right_forward_m, dtype=np.float64)
        return np.array(self.origin_px) + points * np.array([1.0, -1.0]) * self.px_per_m

    def ground_m(self, points_camera_mm: np.ndarray) -> np.ndarray:
        """Map (..., 3) mm in the camera's optical frame to (..., 2) metres right and forward."""
        points = np.asarray(points_camera_mm, dtype=np.float64)
        if self.camera_to_level is not None:
            points = points @ self.camera_to_level.T
        return points[..., [0, 2]] / 1000.0

    def draw(
        self, persons: Sequence[PersonEstimate], tails_camera_mm: Mapping[str, np.ndarray] | None = None
    ) -> np.ndarray:
        """Return the panel (H, W, 3) uint8 RGB; `tails_camera_mm` maps id to (N, 3), oldest first."""
        panel = self._backdrop.copy()
        for person_id, tail in (tails_camera_mm or {}).items():
            _draw_tail(panel, self.to_px(self.ground_m(tail)), colour_of(person_id))
        for person in persons:
            self._draw_ellipse(panel, person)
        dots = [self.to_px(self.ground_m(person.root_camera_mm)) for person in persons]
        for person, dot in zip(persons, dots, strict=True):
            _disc(panel, dot, 5.5, PANEL)
            _disc(panel, dot, 4.5, colour_of(person.id))
        for person, dot in zip(persons, dots, strict=True):
            _draw_id(panel, person.id, dot, dots)
        return panel

    def ellipse_px(self, person: PersonEstimate) -> tuple[np.ndarray, tuple[float, float], float]:
        """Return centre (2,), half axes (along, across) in px and the ray's angle in degrees.

        Along the ray one sigma of depth counts times distance over depth; across, it is what the
        published covariance says.
        """
        root = np.asarray(person.root_camera_mm, dtype=np.float64)
        centre = self.to_px(self.ground_m(root))
        along = self.to_px(self.ground_m(root * (1.0 + person.depth_sigma_mm / root[2]))) - centre
        across_px = lateral_sigma_mm(person) / 1000.0 * self.px_per_m
        angle_deg = float(np.degrees(np.arctan2(along[1], along[0])))
        return centre, (float(np.hypot(*along)), across_px), angle_deg

    def _draw_ellipse(self, panel: np.ndarray, person: PersonEstimate) -> None:
        centre, axes, angle_deg = self.ellipse_px(person)
        axes = (axes[0], max(axes[1], 3.5))
        colour = colour_of(person.id)
        arguments = (_fixed(centre), _fixed(axes), angle_deg, 0, 360)
        filled = panel.copy()
        cv2.ellipse(filled, *arguments, colour, -1, cv2.LINE_AA, _SHIFT)
        cv2.addWeighted(filled, 0.28, panel, 0.72, 0.0, dst=panel)
        cv2.ellipse(panel, *arguments, mix(colour, PANEL, 0.25), 1, cv2.LINE_AA, _SHIFT)

    @cached_property
    def _backdrop(self) -> np.ndarray:
        width, height = self.size_wh_px
        panel = np.full((height, width, 3), PANEL, np.uint8)
        self._draw_field_of_view(panel)
        self._draw_rings(panel)
        origin = np.array(self.origin_px)
        body = np.array([[-9, 12], [9, 12], [9, 0], [4, 0], [9, -8], [-9, -8], [-4, 0], [-9, 0]]) + origin
        cv2.fillPoly(panel, [np.round(body * (1 << _SHIFT)).astype(np.int32)], TEXT, cv2.LINE_AA, _SHIFT)
        return panel

    def _draw_field_of_view(self, panel: np.ndarray) -> None:
        bearings = np.linspace(*self._bearings(), 48)
        reach_m = self.range_m * 1.5
        arc = reach_m * np.stack([np.sin(bearings), np.cos(bearings)], axis=1)
        wedge = self.to_px(np.vstack([[0.0, 0.0], arc]))
        cv2.fillPoly(panel, [np.round(wedge * (1 << _SHIFT)).astype(np.int32)], FIELD_OF_VIEW, cv2.LINE_AA, _SHIFT)
        for edge in (wedge[1], wedge[-1]):
            cv2.line(panel, _fixed(wedge[0]), _fixed(edge), HAIRLINE, 1, cv2.LINE_AA, _SHIFT)

    def _draw_rings(self, panel: np.ndarray) -> None:
        step = ring_step_m(self.range_m)
        right_bearing = self._bearings()[1]
        label_every = 2 if step * self.px_per_m < 26 else 1
        for number in range(1, int(self.range_m * 1.5 / step) + 1):
            radius_m = number * step
            cv2.circle(panel, _fixed(self.origin_px), round(radius_m * self.px_per_m * (1 << _SHIFT)),
                       HAIRLINE, 1, cv2.LINE_AA, _SHIFT)  # fmt: skip
            x, y = self.to_px(radius_m * np.array([np.sin(right_bearing), np.cos(right_bearing)]))
            if number % label_every == 0 and y > 16 and x < self.size_wh_px[0] - 34:
                draw_text(panel, f"{radius_m:g} m", (x + 5, y + 1), 8.0, TEXT_QUIET)

    def _bearings(self) -> tuple[float, float]:
        """Return the bearings in radians of the picture's left and right edge at half height."""
        width, height = self.camera.size_wh_px
        rays = self.camera.rays(np.array([[-0.5, height / 2 - 0.5], [width - 0.5, height / 2 - 0.5]]))
        ground = self.ground_m(rays)
        left, right = np.arctan2(ground[:, 0], ground[:, 1])
        return float(left), float(right)


def _draw_id(panel: np.ndarray, name: str, dot: np.ndarray, dots: Sequence[np.ndarray]) -> None:
    """Write an id to the right of its dot, or to the left where another dot is in the way."""
    width, height = text_size(name, 9.0, bold=True) if name else (0, 0)
    offsets = [other - dot for other in dots]
    blocked = any(0 < dx < width + 14 and abs(dy) < height for dx, dy in offsets)
    side, anchor = (-7, "rm") if blocked else (7, "lm")
    draw_text(panel, name, (dot[0] + side, dot[1]), 9.0, TEXT, anchor, bold=True)


def _draw_tail(panel: np.ndarray, points_px: np.ndarray, colour: Colour) -> None:
    """Draw a line that fades towards its oldest end."""
    count = len(points_px)
    for step in range(1, count):
        share = 0.85 * (1.0 - step / count)
        cv2.line(panel, _fixed(points_px[step - 1]), _fixed(points_px[step]), mix(colour, FIELD_OF_VIEW, share),
                 2, cv2.LINE_AA, _SHIFT)  # fmt: skip


def _fixed(values: Sequence[float]) -> tuple[int, int]:
    return round(float(values[0]) * (1 << _SHIFT)), round(float(values[1]) * (1 << _SHIFT))


def _disc(panel: np.ndarray, centre: Sequence[float], radius_px: float, colour: Colour) -> None:
    cv2.circle(panel, _fixed(centre), round(radius_px * (1 << _SHIFT)), colour, -1, cv2.LINE_AA, _SHIFT)
