"""Hair with a volume of its own, headscarves and hoods: shells around the skull that hang with gravity."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hdnet_ros.data.synthetic.garments import blob_mesh, grid_faces
from hdnet_ros.data.synthetic.mesh import TWO_SIDED, Mesh

COLUMNS, HANGING_ROWS = 26, 8
# From the crown to the brow: angle from the pole, and half the opening at the forehead there.
_DOME_RAD = np.radians([6.0, 26.0, 46.0, 66.0, 90.0])
_DOME_OPENING_RAD = np.array([0.05, 0.12, 0.25, 0.5])


@dataclass(frozen=True, eq=False)
class Skull:
    """Where hair grows on one body, in the axes of its head bone, metres.

    centre_x, half_depth, half_width : of the ellipse at the brow;  top, brow : heights
    """

    centre_x: float
    half_depth: float
    half_width: float
    top: float
    brow: float


@dataclass(frozen=True, eq=False)
class Shell:
    """Shape of a shell.

    lift_m : how far it stands off the skull
    length_m : from the brow to the hem
    opening_rad : (HANGING_ROWS,) half the opening at the front, from the brow to the hem
    spread : (HANGING_ROWS, 2) factors on depth and width
    wave, curl : relative depth of long waves and of curls
    """

    lift_m: float
    length_m: float
    opening_rad: NDArray
    spread: NDArray
    wave: float = 0.0
    curl: float = 0.0


def hanging_hair(rng: np.random.Generator, length_m: float, lift_m: float, curly: bool) -> Shell:
    """Hair to the chin, the shoulders or the waist, before or behind the shoulders."""
    down = np.linspace(0.0, 1.0, HANGING_ROWS)
    opening = rng.uniform(0.75, 1.15) + rng.uniform(-0.5, 0.9) * down
    bulge, taper = rng.uniform(0.0, 0.25) + 1.2 * lift_m, rng.uniform(-0.05, 0.35)
    spread = (1.0 + bulge * np.sin(np.pi * np.minimum(1.3 * down, 1.0)) - taper * down**2)[:, None] * np.ones(2)
    wave, curl = rng.uniform(0.01, 0.05), rng.uniform(0.05, 0.13) if curly else rng.uniform(0.0, 0.02)
    return Shell(lift_m, length_m, np.clip(opening, 0.35, 2.4), spread, wave, curl)


def cloth_around_head(rng: np.random.Generator, skull: Skull, lift_m: float) -> Shell:
    """A headscarf or a hood that is up: an opening for the face, closed below the chin, wide on the shoulders."""
    length = rng.uniform(0.24, 0.4)
    down = np.linspace(0.0, 1.0, HANGING_ROWS)
    below_chin = np.clip((down * length - (skull.brow + 0.06)) / 0.05, 0.0, 1.0)
    opening = np.maximum(rng.uniform(0.75, 1.0) * (1.0 - below_chin), 0.03)
    on_shoulders = np.clip(down * length / 0.16 - 1.0, 0.0, 1.0)
    spread = 1.0 + on_shoulders[:, None] * rng.uniform([0.15, 0.45], [0.4, 0.95])
    return Shell(lift_m, length, opening, spread, wave=0.02)


def shell_mesh(
    rng: np.random.Generator, skull: Skull, shell: Shell, head_m: NDArray, rotation: NDArray, material: NDArray
) -> Mesh:
    """A shell around the head at `head_m` (3,) turned by `rotation` (3, 3): rigid above the brow, hanging below."""
    dome = _dome_rows(skull, shell)
    hang = _hanging_rows(rng, skull, shell)
    points = [head_m + row @ rotation.T for row in dome]
    down_head, gravity = -rotation[:, 2], np.array([0.0, 0.0, -1.0])
    for share, row in zip(np.linspace(0.0, 1.0, HANGING_ROWS), hang):
        # Hair follows the head near the skull and gravity a hand's breadth below.
        blend = min(1.0, share * shell.length_m / 0.14)
        way = (1.0 - blend) * down_head + blend * gravity
        way /= max(float(np.linalg.norm(way)), 1e-6)
        level = row * (1.0, 1.0, 0.0) + (0.0, 0.0, skull.brow)
        points.append(head_m + level @ rotation.T + np.outer(skull.brow - row[:, 2], way))
    rows = len(points)
    vertices = np.concatenate(points).astype(np.float32)
    values = material.copy()
    values[TWO_SIDED] = 1.0
    return Mesh.of_one_material(vertices, grid_faces(rows, COLUMNS, closed=False), values, _strands(rng, rows))


def _columns(opening_rad: float) -> NDArray:
    """Angles (COLUMNS,) from one side of the opening at the front round the back to the other."""
    return np.linspace(opening_rad, 2.0 * np.pi - opening_rad, COLUMNS)


def _dome_rows(skull: Skull, shell: Shell) -> list[NDArray]:
    rows = []
    openings = np.append(_DOME_OPENING_RAD, shell.opening_rad[0])
    for pole, opening in zip(_DOME_RAD, openings):
        angle = _columns(opening)
        x = skull.centre_x + (skull.half_depth + shell.lift_m) * np.sin(pole) * np.cos(angle)
        y = (skull.half_width + shell.lift_m) * np.sin(pole) * np.sin(angle)
        z = skull.brow + (skull.top + shell.lift_m - skull.brow) * np.cos(pole)
        rows.append(np.column_stack([x, y, np.full(COLUMNS, z)]))
    return rows


def _hanging_rows(rng: np.random.Generator, skull: Skull, shell: Shell) -> list[NDArray]:
    phase = rng.uniform(0.0, 2.0 * np.pi, 3)
    rows = []
    for share, opening, spread in zip(np.linspace(0.0, 1.0, HANGING_ROWS), shell.opening_rad, shell.spread):
        angle = _columns(opening)
        waves = shell.wave * (np.sin(5 * angle + phase[0] + 3 * share) + np.sin(9 * angle + phase[1] - 5 * share))
        radius = 1.0 + share**0.5 * waves + shell.curl * rng.uniform(-1.0, 1.0, COLUMNS)
        x = skull.centre_x + (skull.half_depth + shell.lift_m) * spread[0] * radius * np.cos(angle)
        y = (skull.half_width + shell.lift_m) * spread[1] * radius * np.sin(angle)
        hem = shell.length_m * (1.0 + 0.06 * np.sin(3 * angle + phase[2]) + 0.5 * waves)
        rows.append(np.column_stack([x, y, skull.brow - share * hem]))
    return rows


def _strands(rng: np.random.Generator, rows: int) -> NDArray:
    """Surface coordinates (rows * COLUMNS, 6) in which noise is drawn out along the strands."""
    across = np.tile(np.linspace(0.0, 1.6, COLUMNS), rows) + rng.uniform(0.0, 5.0)
    along = np.repeat(np.linspace(0.0, -0.12, rows), COLUMNS)
    other = np.full(rows * COLUMNS, -0.3)
    return np.column_stack([across, 0.5 * across, along, other, np.full_like(other, -1.2), other])


def hair_meshes(rng: np.random.Generator, hanger, style: str, material: NDArray, lift_m: float) -> list[Mesh]:
    """What hangs off the head or stands off it, of a style of clothes.HAIR_STYLES; the scalp itself is the body's."""
    skull, (rotation, head_m) = hanger.skull(), hanger.frame("head")
    size = skull.half_width / 0.076
    if style in ("long", "bob", "big"):
        length = {"long": rng.uniform(0.28, 0.55), "bob": rng.uniform(0.12, 0.2), "big": rng.uniform(0.14, 0.42)}[style]
        curly = rng.random() < (0.6 if style == "big" else 0.15)
        shell = hanging_hair(rng, length * size, lift_m, curly)
        return [shell_mesh(rng, skull, shell, head_m, rotation, material)]
    if style == "scarf":
        shell = cloth_around_head(rng, skull, lift_m + 0.006)
        return [shell_mesh(rng, skull, shell, head_m, rotation, material)]
    back = skull.centre_x - skull.half_depth - lift_m
    if style == "ponytail":
        half = np.array([rng.uniform(0.02, 0.04), rng.uniform(0.025, 0.05), rng.uniform(0.08, 0.2)]) * size
        at = (back - 0.4 * half[0], 0.0, skull.brow + rng.uniform(-0.02, 0.06) * size - half[2])
        return [hanger.at(blob_mesh(half, material), "head", at)]
    if style == "bun":
        radius = rng.uniform(0.028, 0.06) * size
        lean = rng.uniform(-0.2, 1.3)
        reach = np.array([skull.half_depth, skull.top - skull.brow]) + lift_m + 0.5 * radius
        at = (skull.centre_x - np.cos(lean) * reach[0], 0.0, skull.brow + np.sin(lean) * reach[1])
        return [hanger.at(blob_mesh(np.full(3, radius), material), "head", at)]
    return []
