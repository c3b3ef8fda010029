"""What lens, sensor and codec do to a picture: blur, exposure, colour, noise, tone curve, sharpening,
compression."""

from __future__ import annotations

import functools
from dataclasses import dataclass

import cv2
import numba
import numpy as np

from hdnet_ros.data.synthetic.backgrounds import linear_to_srgb
from hdnet_ros.data.synthetic.borrowing import borrowed

_LUT_SIZE = 4096


@dataclass(frozen=True)
class DegradeConfig:
    """Shares of pictures with each defect."""

    resample_share: float = 0.45
    defocus_share: float = 0.45
    motion_share: float = 0.12
    sharpen_share: float = 0.4
    jpeg_share: float = 0.85
    grey_share: float = 0.04
    interlace_share: float = 0.015
    low_light_share: float = 0.1


@functools.lru_cache(maxsize=1)
def _noise_pool() -> np.ndarray:
    """Unit Gaussian noise (512, 512, 3) float32; windows of it are cheaper than fresh noise."""
    return np.random.default_rng(7).standard_normal((512, 512, 3)).astype(np.float32)


@numba.njit(cache=True, nogil=True, fastmath=True)
def _expose(picture, gain, read_noise, shot_noise, grain, row0, column0, chroma, vignette, curve, out):
    """Linear light to 8-bit codes: gains, vignette around the picture's centre, noise, tone curve."""
    picture, gain, grain, vignette = borrowed(picture), borrowed(gain), borrowed(grain), borrowed(vignette)
    curve, out = borrowed(curve), borrowed(out)
    height, width = picture.shape[:2]
    size = grain.shape[0]
    last = curve.shape[0] - 1
    for i in range(height):
        for j in range(width):
            dark = 1.0 - vignette[0] * ((i - vignette[1]) ** 2 + (j - vignette[2]) ** 2)
            grey = grain[(i + row0) % size, (j + column0) % size, 0]
            for c in range(3):
                value = picture[i, j, c] * gain[c] * dark
                noise = grey + chroma * (grain[(i + row0) % size, (j + column0) % size, c] - grey)
                value += noise * np.sqrt(read_noise * read_noise + shot_noise * shot_noise * max(value, 0.0))
                at = min(max(value * last, 0.0), float(last))
                out[i, j, c] = curve[int(at + 0.5)]


def _tone_curve(rng: np.random.Generator) -> np.ndarray:
    """8-bit code for each linear level: sRGB bent by contrast, gamma, lifted blacks and a soft or hard
    shoulder."""
    level = np.linspace(0, 1, _LUT_SIZE)
    if rng.random() < 0.5:
        level = np.clip(level * 1.1, 0, 1) - 0.1 * level**3
    code = linear_to_srgb(level) ** np.exp(rng.normal(0, 0.12))
    contrast = rng.uniform(-0.15, 0.55)
    bent = 0.5 - 0.5 * np.cos(np.pi * code)
    code = (1 - contrast) * code + contrast * bent
    black, white = rng.uniform(-0.03, 0.07), rng.uniform(0.93, 1.06)
    return np.clip((black + code * (white - black)) * 255, 0, 255).astype(np.float32)


def _exposure_gain(rng: np.random.Generator, picture: np.ndarray) -> np.ndarray:
    """White balance and the gain of an imperfect automatic exposure."""
    sample = picture[::4, ::4].mean(-1)
    level = 0.7 * float(sample.mean()) + 0.3 * float(np.percentile(sample, 90)) * 0.5
    gain = np.exp(rng.normal(np.log(0.24), 0.35)) / max(level, 0.02)
    balance = np.exp(
        rng.normal(0, 0.07) * np.array([1, 0, -1]) + rng.normal(0, 0.025) * np.array([-0.5, 1, -0.5])
    )
    return gain * balance


def _blur(rng: np.random.Generator, picture: np.ndarray, config: DegradeConfig) -> np.ndarray:
    height, width = picture.shape[:2]
    if rng.random() < config.defocus_share:
        picture = cv2.GaussianBlur(
            picture, (0, 0), rng.uniform(0.4, 1.0) if rng.random() < 0.8 else rng.uniform(1.0, 1.8)
        )
    if rng.random() < config.motion_share:
        picture = cv2.filter2D(picture, -1, motion_kernel(rng.uniform(2, 7), rng.uniform(0, np.pi)))
    if rng.random() < config.resample_share:
        factor = rng.uniform(1.15, 2.3)
        small = cv2.resize(
            picture, (max(int(width / factor), 8), max(int(height / factor), 8)), interpolation=cv2.INTER_AREA
        )
        picture = cv2.resize(
            small, (width, height), interpolation=cv2.INTER_CUBIC if rng.random() < 0.5 else cv2.INTER_LINEAR
        )
    if rng.random() < 0.15:
        stretch = 1 + rng.normal(0, 0.0015)
        warp = np.array([[stretch, 0, rng.normal(0, 0.4)], [0, stretch, rng.normal(0, 0.4)]])
        for channel in (0, 2):
            picture[..., channel] = cv2.warpAffine(
                np.ascontiguousarray(picture[..., channel]),
                warp,
                (width, height),
                borderMode=cv2.BORDER_REPLICATE,
            )
            warp[:, 2] *= -1
    return picture


def motion_kernel(length_px: float, angle_rad: float) -> np.ndarray:
    """A line of this length and direction that sums to one, (n, n) float32 with an odd n."""
    size = int(np.ceil(length_px)) | 1
    kernel = np.zeros((size, size), np.float32)
    middle, step = size // 2, 0.5 * length_px * np.array([np.cos(angle_rad), np.sin(angle_rad)])
    start, end = np.round(16 * (middle - step)).astype(int), np.round(16 * (middle + step)).astype(int)
    cv2.line(kernel, tuple(map(int, start)), tuple(map(int, end)), 1.0, 1, cv2.LINE_AA, shift=4)
    return kernel / max(float(kernel.sum()), 1e-6)


def degrade(
    rng: np.random.Generator,
    picture: np.ndarray,
    picture_centre_px,
    picture_diagonal_px: float,
    config: DegradeConfig = DegradeConfig(),
) -> np.ndarray:
    """Camera picture (H,W,3) uint8 sRGB of a linear one (H,W,3) float32 in RGB.

    Parameters
    ----------
    picture_centre_px : (x, y) of the whole picture's centre in this window, for vignetting
    picture_diagonal_px : half diagonal of the whole picture
    """
    picture = _blur(rng, np.maximum(picture, 0), config)
    gain = _exposure_gain(rng, picture)
    noise = np.exp(rng.uniform(np.log(0.0012), np.log(0.02)))
    if rng.random() < config.low_light_share:
        gain, noise = gain * rng.uniform(0.15, 0.6), noise * rng.uniform(1.5, 3)
    vignette = np.array(
        [
            rng.choice([0, rng.uniform(0, 0.5)]) / picture_diagonal_px**2,
            picture_centre_px[1],
            picture_centre_px[0],
        ]
    )
    out = np.empty(picture.shape, np.uint8)
    row0, column0 = (int(v) for v in rng.integers(0, 512, 2))
    _expose(
        picture,
        gain,
        0.4 * noise,
        noise,
        _noise_pool(),
        row0,
        column0,
        rng.uniform(0.2, 1),
        vignette,
        _tone_curve(rng),
        out,
    )
    return _finish(rng, out, config)


def _finish(rng: np.random.Generator, out: np.ndarray, config: DegradeConfig) -> np.ndarray:
    """Denoising, colour strength, sharpening, interlacing and compression, on 8-bit codes."""
    if rng.random() < 0.15:
        out = (
            cv2.medianBlur(out, 3)
            if rng.random() < 0.4
            else cv2.GaussianBlur(out, (0, 0), rng.uniform(0.4, 0.8))
        )
    strength = 0.0 if rng.random() < config.grey_share else rng.uniform(0.6, 1.3)
    grey = cv2.cvtColor(cv2.cvtColor(out, cv2.COLOR_RGB2GRAY), cv2.COLOR_GRAY2RGB)
    out = cv2.addWeighted(out, strength, grey, 1 - strength, 0)
    if rng.random() < config.sharpen_share:
        amount = rng.uniform(0.3, 1.6)
        out = cv2.addWeighted(out, 1 + amount, cv2.GaussianBlur(out, (0, 0), rng.uniform(0.7, 1.6)), -amount, 0)
    if rng.random() < config.interlace_share:
        out[1::2] = np.roll(out[1::2], int(rng.integers(1, 4)), axis=1)
    if rng.random() < config.jpeg_share:
        quality = int(rng.uniform(25, 95)) if rng.random() < 0.8 else int(rng.uniform(80, 97))
        code = cv2.imencode(".jpg", out[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, quality])[1]
        out = np.ascontiguousarray(cv2.imdecode(code, cv2.IMREAD_COLOR)[..., ::-1])
    return out
