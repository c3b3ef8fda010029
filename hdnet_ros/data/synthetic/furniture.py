"""Things that stand in scenes, built of boxes, cones and ellipsoids: furniture, cars, plants, poles, fences,
buildings."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from hdnet_ros.data.synthetic.backgrounds import TextureBank
from hdnet_ros.data.synthetic.raycast import BOX, CONE, ELLIPSOID, PRIMITIVE_WIDTH

Rng = np.random.Generator
Builder = Callable[["PrimitiveList", Rng, np.ndarray, float], None]


class PrimitiveList:
    """Collects primitives (rows of raycast.PRIMITIVE_WIDTH numbers) with textures from a bank.

    things : number of the thing that each row is a part of, -1 for a room's walls
    """

    def __init__(self, bank: TextureBank) -> None:
        self.bank = bank
        self.rows: list[np.ndarray] = []
        self.things: list[int] = []
        self._thing = 0

    def next_thing(self) -> None:
        """What is added from here on belongs to another thing."""
        self._thing += 1

    def array(self) -> np.ndarray:
        """(P, PRIMITIVE_WIDTH) float64."""
        return np.array(self.rows, np.float64).reshape(-1, PRIMITIVE_WIDTH)

    def add(
        self,
        rng: Rng,
        shape: int,
        centre,
        half,
        yaw_rad=0.0,
        kind="surface",
        texture=None,
        tint=None,
        casts=True,
        room=False,
    ) -> None:
        """Append one primitive; `half` is half sizes (box, ellipsoid) or bottom radius, top radius, half
        height (cone)."""
        texture = self.bank.pick(rng, kind) if texture is None else texture
        row = np.zeros(PRIMITIVE_WIDTH)
        row[0] = shape
        row[1:4] = centre
        row[4:6] = np.cos(yaw_rad), np.sin(yaw_rad)
        row[6:9] = half
        row[9] = row[10] = texture
        row[11] = self.bank.tile_m[texture] * rng.uniform(0.8, 1.25)
        row[12:15] = random_tint(rng) if tint is None else tint
        row[15] = np.linalg.norm(
            [max(half[:2]) if shape == CONE else half[0], half[1] if shape == BOX else 0.0, half[2]]
        )
        row[15] = max(half) if shape == ELLIPSOID else row[15]
        row[16], row[17] = room or (shape == ELLIPSOID and kind == "foliage"), casts
        row[18:20] = rng.uniform(0, 1, 2)
        self.rows.append(row)
        self.things.append(-1 if room else self._thing)


def random_tint(rng: Rng, spread: float = 0.12) -> np.ndarray:
    """A colour factor around 1 for a texture."""
    return np.clip(rng.uniform(0.7, 1.1) * (1 + spread * rng.standard_normal(3)), 0.1, 1.4)


def _at(place: np.ndarray, yaw: float, x: float, y: float, z: float) -> np.ndarray:
    c, s = np.cos(yaw), np.sin(yaw)
    return np.array([place[0] + c * x - s * y, place[1] + s * x + c * y, z])


def table(out: PrimitiveList, rng: Rng, place, yaw) -> None:
    hx, hy, top = rng.uniform(0.4, 0.9), rng.uniform(0.3, 0.5), rng.uniform(0.68, 0.95)
    texture, tint = out.bank.pick(rng, "surface"), random_tint(rng)
    out.add(rng, BOX, _at(place, yaw, 0, 0, top - 0.02), (hx, hy, 0.02), yaw, texture=texture, tint=tint)
    for sx in (-1, 1):
        for sy in (-1, 1):
            out.add(
                rng,
                BOX,
                _at(place, yaw, sx * (hx - 0.05), sy * (hy - 0.05), top / 2),
                (0.025, 0.025, top / 2),
                yaw,
                texture=texture,
                tint=tint,
            )
    if rng.random() < 0.5:
        size = rng.uniform(0.05, 0.2, 3)
        out.add(rng, BOX, _at(place, yaw, rng.uniform(-0.3, 0.3), 0, top + size[2]), size, yaw)


def chair(out: PrimitiveList, rng: Rng, place, yaw) -> None:
    texture, tint, seat = out.bank.pick(rng, "surface"), random_tint(rng), rng.uniform(0.4, 0.5)
    out.add(rng, BOX, _at(place, yaw, 0, 0, seat), (0.22, 0.22, 0.02), yaw, texture=texture, tint=tint)
    out.add(
        rng, BOX, _at(place, yaw, -0.21, 0, seat + 0.28), (0.02, 0.21, 0.2), yaw, texture=texture, tint=tint
    )
    for sx in (-1, 1):
        for sy in (-1, 1):
            out.add(
                rng,
                BOX,
                _at(place, yaw, 0.19 * sx, 0.19 * sy, seat / 2),
                (0.018, 0.018, seat / 2),
                yaw,
                texture=texture,
                tint=tint,
            )


def crate(out: PrimitiveList, rng: Rng, place, yaw) -> None:
    half = rng.uniform(0.15, 0.5, 3)
    out.add(rng, BOX, _at(place, yaw, 0, 0, half[2]), half, yaw)
    if rng.random() < 0.4:
        upper = half * rng.uniform(0.4, 0.9, 3)
        out.add(rng, BOX, _at(place, yaw, 0, 0, 2 * half[2] + upper[2]), upper, yaw + 0.2)


def cupboard(out: PrimitiveList, rng: Rng, place, yaw) -> None:
    half = np.array([rng.uniform(0.4, 0.9), rng.uniform(0.2, 0.35), rng.uniform(0.4, 1.1)])
    out.add(rng, BOX, _at(place, yaw, 0, 0, half[2]), half, yaw)


def sofa(out: PrimitiveList, rng: Rng, place, yaw) -> None:
    texture, tint, width = out.bank.pick(rng, "surface"), random_tint(rng), rng.uniform(0.5, 1.1)
    out.add(rng, BOX, _at(place, yaw, 0, 0, 0.21), (0.4, width, 0.21), yaw, texture=texture, tint=tint)
    out.add(rng, BOX, _at(place, yaw, -0.35, 0, 0.42), (0.1, width, 0.42), yaw, texture=texture, tint=tint)


def pole(out: PrimitiveList, rng: Rng, place, yaw) -> None:
    radius, height = rng.uniform(0.03, 0.12), rng.uniform(1.0, 6.0)
    out.add(rng, CONE, (place[0], place[1], height / 2), (radius, radius * rng.uniform(0.6, 1), height / 2))
    if rng.random() < 0.5:
        half = (rng.uniform(0.15, 0.45), 0.015, rng.uniform(0.15, 0.4))
        out.add(rng, BOX, (place[0], place[1], min(height, rng.uniform(1.2, 2.6))), half, yaw, kind="sign")


def bollard(out: PrimitiveList, rng: Rng, place, yaw) -> None:
    if rng.random() < 0.4:
        out.add(
            rng,
            CONE,
            (place[0], place[1], 0.3),
            (0.16, 0.03, 0.3),
            tint=np.array([1.6, rng.uniform(0.3, 0.9), 0.1]),
        )
    else:
        out.add(rng, CONE, (place[0], place[1], 0.45), (0.09, 0.08, rng.uniform(0.3, 0.55)))


def bin_(out: PrimitiveList, rng: Rng, place, yaw) -> None:
    radius, half = rng.uniform(0.15, 0.35), rng.uniform(0.25, 0.55)
    out.add(rng, CONE, (place[0], place[1], half), (0.85 * radius, radius, half))


def plant(out: PrimitiveList, rng: Rng, place, yaw) -> None:
    pot, size = rng.uniform(0.1, 0.25), rng.uniform(0.15, 0.6)
    out.add(rng, CONE, (place[0], place[1], pot), (0.8 * pot, pot, pot))
    for _ in range(int(rng.integers(2, 6))):
        centre = np.array([place[0], place[1], 2 * pot + size * 0.7]) + 0.5 * size * rng.standard_normal(3)
        out.add(rng, ELLIPSOID, centre, size * rng.uniform(0.3, 0.8, 3), kind="foliage")


def bush(out: PrimitiveList, rng: Rng, place, yaw) -> None:
    size = rng.uniform(0.25, 0.9)
    for _ in range(int(rng.integers(3, 8))):
        centre = np.array([place[0], place[1], 0.6 * size]) + size * rng.standard_normal(3) * (0.6, 0.6, 0.25)
        out.add(rng, ELLIPSOID, centre, size * rng.uniform(0.4, 0.9, 3), kind="foliage")


def tree(out: PrimitiveList, rng: Rng, place, yaw) -> None:
    height, radius, texture = rng.uniform(2.5, 8), rng.uniform(0.08, 0.3), out.bank.pick(rng, "foliage")
    out.add(
        rng,
        CONE,
        (place[0], place[1], height / 2),
        (radius, 0.5 * radius, height / 2),
        tint=np.array([0.5, 0.4, 0.3]),
    )
    crown = height * rng.uniform(0.2, 0.4)
    for _ in range(int(rng.integers(3, 8))):
        centre = np.array([place[0], place[1], height]) + crown * rng.standard_normal(3) * (0.6, 0.6, 0.4)
        out.add(rng, ELLIPSOID, centre, crown * rng.uniform(0.4, 0.9, 3), kind="foliage", texture=texture)


def car(out: PrimitiveList, rng: Rng, place, yaw) -> None:
    paint, length, width = (
        0.85 * rng.uniform(0.03, 0.95) + 0.15 * rng.uniform(0.02, 0.95, 3)
        if rng.random() < 0.7
        else rng.uniform(0.02, 0.8, 3),
        rng.uniform(1.8, 2.4),
        rng.uniform(0.8, 0.95),
    )
    texture, dark = out.bank.pick(rng, "plain"), np.array([0.05, 0.06, 0.07])
    van = rng.random() < 0.25
    out.add(rng, BOX, _at(place, yaw, 0, 0, 0.58), (length, width, 0.33), yaw, texture=texture, tint=paint)
    roof = (0.85 * length, 0.93 * width, 0.45) if van else (0.5 * length, 0.86 * width, 0.27)
    middle = _at(place, yaw, -0.1 * length, 0, 0.91 + roof[2])
    out.add(rng, BOX, middle, roof, yaw, texture=texture, tint=paint)
    out.add(rng, BOX, middle, (roof[0] * 1.01, roof[1] * 0.95, roof[2] * 0.75), yaw, texture=texture, tint=dark)
    out.add(rng, BOX, middle, (roof[0] * 0.9, roof[1] * 1.01, roof[2] * 0.75), yaw, texture=texture, tint=dark)
    for sx in (-0.62, 0.62):
        for sy in (-1, 1):
            out.add(
                rng,
                ELLIPSOID,
                _at(place, yaw, sx * length, sy * width, 0.32),
                (0.32, 0.32, 0.32),
                texture=texture,
                tint=dark,
            )


def low_wall(out: PrimitiveList, rng: Rng, place, yaw) -> None:
    half = (rng.uniform(0.6, 3.0), rng.uniform(0.08, 0.25), rng.uniform(0.15, 0.55))
    out.add(rng, BOX, _at(place, yaw, 0, 0, half[2]), half, yaw, kind="wall_outdoor")


def fence(out: PrimitiveList, rng: Rng, place, yaw) -> None:
    texture, tint, height = out.bank.pick(rng, "surface"), random_tint(rng), rng.uniform(0.7, 1.3)
    step, count = rng.uniform(0.12, 1.2), int(rng.integers(4, 10))
    for k in range(count):
        out.add(
            rng,
            BOX,
            _at(place, yaw, (k - count / 2) * step, 0, height / 2),
            (0.02, 0.02, height / 2),
            yaw,
            texture=texture,
            tint=tint,
        )
    for level in (0.5, 0.97):
        out.add(
            rng,
            BOX,
            _at(place, yaw, -step / 2, 0, level * height),
            (step * count / 2, 0.02, 0.03),
            yaw,
            texture=texture,
            tint=tint,
        )


def bench(out: PrimitiveList, rng: Rng, place, yaw) -> None:
    texture, tint = out.bank.pick(rng, "surface"), random_tint(rng)
    out.add(rng, BOX, _at(place, yaw, 0, 0, 0.43), (0.22, 0.8, 0.03), yaw, texture=texture, tint=tint)
    for sy in (-0.7, 0.7):
        out.add(rng, BOX, _at(place, yaw, 0, sy, 0.2), (0.2, 0.03, 0.2), yaw, texture=texture, tint=tint)


# builder -> radius in metres that it needs around its place
INDOOR: tuple[tuple[Builder, float], ...] = (
    (table, 0.95),
    (chair, 0.35),
    (chair, 0.35),
    (crate, 0.6),
    (cupboard, 0.8),
    (sofa, 1.1),
    (plant, 0.6),
    (bin_, 0.35),
)
OUTDOOR: tuple[tuple[Builder, float], ...] = (
    (pole, 0.2),
    (pole, 0.2),
    (bollard, 0.2),
    (bin_, 0.35),
    (bush, 1.2),
    (tree, 0.4),
    (car, 2.5),
    (car, 2.5),
    (low_wall, 2.0),
    (fence, 3.0),
    (bench, 0.9),
    (crate, 0.6),
)
OCCLUDERS_INDOOR: tuple[tuple[Builder, float], ...] = (
    (table, 0.95),
    (chair, 0.35),
    (crate, 0.6),
    (cupboard, 0.8),
    (sofa, 1.1),
    (plant, 0.6),
    (pole, 0.15),
)
OCCLUDERS_OUTDOOR: tuple[tuple[Builder, float], ...] = (
    (pole, 0.15),
    (pole, 0.15),
    (bush, 1.0),
    (car, 2.3),
    (low_wall, 0.5),
    (fence, 0.5),
    (bin_, 0.35),
    (crate, 0.6),
)


def seat(out: PrimitiveList, rng: Rng, centre_m: np.ndarray, yaw_rad: float, height_m: float) -> None:
    """A stool, chair or block under a sitting person that faces yaw."""
    texture, tint = out.bank.pick(rng, "surface"), random_tint(rng)
    thickness = min(height_m / 2 - 0.01, rng.choice([0.03, height_m / 2]))
    width = rng.choice([rng.uniform(0.2, 0.3), rng.uniform(0.5, 1.2)])
    out.add(
        rng,
        BOX,
        _at(centre_m, yaw_rad, 0, 0, height_m - thickness),
        (0.2, width, thickness),
        yaw_rad,
        texture=texture,
        tint=tint,
    )
    if thickness < 0.05:
        for sy in (-1, 1):
            out.add(
                rng,
                BOX,
                _at(centre_m, yaw_rad, 0, sy * (width - 0.03), height_m / 2),
                (0.18, 0.02, height_m / 2),
                yaw_rad,
                texture=texture,
                tint=tint,
            )
    if rng.random() < 0.5:
        out.add(
            rng,
            BOX,
            _at(centre_m, yaw_rad, -0.24, 0, height_m + 0.2),
            (0.025, width, 0.28),
            yaw_rad,
            texture=texture,
            tint=tint,
        )
