"""A clip that the repository makes itself: people walking before a wall, camera and truth known."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import yaml

from hdnet_ros.core.camera import Camera

SIZE_WH_PX = (640, 480)
RATE_HZ = 10.0
_FOCAL_PX = 620.0
_CAMERA_HEIGHT_MM = 2200.0
_CAMERA_TILT_RAD = 0.13
_SHIFT = 4

# Bones of a standing person of stature 1: ends (to the left, up) and radii, as shares of stature.
_HIP, _SHOULDER, _KNEE, _ANKLE = 0.53, 0.815, 0.285, 0.045


@dataclass(frozen=True)
class Walker:
    """A person who walks to and fro on a straight line of the ground plane (mm, world z up)."""

    start_mm: tuple[float, float]
    end_mm: tuple[float, float]
    speed_mm_s: float
    stature_mm: float
    shirt_rgb: tuple[int, int, int]
    trousers_rgb: tuple[int, int, int]
    phase_s: float = 0.0

    def ground_mm(self, time_s: float) -> tuple[np.ndarray, np.ndarray]:
        """Return position (2,) and unit direction (2,) at a time."""
        start, end = np.array(self.start_mm), np.array(self.end_mm)
        length = float(np.linalg.norm(end - start))
        along = (self.speed_mm_s * (time_s + self.phase_s)) % (2.0 * length)
        direction = (end - start) / length
        if along > length:
            return end - direction * (along - length), -direction
        return start + direction * along, direction


WALKERS = (
    Walker((-2600.0, 5200.0), (2700.0, 6200.0), 1150.0, 1760.0, (38, 60, 120), (32, 32, 38), 0.4),
    Walker((2800.0, 8200.0), (-3000.0, 7400.0), 1000.0, 1640.0, (125, 28, 34), (46, 48, 62), 1.5),
    Walker((700.0, 4600.0), (-900.0, 9800.0), 900.0, 1830.0, (28, 82, 52), (58, 50, 40), 0.9),
)


def scene_camera() -> tuple[Camera, np.ndarray, np.ndarray]:
    """Return the camera, its (3, 3) rotation world to camera, and its translation in mm."""
    width, height = SIZE_WH_PX
    K = np.array([[_FOCAL_PX, 0, (width - 1) / 2], [0, _FOCAL_PX, (height - 1) / 2], [0, 0, 1.0]])
    sine, cosine = np.sin(_CAMERA_TILT_RAD), np.cos(_CAMERA_TILT_RAD)
    rotation = np.array([[1.0, 0.0, 0.0], [0.0, -sine, -cosine], [0.0, cosine, -sine]])
    return Camera.from_matrix(K, SIZE_WH_PX), rotation, -rotation @ [0.0, 0.0, _CAMERA_HEIGHT_MM]


def write_clip(folder: str | Path, frame_count: int = 150) -> tuple[Path, Path]:
    """Write clip.avi, camera.yaml and truth.json; return the paths of the first two.

    truth.json: {"<frame>": [[x, y, z] of every root joint, mm, optical frame]}.

    Raises
    ------
    OSError : OpenCV cannot write the video
    """
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    camera, rotation, translation_mm = scene_camera()
    _write_camera(folder / "camera.yaml", camera, rotation, translation_mm)
    path = folder / "clip.avi"
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter_fourcc(*"MJPG"), RATE_HZ, SIZE_WH_PX)
    if not writer.isOpened():
        raise OSError(f"{path}: this OpenCV cannot write Motion JPEG video")
    truth, behind = {}, backdrop(camera, rotation, translation_mm)
    for frame in range(frame_count):
        image, roots_mm = render(frame / RATE_HZ, camera, rotation, translation_mm, behind)
        writer.write(cv2.cvtColor(image, cv2.COLOR_RGB2BGR))
        truth[str(frame)] = np.round(roots_mm, 1).tolist()
    writer.release()
    (folder / "truth.json").write_text(json.dumps(truth))
    return path, folder / "camera.yaml"


def render(
    time_s: float, camera: Camera, rotation: np.ndarray, translation_mm: np.ndarray, backdrop: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Return the picture (H, W, 3) uint8 RGB and the walkers' roots (N, 3) mm, optical frame."""
    image = backdrop.copy()
    roots = []
    placed = [(walker, *walker.ground_mm(time_s)) for walker in WALKERS]
    for walker, ground, direction in sorted(placed, key=lambda item: -item[1][1]):
        bones = _bones(walker, ground, direction, time_s)
        _draw_shadow(image, walker, ground, camera, rotation, translation_mm)
        for start, end, radii, colour in _far_to_near(bones, rotation, translation_mm):
            _draw_bone(image, camera, np.stack([start, end]), radii, colour)
    for _, (walker, ground, _direction) in enumerate(placed):
        root = np.array([*ground, _HIP * walker.stature_mm])
        roots.append(rotation @ root + translation_mm)
    noise = np.random.default_rng(round(time_s * 1000)).normal(0.0, 2.0, image.shape)
    return np.clip(image + noise, 0, 255).astype(np.uint8), np.array(roots)


def box_xywh_center_px(
    walker: Walker, time_s: float, camera: Camera, rotation: np.ndarray, translation_mm: np.ndarray
) -> np.ndarray | None:
    """Return the box (4,) around a walker in px, clipped to the picture; None where nothing is in it."""
    bones = _bones(walker, *walker.ground_mm(time_s), time_s)
    ends_mm = np.array([point for start, end, _, _ in bones for point in (start, end)])
    radii_mm = np.array([radius for _, _, radii, _ in bones for radius in radii])
    seen_mm = ends_mm @ rotation.T + translation_mm
    if seen_mm[:, 2].min() <= 0.0:
        return None
    centres, radii = camera.project(seen_mm), (radii_mm * camera.focal_px / seen_mm[:, 2])[:, None]
    low, high = (centres - radii).min(0), (centres + radii).max(0)
    limit = np.array(camera.size_wh_px) - 0.5
    low, high = np.clip(low, -0.5, limit), np.clip(high, -0.5, limit)
    if (high - low).min() < 4.0:
        return None
    return np.concatenate([(low + high) / 2.0, high - low])


def _bones(walker: Walker, ground: np.ndarray, direction: np.ndarray, time_s: float) -> list[tuple]:
    """Return (start, end, (radius, radius), colour): world mm, a walking cycle of 0.65 statures."""
    stature = walker.stature_mm
    phase = 2 * np.pi * walker.speed_mm_s * (time_s + walker.phase_s) / (0.78 * stature)
    left = np.array([-direction[1], direction[0]])
    skin = (196, 150, 122)

    def at(forward: float, sideways: float, up: float) -> np.ndarray:
        flat = ground + (direction * forward + left * sideways) * stature
        return np.array([flat[0], flat[1], up * stature])

    bones = []
    for side, swing in ((1, np.sin(phase)), (-1, -np.sin(phase))):
        lift = 0.035 * max(0.0, np.cos(phase) * side)
        knee = at(0.10 * swing + 1.2 * lift, 0.05 * side, _KNEE + 0.4 * lift)
        ankle = at(0.19 * swing - 1.5 * lift, 0.05 * side, _ANKLE + lift)
        hand = at(-0.16 * swing, 0.145 * side, 0.50)
        elbow = at(-0.06 * swing - 0.02, 0.14 * side, 0.64)
        bones += [
            (at(0, 0.05 * side, _HIP - 0.02), knee, (0.056, 0.038), walker.trousers_rgb),
            (knee, ankle, (0.038, 0.026), walker.trousers_rgb),
            (ankle, ankle + np.array([*direction, 0.0]) * 0.09 * stature, (0.026, 0.02), (24, 22, 22)),
            (at(0, 0.10 * side, _SHOULDER - 0.01), elbow, (0.033, 0.028), walker.shirt_rgb),
            (elbow, hand, (0.027, 0.02), walker.shirt_rgb),
            (hand, hand, (0.023, 0.023), skin),
            (at(0, 0.045 * side, _HIP), at(0, 0.055 * side, _SHOULDER - 0.02), (0.062, 0.058), walker.shirt_rgb),
        ]
    bones.append((at(0, 0, _SHOULDER), at(0.01, 0, 0.88), (0.032, 0.03), skin))
    bones.append((at(0.01, 0, 0.905), at(0.015, 0, 0.945), (0.047, 0.053), skin))
    bones.append((at(-0.006, 0, 0.94), at(-0.006, 0, 0.95), (0.05, 0.053), (52, 38, 28)))
    return [(start, end, (r0 * stature, r1 * stature), colour) for start, end, (r0, r1), colour in bones]


def _far_to_near(bones: list[tuple], rotation: np.ndarray, translation_mm: np.ndarray) -> list[tuple]:
    seen = [(rotation @ s + translation_mm, rotation @ e + translation_mm, r, c) for s, e, r, c in bones]
    return sorted(seen, key=lambda bone: -(bone[0][2] + bone[1][2]))


def _draw_bone(image: np.ndarray, camera: Camera, ends_mm: np.ndarray, radii_mm, colour) -> None:
    """Draw a tapered capsule, lit from the upper left by three shrinking, brighter copies."""
    centres = camera.project(ends_mm)
    radii = np.array(radii_mm) * camera.focal_px / ends_mm[:, 2]
    for share, light in ((1.0, 0.62), (0.78, 0.85), (0.5, 1.05), (0.25, 1.2)):
        shifted = centres - (1.0 - share) * radii[:, None] * np.array([0.45, 0.3])
        shade = tuple(float(min(255.0, c * light)) for c in colour)
        _fill_capsule(image, shifted, radii * share, shade)


def _fill_capsule(image: np.ndarray, centres: np.ndarray, radii: np.ndarray, colour) -> None:
    angles = np.linspace(0, 2 * np.pi, 20, endpoint=False)
    circle = np.stack([np.cos(angles), np.sin(angles)], axis=1)
    points = np.concatenate([c + r * circle for c, r in zip(centres, radii, strict=True)])
    hull = cv2.convexHull(np.round(points * (1 << _SHIFT)).astype(np.int32))
    cv2.fillConvexPoly(image, hull, colour, cv2.LINE_AA, _SHIFT)


def _draw_shadow(
    image: np.ndarray, walker: Walker, ground: np.ndarray, camera: Camera, rotation: np.ndarray,
    translation_mm: np.ndarray,
) -> None:  # fmt: skip
    angles = np.linspace(0, 2 * np.pi, 32, endpoint=False)
    ring = np.stack([np.cos(angles) * 0.2 + 0.1, np.sin(angles) * 0.12, np.zeros(32)], axis=1)
    points = ring * walker.stature_mm + [*ground, 0.0]
    outline = camera.project(points @ rotation.T + translation_mm)
    shade = np.zeros(image.shape[:2], np.uint8)
    cv2.fillConvexPoly(shade, np.round(outline * (1 << _SHIFT)).astype(np.int32), 110, cv2.LINE_AA, _SHIFT)
    shade = cv2.GaussianBlur(shade, (0, 0), 3.0)
    image[:] = (image * (1.0 - shade[..., None] / 255.0)).astype(np.uint8)


def backdrop(camera: Camera, rotation: np.ndarray, translation_mm: np.ndarray) -> np.ndarray:
    """Return a paved ground up to a plain wall 13 m away, by casting every pixel's ray."""
    width, height = SIZE_WH_PX
    u, v = np.meshgrid(np.arange(width), np.arange(height))
    rays = camera.rays(np.stack([u, v], axis=-1)) @ rotation
    eye = -rotation.T @ translation_mm
    with np.errstate(divide="ignore"):
        to_ground = np.where(rays[..., 2] < 0, -eye[2] / rays[..., 2], np.inf)
        to_wall = np.where(rays[..., 1] > 0, (13000.0 - eye[1]) / rays[..., 1], np.inf)
    on_ground = to_ground < to_wall
    points = eye + rays * np.minimum(to_ground, to_wall)[..., None]
    seams = (np.abs((points[..., :2] / 1000.0) % 1.0 - 0.5) > 0.485).any(axis=-1)
    ground = np.where(seams, 128.0, 150.0) - 2.0 * points[..., 1] / 1000.0
    wall = 192.0 + 12.0 * points[..., 2] / 3000.0
    grey = np.where(on_ground, ground, wall)
    tint = np.where(on_ground[..., None], [1.0, 0.99, 0.95], [1.0, 0.97, 0.92])
    mottle = cv2.GaussianBlur(np.random.default_rng(0).normal(0, 12, (height, width)), (0, 0), 2.0)
    image = (grey + mottle)[..., None] * tint
    return cv2.GaussianBlur(np.clip(image, 0, 255), (0, 0), 0.7).astype(np.uint8)


def _write_camera(path: Path, camera: Camera, rotation: np.ndarray, translation_mm: np.ndarray) -> None:
    content = {
        "camera_name": "synthetic_clip",
        "image_width": camera.size_wh_px[0],
        "image_height": camera.size_wh_px[1],
        "camera_matrix": {"rows": 3, "cols": 3, "data": camera.K.ravel().tolist()},
        "distortion_model": "plumb_bob",
        "distortion_coefficients": {"rows": 1, "cols": 5, "data": [0.0] * 5},
        "world_to_camera_rotation_row_major": rotation.ravel().tolist(),
        "world_to_camera_translation_mm": np.asarray(translation_mm).tolist(),
    }
    path.write_text(yaml.safe_dump(content, sort_keys=False))
