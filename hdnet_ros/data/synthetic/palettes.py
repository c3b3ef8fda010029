"""Colours people are seen in: skin, hair, cloth, leather; drawn as linear RGB.

Cloth is mostly dark, grey, blue or white, as in the street; saturated colours are the minority.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

_SKIN_SRGB = np.array([[244, 214, 196], [231, 190, 165], [214, 168, 138], [188, 138, 105], [150, 104, 74],
                       [112, 74, 52], [78, 52, 40]]) / 255.0
_HAIR_SRGB = {"black": ([22, 19, 18], 0.36), "dark brown": ([48, 34, 26], 0.27), "brown": ([84, 58, 40], 0.15),
              "blond": ([168, 134, 86], 0.10), "red": ([122, 62, 34], 0.03), "grey": ([140, 138, 134], 0.06),
              "white": ([205, 202, 196], 0.03)}
_CLOTH_SRGB = {
    "black": ([24, 24, 26], 0.20), "charcoal": ([52, 54, 58], 0.12), "grey": ([118, 119, 122], 0.08),
    "light grey": ([178, 178, 180], 0.05), "white": ([232, 231, 228], 0.10), "navy": ([30, 36, 62], 0.12),
    "blue": ([52, 88, 150], 0.06), "light blue": ([142, 172, 208], 0.04), "brown": ([88, 64, 48], 0.05),
    "beige": ([192, 172, 140], 0.05), "olive": ([84, 86, 56], 0.04), "green": ([44, 104, 70], 0.025),
    "burgundy": ([96, 28, 40], 0.02), "red": ([176, 36, 40], 0.04), "pink": ([220, 150, 168], 0.02),
    "yellow": ([222, 188, 62], 0.015), "orange": ([216, 110, 44], 0.01), "purple": ([98, 66, 128], 0.015),
    "turquoise": ([52, 148, 152], 0.01), "high-visibility": ([208, 232, 40], 0.01)}
_TROUSER_SRGB = {
    "dark denim": ([38, 48, 74], 0.17), "denim": ([72, 94, 136], 0.20), "light denim": ([128, 152, 186], 0.07),
    "black": ([24, 24, 27], 0.24), "charcoal": ([54, 55, 60], 0.09), "grey": ([112, 112, 116], 0.06),
    "navy": ([32, 38, 62], 0.06), "khaki": ([158, 138, 104], 0.06), "brown": ([86, 66, 50], 0.03),
    "white": ([224, 222, 216], 0.02)}
_SHOE_SRGB = {"black": ([22, 21, 21], 0.42), "brown": ([74, 50, 36], 0.16), "white": ([222, 221, 217], 0.20),
              "grey": ([110, 111, 114], 0.10), "navy": ([36, 42, 66], 0.05), "red": ([160, 40, 42], 0.03),
              "beige": ([186, 164, 134], 0.04)}


def to_linear(srgb: NDArray) -> NDArray:
    """Linear RGB of sRGB values in 0..1 (IEC 61966-2-1)."""
    srgb = np.asarray(srgb, dtype=np.float64)
    return np.where(srgb <= 0.04045, srgb / 12.92, ((srgb + 0.055) / 1.055) ** 2.4)


def _compiled(table: dict) -> tuple[NDArray, NDArray]:
    shares = np.cumsum([share for _, share in table.values()])
    return shares / shares[-1], np.array([colour for colour, _ in table.values()]) / 255.0


_YOUNG_HAIR = _compiled({name: _HAIR_SRGB[name] for name in ("black", "dark brown", "brown", "blond", "red")})
_HAIR, _CLOTH, _TROUSER, _SHOE = (_compiled(table) for table in (_HAIR_SRGB, _CLOTH_SRGB, _TROUSER_SRGB, _SHOE_SRGB))


def _draw(rng: np.random.Generator, table: tuple[NDArray, NDArray], spread: float) -> NDArray:
    shares, colours = table
    colour = colours[int(np.searchsorted(shares, rng.random()))]
    colour = colour * np.exp(rng.normal(0.0, 0.18)) + rng.normal(0.0, spread, 3)
    return to_linear(np.clip(colour, 0.03, 0.95))


def skin_colour(rng: np.random.Generator) -> NDArray:
    """Linear RGB anywhere between the lightest and the darkest skin."""
    position = float(rng.beta(1.1, 1.3)) * (len(_SKIN_SRGB) - 1)
    low = min(int(position), len(_SKIN_SRGB) - 2)
    colour = _SKIN_SRGB[low] + (position - low) * (_SKIN_SRGB[low + 1] - _SKIN_SRGB[low])
    return to_linear(np.clip(colour + rng.normal(0.0, 0.012, 3), 0.05, 1.0))


def hair_colour(rng: np.random.Generator, age_years: float) -> NDArray:
    """Linear RGB of hair; grey and white become likely after fifty, and are rare before."""
    if rng.random() < np.interp(age_years, [38, 52, 65, 80], [0.0, 0.2, 0.6, 0.95]):
        return to_linear(np.clip(rng.uniform(0.4, 0.86) + rng.normal(0, 0.01, 3), 0, 1))
    young = rng.random() < 0.97 if age_years < 35 else False
    return _draw(rng, _YOUNG_HAIR if young else _HAIR, 0.012)


def cloth_colour(rng: np.random.Generator) -> NDArray:
    """Linear RGB of a garment of the upper body, a skirt or a bag."""
    if rng.random() < 0.05:
        return to_linear(rng.uniform(0.05, 0.9, 3))
    return _draw(rng, _CLOTH, 0.02)


def bright_colour(rng: np.random.Generator) -> NDArray:
    """Linear RGB of a garment for small children: strong or light."""
    hue = rng.uniform(0.0, 3.0, 1) + np.array([0.0, 1.0, 2.0])
    strong = np.clip(np.abs((hue % 3.0) - 1.5) * 2.0 - 0.5, 0.0, 1.0)
    strength = rng.uniform(0.35, 0.9)
    return to_linear(np.clip(rng.uniform(0.65, 0.95) * (1.0 - strength * (1.0 - strong)), 0.03, 0.95))


def trouser_colour(rng: np.random.Generator) -> NDArray:
    """Linear RGB of trousers: denim and dark cloth mostly."""
    return cloth_colour(rng) if rng.random() < 0.12 else _draw(rng, _TROUSER, 0.018)


def shoe_colour(rng: np.random.Generator) -> NDArray:
    """Linear RGB of shoes."""
    return _draw(rng, _SHOE, 0.012)
