"""Tileable procedural textures: floors, walls, facades, foliage and furniture surfaces, 256 px square, uint8
sRGB."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

SIZE_PX = 256
Rng = np.random.Generator


def tileable_noise(
    rng: Rng, exponent: float, size_px: int = SIZE_PX, stretch: tuple[float, float] = (1.0, 1.0)
) -> np.ndarray:
    """Periodic noise with a power-law spectrum, zero mean, unit deviation.

    Parameters
    ----------
    exponent : amplitude falls with frequency to this power (0 is white, 2 is cloudy)
    stretch : multiplies the frequencies along y and x; above 1 makes the grain longer in that direction
    """
    fy = np.fft.fftfreq(size_px)[:, None] * size_px * stretch[0]
    fx = np.fft.rfftfreq(size_px)[None, :] * size_px * stretch[1]
    radius = np.hypot(fy, fx)
    radius[0, 0] = np.inf
    spectrum = np.fft.rfft2(rng.standard_normal((size_px, size_px))) / np.maximum(radius, 1.0) ** exponent
    noise = np.fft.irfft2(spectrum, s=(size_px, size_px))
    return ((noise - noise.mean()) / (noise.std() + 1e-9)).astype(np.float32)


def _paint(colour, *layers: np.ndarray) -> np.ndarray:
    """A colour (3,) multiplied by 1 + the sum of (S,S) layers, as uint8."""
    picture = np.asarray(colour, np.float32) * (1 + sum(layers))[..., None]
    return np.clip(picture * 255, 0, 255).astype(np.uint8)


def _grid(rng: Rng, rows: int, columns: int, gap_px: float, shift: float = 0.0):
    """Mask of joints and a random value per cell of a brick or tile grid, (S,S) each."""
    y, x = np.mgrid[0:SIZE_PX, 0:SIZE_PX].astype(np.float32)
    row = (y * rows / SIZE_PX).astype(int)
    across = x * columns / SIZE_PX + shift * (row % 2)
    column = across.astype(int) % columns
    inside_y, inside_x = (y * rows / SIZE_PX) % 1, across % 1
    gap_y, gap_x = gap_px * rows / SIZE_PX, gap_px * columns / SIZE_PX
    joint = ((inside_y < gap_y) | (inside_x < gap_x)).astype(np.float32)
    return joint, rng.standard_normal((rows, columns)).astype(np.float32)[row, column]


def _grey(rng: Rng, low: float, high: float, tint: float = 0.03) -> np.ndarray:
    return np.clip(rng.uniform(low, high) * (1 + tint * rng.standard_normal(3)), 0.02, 0.98)


def _muted(rng: Rng, low: float, high: float) -> np.ndarray:
    """A colour (3,) that is mostly grey, now and then strong, as things are."""
    strength = rng.beta(1.2, 3.0)
    return (1 - strength) * rng.uniform(low, high) + strength * rng.uniform(low, high, 3)


def asphalt(rng: Rng) -> np.ndarray:
    fine, cloud = tileable_noise(rng, 0.2), tileable_noise(rng, 1.6)
    cracks = np.abs(tileable_noise(rng, 1.4)) < rng.uniform(0, 0.02)
    return _paint(_grey(rng, 0.25, 0.62), 0.09 * fine, 0.07 * cloud, -0.3 * cracks)


def concrete(rng: Rng) -> np.ndarray:
    joint, _ = _grid(rng, 1, 1, rng.uniform(0, 3))
    return _paint(
        _grey(rng, 0.4, 0.75, 0.04),
        0.03 * tileable_noise(rng, 0.3),
        0.07 * tileable_noise(rng, 1.7),
        -0.3 * joint,
    )


def grass(rng: Rng) -> np.ndarray:
    base = np.array([rng.uniform(0.25, 0.42), rng.uniform(0.33, 0.46), rng.uniform(0.13, 0.26)])
    blades, patch = tileable_noise(rng, 0.5, stretch=(0.5, 1.0)), tileable_noise(rng, 1.5)
    picture = _paint(base, 0.22 * blades, 0.12 * patch).astype(np.float32)
    dry = np.clip(patch - rng.uniform(0.8, 2), 0, 1)[..., None]
    return np.clip(picture * (1 - 0.4 * dry) + 0.4 * dry * np.array([150, 130, 80]), 0, 255).astype(np.uint8)


def soil(rng: Rng) -> np.ndarray:
    base = np.array([rng.uniform(0.4, 0.65), rng.uniform(0.33, 0.5), rng.uniform(0.22, 0.4)])
    return _paint(base, 0.16 * tileable_noise(rng, 0.4), 0.12 * tileable_noise(rng, 1.4))


def tiles(rng: Rng) -> np.ndarray:
    count = int(rng.integers(2, 7))
    joint, cell = _grid(rng, count, count, rng.uniform(1, 4))
    checker = (np.indices((SIZE_PX, SIZE_PX)) * count // SIZE_PX).sum(0) % 2 * rng.choice([0, 0, 0.3, -0.5])
    return _paint(
        _grey(rng, 0.35, 0.9, 0.05),
        0.04 * cell,
        rng.uniform(-0.4, 0.2) * joint,
        0.03 * tileable_noise(rng, 1.2),
        checker,
    )


def paving(rng: Rng) -> np.ndarray:
    rows = int(rng.integers(4, 12))
    joint, cell = _grid(rng, rows, max(2, rows // 2), rng.uniform(1.5, 4), 0.5)
    return _paint(_grey(rng, 0.35, 0.65, 0.06), 0.07 * cell, -0.35 * joint, 0.08 * tileable_noise(rng, 0.4))


def brick(rng: Rng) -> np.ndarray:
    joint, cell = _grid(rng, int(rng.choice([8, 12, 16])), 4, 2.5, 0.5)
    base = np.array([rng.uniform(0.45, 0.72), rng.uniform(0.28, 0.5), rng.uniform(0.2, 0.42)])
    return _paint(base, 0.1 * cell, rng.uniform(-0.3, 0.35) * joint, 0.07 * tileable_noise(rng, 0.5))


def carpet(rng: Rng) -> np.ndarray:
    colour = _muted(rng, 0.15, 0.65)
    y, x = np.mgrid[0:SIZE_PX, 0:SIZE_PX] * 2 * np.pi / SIZE_PX
    pattern = np.sign(np.sin(x * rng.integers(1, 9)) * np.sin(y * rng.integers(1, 9))) * rng.choice(
        [0, 0, 0.1, 0.2]
    )
    return _paint(colour, 0.1 * tileable_noise(rng, 0.1), pattern)


def wood(rng: Rng) -> np.ndarray:
    rows = int(rng.integers(3, 9))
    joint, cell = _grid(rng, rows, int(rng.integers(1, 3)), rng.uniform(0.7, 1.6), 0.5)
    base = np.array([0.62, 0.44, 0.28]) * rng.uniform(0.5, 1.4) * (1 + 0.06 * rng.standard_normal(3))
    return _paint(base, 0.12 * cell, 0.09 * tileable_noise(rng, 1.0, stretch=(1.0, 8.0)), -0.3 * joint)


def plaster(rng: Rng) -> np.ndarray:
    colour = np.clip(
        _grey(rng, 0.55, 0.95) * (1 + rng.choice([0.03, 0.03, 0.12]) * rng.standard_normal(3)), 0.1, 0.97
    )
    return _paint(colour, 0.015 * tileable_noise(rng, 0.3), 0.025 * tileable_noise(rng, 1.8))


def facade(rng: Rng) -> np.ndarray:
    """One storey by a few bays: windows with frames and reflections in a brick or plaster wall."""
    wall = (brick if rng.random() < 0.4 else plaster)(rng)
    bays = int(rng.integers(1, 4))
    step = SIZE_PX // bays
    top, bottom = int(rng.uniform(0.15, 0.3) * SIZE_PX), int(rng.uniform(0.6, 0.85) * SIZE_PX)
    margin = int(step * rng.uniform(0.1, 0.3))
    frame = np.clip(_grey(rng, 0.15, 0.95) * 255, 0, 255)
    shine = np.linspace(rng.uniform(0.1, 0.6), rng.uniform(0.05, 0.5), bottom - top)[:, None, None]
    for bay in range(bays):
        left, right = bay * step + margin, (bay + 1) * step - margin
        wall[top:bottom, left:right] = frame
        glass = 255 * shine * rng.uniform(0.4, 1.2) * np.array([0.85, 0.95, 1.05])
        wall[top + 4 : bottom - 4, left + 4 : right - 4] = np.clip(glass, 0, 255)[4:-4]
        wall[top:bottom, (left + right) // 2 - 2 : (left + right) // 2 + 2] = frame
    return wall


def foliage(rng: Rng) -> np.ndarray:
    base = np.array([rng.uniform(0.15, 0.38), rng.uniform(0.25, 0.38), rng.uniform(0.1, 0.22)])
    return _paint(base, 0.35 * tileable_noise(rng, 0.6), 0.3 * tileable_noise(rng, 1.1))


def shelf(rng: Rng) -> np.ndarray:
    """Boards with rows of coloured boxes or books."""
    picture = np.full((SIZE_PX, SIZE_PX, 3), 255 * _grey(rng, 0.1, 0.6, 0.1), np.float32)
    rows = int(rng.integers(2, 5))
    height = SIZE_PX // rows
    for row in range(rows):
        x = 4
        while x < SIZE_PX - 12:
            width, tall = int(rng.integers(5, 30)), int(height * rng.uniform(0.5, 0.85))
            bottom = (row + 1) * height - 5
            picture[bottom - tall : bottom, x : x + width - 1] = 255 * _muted(rng, 0.05, 0.95)
            x += width if rng.random() < 0.9 else width + 25
    return picture.astype(np.uint8)


def fabric(rng: Rng) -> np.ndarray:
    y, x = np.mgrid[0:SIZE_PX, 0:SIZE_PX] * 2 * np.pi / SIZE_PX
    wave = np.sign(np.sin(x * rng.integers(1, 24) * rng.integers(0, 2) + y * rng.integers(1, 24))) * rng.choice(
        [0, 0, 0.1, 0.3]
    )
    return _paint(_muted(rng, 0.05, 0.85), wave, 0.05 * tileable_noise(rng, 0.5))


def metal(rng: Rng) -> np.ndarray:
    colour = _muted(rng, 0.05, 0.9)
    return _paint(colour, 0.03 * tileable_noise(rng, 1.5), 0.015 * tileable_noise(rng, 0.2))


def plain(rng: Rng) -> np.ndarray:
    """Nearly flat light grey, to be tinted: paint and cloth without a pattern."""
    return _paint(np.full(3, 0.9), 0.012 * tileable_noise(rng, 1.5))


def sign(rng: Rng) -> np.ndarray:
    """A poster, notice or parking sign: a flat colour with bars and blocks of another."""
    picture = np.full((SIZE_PX, SIZE_PX, 3), rng.uniform(20, 250, 3), np.float32)
    ink = rng.uniform(0, 255, 3)
    for _ in range(int(rng.integers(2, 12))):
        y, x = rng.integers(10, SIZE_PX - 40, 2)
        picture[y : y + int(rng.integers(4, 30)), x : x + int(rng.integers(20, 200))] = (
            ink if rng.random() < 0.7 else rng.uniform(0, 255, 3)
        )
    return picture.astype(np.uint8)


# kind -> (generators, metres that one tile covers)
KINDS: dict[str, tuple[tuple[Callable, float], ...]] = {
    "ground_outdoor": (
        (asphalt, 3.0),
        (asphalt, 3.0),
        (concrete, 2.5),
        (grass, 2.0),
        (grass, 2.5),
        (soil, 2.0),
        (paving, 1.6),
    ),
    "ground_indoor": ((tiles, 1.6), (carpet, 1.0), (wood, 1.0), (concrete, 3.0)),
    "wall_outdoor": ((brick, 1.0), (plaster, 3.0), (facade, 3.2), (facade, 3.5), (concrete, 3.0)),
    "wall_indoor": (
        (plaster, 3.0),
        (plaster, 3.0),
        (plaster, 3.0),
        (plaster, 3.0),
        (fabric, 1.5),
        (shelf, 2.0),
        (wood, 1.5),
    ),
    "foliage": ((foliage, 1.2),),
    "surface": ((metal, 1.5), (fabric, 0.8), (wood, 0.8), (shelf, 1.0)),
    "plain": ((plain, 1.0),),
    "sign": ((sign, 1.0),),
}


PER_GENERATOR, HELD_OUT = 10, 2


def draw_textures(seed: int, holdout: bool):
    """Yield (kind, metres per tile, picture (256,256,3) uint8) of one split, the same list for the same
    seed; every split has every kind."""
    numbers = range(PER_GENERATOR - HELD_OUT, PER_GENERATOR) if holdout else range(PER_GENERATOR - HELD_OUT)
    for kind, generators in KINDS.items():
        for index, (make, tile_m) in enumerate(generators):
            for n in numbers:
                yield kind, tile_m, make(np.random.default_rng([seed, index, n, len(kind)]))
