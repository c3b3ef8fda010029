"""What lies beyond all surfaces of a scene: panoramas, photographs, skies."""

from __future__ import annotations

import cv2
import numpy as np

from hdnet_ros.data.synthetic.backgrounds import SRGB_BYTE_TO_LINEAR, TextureBank

Rng = np.random.Generator
HORIZON = -2e-3


def draw_backdrop(rng: Rng, bank: TextureBank, rays: np.ndarray, as_photo: bool) -> np.ndarray:
    """Linear picture (H,W,3) float32 of the far background: a panorama, a photograph (where as_photo), or a
    sky.

    Parameters
    ----------
    rays : (H,W,3) world axes, unit depth
    as_photo : the backdrop also stands for the floor; otherwise only what lies above the horizon is drawn
    """
    size = rays.shape[1::-1]
    # Panoramas and skies are smooth: a quarter of the pixels is enough.
    coarse = np.ascontiguousarray(rays[::2, ::2])
    if bank.panoramas and rng.random() < (0.2 if as_photo and bank.photos else 0.5):
        picture = _panorama_view(
            bank.panoramas[rng.integers(len(bank.panoramas))], coarse, rng.uniform(0, 2 * np.pi)
        )
    elif as_photo and bank.photos:
        return _photo_crop(rng, bank.photos[rng.integers(len(bank.photos))], size)
    else:
        picture = _sky(rng, coarse)
    return cv2.resize(picture, size, interpolation=cv2.INTER_LINEAR)


def needs_backdrop(rays: np.ndarray) -> bool:
    """Whether any ray rises to the horizon."""
    return bool(rays[..., 2].max() > HORIZON)


def _photo_crop(rng: Rng, photo: np.ndarray, size_wh: tuple[int, int]) -> np.ndarray:
    width, height = size_wh
    side = min(photo.shape[:2]) * rng.uniform(0.35, 1.0)
    window = np.array([width, height]) * side / max(width, height)
    x, y = (rng.uniform(0, 1, 2) * (np.array(photo.shape[1::-1]) - window)).astype(int)
    crop = photo[y : y + max(int(window[1]), 2), x : x + max(int(window[0]), 2)]
    shrinks = crop.shape[1] > width
    return SRGB_BYTE_TO_LINEAR[
        cv2.resize(crop, (width, height), interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR)
    ]


def _sky(rng: Rng, rays: np.ndarray) -> np.ndarray:
    zenith = (
        np.array([0.35, 0.5, 0.9]) * rng.uniform(0.3, 1)
        if rng.random() < 0.5
        else np.full(3, rng.uniform(0.5, 1.1))
    )
    horizon = np.array([0.9, 0.95, 1.0]) * rng.uniform(0.7, 1.2)
    share = np.clip(rays[..., 2:] * 1.5, 0, 1)
    return (horizon * (1 - share) + zenith * share).astype(np.float32)


def _panorama_view(panorama: np.ndarray, rays: np.ndarray, turn_rad: float) -> np.ndarray:
    height, width = panorama.shape[:2]
    azimuth = np.arctan2(rays[..., 1], rays[..., 0]) + np.float32(turn_rad)
    elevation = np.arctan2(rays[..., 2], np.hypot(rays[..., 0], rays[..., 1]))
    x = np.mod(azimuth / (2 * np.pi), 1).astype(np.float32) * width
    y = (0.5 - elevation / np.pi).astype(np.float32) * height
    return cv2.remap(panorama, x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_WRAP)
