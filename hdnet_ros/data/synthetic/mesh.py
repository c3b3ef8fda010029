"""Surfaces that the rasteriser draws: triangles, where they are, and what they are made of.

A material is one row of numbers, so that a numba kernel can evaluate it per pixel:

====== ==========================================================================================
column meaning
====== ==========================================================================================
0      kind: PLAIN or DRESSED
1-3    colour a, linear 0..1 (DRESSED: material indices, see clothes.py)
4-6    colour b
7-9    colour c
10     pattern: SOLID, STRIPES, CHECKS, NOISE, DOTS, BLOCK
11     pattern size in metres (BLOCK: boundary as a `height`)
12     direction of the stripes in radians
13     bump: height of wrinkles, as a slope
14     size of the wrinkles in metres
15     gloss: strength of the highlight
16     colour noise, relative
17     seed of the noise
18     1 where both sides of a triangle are seen
19     how much the cloth is faded on the thighs, relative
====== ==========================================================================================
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

MATERIAL_WIDTH = 32
PLAIN, DRESSED = 0, 1
SOLID, STRIPES, CHECKS, NOISE, DOTS, BLOCK = range(6)
PATTERN, PATTERN_SIZE, PATTERN_ANGLE, BUMP, BUMP_SIZE, GLOSS, COLOUR_NOISE, SEED, TWO_SIDED, FADE = range(10, 20)


def plain_material(
    colour: Sequence[float], *, colour_b: Sequence[float] | None = None, colour_c: Sequence[float] | None = None,
    pattern: int = SOLID, size_m: float = 0.05, angle: float = 0.0, bump: float = 0.0, bump_size_m: float = 0.05,
    gloss: float = 0.0, noise: float = 0.05, seed: int = 0, two_sided: bool = False, fade: float = 0.0,
) -> NDArray:
    """One material row (MATERIAL_WIDTH,) float32 of kind PLAIN; colours are linear RGB."""
    row = np.zeros(MATERIAL_WIDTH, dtype=np.float32)
    row[1:4] = colour
    row[4:7] = colour if colour_b is None else colour_b
    row[7:10] = row[4:7] if colour_c is None else colour_c
    row[10:20] = pattern, size_m, angle, bump, bump_size_m, gloss, noise, seed, two_sided, fade
    return row


@dataclass(frozen=True, eq=False)
class Mesh:
    """Triangles in the world frame with their surface coordinates and materials.

    Attributes
    ----------
    vertices_world_m : (V, 3) float32, z up
    faces : (F, 3) int32, counter-clockwise seen from outside
    coordinates : (V, 6) float32, see surface_coordinates.py
    face_material : (F,) int16, rows of `materials`
    materials : (M, MATERIAL_WIDTH) float32
    """

    vertices_world_m: NDArray
    faces: NDArray
    coordinates: NDArray
    face_material: NDArray
    materials: NDArray

    @classmethod
    def of_one_material(cls, vertices_world_m: NDArray, faces: NDArray, material: NDArray,
                        coordinates: NDArray | None = None) -> Mesh:
        """A mesh of a single material; coordinates default to the vertices' own positions."""
        vertices = np.ascontiguousarray(vertices_world_m, dtype=np.float32)
        if coordinates is None:
            coordinates = np.concatenate([vertices, np.full((len(vertices), 3), -0.3, dtype=np.float32)], axis=1)
        return cls(vertices, np.ascontiguousarray(faces, dtype=np.int32),
                   np.ascontiguousarray(coordinates, dtype=np.float32),
                   np.zeros(len(faces), dtype=np.int16), material[None].astype(np.float32))

    def moved(self, yaw: float, translation_m: Sequence[float]) -> Mesh:
        """The mesh turned by `yaw` radians about the vertical through the origin, then shifted."""
        cosine, sine = np.cos(yaw), np.sin(yaw)
        turn = np.array([[cosine, sine, 0.0], [-sine, cosine, 0.0], [0.0, 0.0, 1.0]], dtype=np.float32)
        shift = np.asarray(translation_m, dtype=np.float32)
        return replace(self, vertices_world_m=self.vertices_world_m @ turn + shift)


def join_meshes(meshes: Sequence[Mesh]) -> Mesh:
    """One mesh of several; material indices inside DRESSED rows stay valid for the first mesh only."""
    vertex_offset = np.cumsum([0] + [len(mesh.vertices_world_m) for mesh in meshes])
    material_offset = np.cumsum([0] + [len(mesh.materials) for mesh in meshes])
    return Mesh(
        np.concatenate([mesh.vertices_world_m for mesh in meshes]),
        np.concatenate([mesh.faces + np.int32(start) for mesh, start in zip(meshes, vertex_offset)]),
        np.concatenate([mesh.coordinates for mesh in meshes]),
        np.concatenate([mesh.face_material + np.int16(start) for mesh, start in zip(meshes, material_offset)]),
        np.concatenate([mesh.materials for mesh in meshes]),
    )
