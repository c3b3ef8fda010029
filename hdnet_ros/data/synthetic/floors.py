"""Floors: regions of asphalt, grass, tiles or carpet with borders, and what is painted, spilt or dropped on
them."""

from __future__ import annotations

import numpy as np

from hdnet_ros.data.synthetic.backgrounds import TextureBank
from hdnet_ros.data.synthetic.furniture import random_tint

Rng = np.random.Generator


def draw_ground(rng: Rng, bank: TextureBank, indoors: bool, several: bool) -> np.ndarray:
    """Floor regions (rows as in raycast): a base and up to three strips or half-planes with wobbly or kerbed
    borders."""
    kind = "ground_indoor" if indoors else "ground_outdoor"
    rows = []
    for index in range(1 + int(rng.choice(4, p=(0.3, 0.35, 0.25, 0.1))) * several):
        angle, texture = rng.uniform(0, 2 * np.pi), bank.pick(rng, kind)
        half_width = rng.choice([rng.uniform(0.5, 4), 1000.0])
        offset = rng.uniform(-8, 8) + (half_width if half_width > 100 else 0)
        kerb = rng.choice([0, 0, rng.uniform(0.03, 0.12)])
        tile = bank.tile_m[texture] * rng.uniform(0.7, 1.4)
        rows.append(
            [
                np.cos(angle),
                np.sin(angle),
                offset,
                half_width,
                rng.choice([0, 0.1, 0.6]),
                texture,
                tile,
                *random_tint(rng, 0.05),
                kerb if index else 0,
                rng.uniform(0.1, 0.6),
                *rng.uniform(0, 1, 2),
            ]
        )
    return np.array(rows, np.float64)


def draw_marks(rng: Rng, outdoors: bool) -> np.ndarray:
    """Painted lines, stains, patches and litter on the floor (rows as in raycast)."""
    rows = []
    if outdoors:
        angle = rng.uniform(0, np.pi)
        for _k in range(int(rng.choice([0, 0, 1, 2, 5]))):
            at, turn = rng.uniform(-6, 6, 2), angle + rng.choice([0, 0, np.pi / 2])
            paint = (0.75, 0.7, 0.2) if rng.random() < 0.25 else (0.7, 0.7, 0.68)
            rows.append(
                [
                    *at,
                    np.cos(turn),
                    np.sin(turn),
                    rng.choice([2.5, 40]),
                    rng.uniform(0.03, 0.09),
                    *paint,
                    rng.uniform(0.3, 0.9),
                    rng.choice([0, 0, 4.0]),
                    0,
                ]
            )
    for _ in range(int(rng.integers(0, 8))):
        angle, dark = rng.uniform(0, np.pi), rng.uniform(0.01, 0.12)
        colour = rng.uniform(0, 0.8, 3) if rng.random() < 0.25 else (dark, dark, dark)
        size = rng.uniform(0.05, 0.9, 2)
        rows.append(
            [
                *rng.uniform(-7, 7, 2),
                np.cos(angle),
                np.sin(angle),
                *size,
                *colour,
                rng.uniform(0.15, 0.7),
                0,
                rng.random() < 0.8,
            ]
        )
    return np.array(rows, np.float64).reshape(-1, 12)
