"""Geometry that hangs on the posed body: skirts and coat tails, long hair, hats, bags and carried things."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from hdnet_ros.data.synthetic.mesh import TWO_SIDED, Mesh

RING, ROWS = 28, 10
LEG_FRACTIONS = (0.05, 0.2, 0.35, 0.5, 0.75)


def grid_faces(rows: int, ring: int, closed: bool = True) -> NDArray:
    """Triangles (F, 3) between `rows` rings of `ring` vertices each; not `closed`, the ring's ends stay apart."""
    row, column = np.meshgrid(np.arange(rows - 1), np.arange(ring if closed else ring - 1), indexing="ij")
    a, b = row * ring + column, row * ring + (column + 1) % ring
    return np.concatenate([np.stack([a, a + ring, b], -1).reshape(-1, 3),
                           np.stack([b, a + ring, b + ring], -1).reshape(-1, 3)]).astype(np.int32)


def _point_on(polyline: NDArray, fraction: float) -> tuple[NDArray, NDArray]:
    """Point and unit direction on hip, knee, ankle (3, 3) at `fraction` (0 hip, 0.5 knee, 1 ankle)."""
    segment = 0 if fraction < 0.5 else 1
    start, end = polyline[segment], polyline[segment + 1]
    direction = end - start
    return start + direction * (2.0 * fraction - segment), direction / np.linalg.norm(direction)


def _hull_ring(legs: NDArray, across: NDArray, front: NDArray, section_m: NDArray, angle: NDArray) -> NDArray:
    """Outline (R, 3) of two equal ellipses around `legs` (2, 3), from their support points per direction."""
    ahead, depth, width = section_m
    direction = np.outer(np.cos(angle), front) + np.outer(np.sin(angle), across)
    nearest = np.where((direction @ (legs[0] - legs[1]) > 0.0)[:, None], legs[0], legs[1])
    return nearest + np.outer(ahead + depth * np.cos(angle), front) + np.outer(width * np.sin(angle), across)


def skirt_mesh(left_leg: NDArray, right_leg: NDArray, pelvis_rotation: NDArray, waist_m: NDArray,
               waist_radii_m: tuple[float, float], leg_sections_m: NDArray, hem: float, flare: float, phase: float,
               material: NDArray) -> Mesh:
    """A tube around both legs from the waist to `hem` on the legs (0 hip joint, 0.5 knee, 1 ankle).

    Parameters
    ----------
    left_leg, right_leg : (3, 3) posed hip, knee and ankle, world metres
    pelvis_rotation : (3, 3), columns forward, left, up
    waist_m : (3,) centre of the waist
    waist_radii_m : half depth (front-back) and half width (left-right) at the waist
    leg_sections_m : (5, 3) ellipse around the leg's bone at LEG_FRACTIONS: how far ahead of the bone, half depth, half width
    flare : share by which the hem is wider than the legs need
    """
    angle = np.linspace(0.0, 2.0 * np.pi, RING, endpoint=False)
    forward, left, up = pelvis_rotation.T
    waist = (waist_m + np.outer(waist_radii_m[0] * np.cos(angle), forward)
             + np.outer(waist_radii_m[1] * np.sin(angle), left))
    points, coordinates = [waist], []
    for row in range(1, ROWS):
        share = row / (ROWS - 1)
        fraction = hem * (row - 1) / (ROWS - 2)
        (left_point, left_way), (right_point, right_way) = _point_on(left_leg, fraction), _point_on(right_leg, fraction)
        bend = min(1.0, fraction / 0.2)
        way = bend * (left_way + right_way) / 2.0 - (1.0 - bend) * up
        across = left - way * (left @ way) / (way @ way)
        across /= np.linalg.norm(across) + 1e-9
        front = np.cross(way, across)
        front /= np.linalg.norm(front) + 1e-9
        section = np.array([np.interp(fraction, LEG_FRACTIONS, column) for column in leg_sections_m.T])
        ring = _hull_ring(np.stack([left_point, right_point]), across, front, section, angle)
        fold = 1.0 + flare * share + share * (0.05 * np.sin(7 * angle + phase) + 0.03 * np.sin(12 * angle + 2 * phase))
        middle = 0.5 * (left_point + right_point)
        points.append(middle + (ring - middle) * fold[:, None])
    for row in range(ROWS):
        share = row / (ROWS - 1)
        coordinates.append(np.column_stack([
            0.16 * np.cos(angle), 0.2 * np.sin(angle), np.full(RING, -0.55 * share), np.full(RING, -0.3),
            np.full(RING, hem * share), np.full(RING, -0.2)]))
    row_values = material.copy()
    row_values[TWO_SIDED] = 1.0
    return Mesh.of_one_material(np.concatenate(points), grid_faces(ROWS, RING), row_values, np.concatenate(coordinates))


def blob_mesh(size_m: NDArray, material: NDArray, squareness: float = 0.0, rings: int = 8, ring: int = 14) -> Mesh:
    """A closed shape around the origin between an ellipsoid (squareness 0) and a rounded box (1).

    `size_m` (3,) holds the half extents.
    """
    exponent = 1.0 - 0.85 * squareness
    latitude = np.linspace(0.5 * np.pi, -0.5 * np.pi, rings + 1)[:, None]
    longitude = np.linspace(0.0, 2.0 * np.pi, ring, endpoint=False)[None]

    def power(value: NDArray) -> NDArray:
        return np.sign(value) * np.abs(value) ** exponent

    x = power(np.cos(latitude)) * power(np.cos(longitude))
    y = power(np.cos(latitude)) * power(np.sin(longitude))
    z = np.broadcast_to(power(np.sin(latitude)), x.shape)
    unit = np.stack([x, y, z], axis=-1).reshape(-1, 3)
    return Mesh.of_one_material(unit * np.asarray(size_m), grid_faces(rings + 1, ring), material)


def place(mesh: Mesh, rotation: NDArray, position_m: NDArray) -> Mesh:
    """The mesh turned by `rotation` (3, 3) about its origin and put at `position_m` (3,); texture moves along."""
    vertices = mesh.vertices_world_m @ np.asarray(rotation, dtype=np.float32).T + np.asarray(position_m, dtype=np.float32)
    return Mesh(vertices.astype(np.float32), mesh.faces, mesh.coordinates, mesh.face_material, mesh.materials)
