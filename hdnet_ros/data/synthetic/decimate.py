"""Mesh reduction that keeps a subset of the original vertices.

A half-edge collapse never invents a vertex, so skin weights, shapes and texture coordinates of
the full mesh stay valid for the reduced one by plain indexing.
"""

from __future__ import annotations

import heapq

import numpy as np
from numpy.typing import NDArray


def _face_quadrics(vertices: NDArray, faces: NDArray) -> NDArray:
    corners = vertices[faces]
    cross = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    double_area = np.linalg.norm(cross, axis=1)
    normal = cross / np.maximum(double_area, 1e-12)[:, None]
    plane = np.concatenate([normal, -np.sum(normal * corners[:, 0], axis=1)[:, None]], axis=1)
    return plane[:, :, None] * plane[:, None, :] * (0.5 * double_area)[:, None, None]


class _CollapsingMesh:
    """Faces and vertex quadrics of a mesh while its edges are being collapsed."""

    def __init__(self, vertices: NDArray, faces: NDArray, locked: set[int]) -> None:
        self.vertices = vertices
        self.faces = [list(map(int, face)) for face in faces]
        self.locked = locked
        self.faces_of = [set() for _ in range(len(vertices))]
        self.quadrics = np.zeros((len(vertices), 4, 4))
        for index, quadric in enumerate(_face_quadrics(vertices, faces)):
            for vertex in self.faces[index]:
                self.faces_of[vertex].add(index)
                self.quadrics[vertex] += quadric
        self.version = [0] * len(vertices)
        self.alive_count = sum(1 for used in self.faces_of if used)

    def neighbours(self, vertex: int) -> set[int]:
        found = {corner for face in self.faces_of[vertex] for corner in self.faces[face]}
        found.discard(vertex)
        return found

    def cheapest_collapse(self, vertex: int) -> tuple[float, int] | None:
        if vertex in self.locked or not self.faces_of[vertex]:
            return None
        targets = sorted(self.neighbours(vertex))
        points = np.concatenate([self.vertices[targets], np.ones((len(targets), 1))], axis=1)
        quadric = self.quadrics[vertex] + self.quadrics[targets]
        cost = np.einsum("ni,nij,nj->n", points, quadric, points)
        # The small length term keeps flat regions evenly meshed instead of sliver-shaped.
        cost = cost + 1e-5 * np.sum((self.vertices[targets] - self.vertices[vertex]) ** 2, axis=1)
        best = int(np.argmin(cost))
        return float(cost[best]), targets[best]

    def collapse(self, vertex: int, target: int) -> bool:
        """Move `vertex` onto `target`; False where that would flip a face or pinch the mesh."""
        removed = self.faces_of[vertex] & self.faces_of[target]
        if len(self.neighbours(vertex) & self.neighbours(target)) != len(removed) or len(removed) != 2:
            return False
        kept = self.faces_of[vertex] - removed
        for face in kept:
            before = self.vertices[self.faces[face]]
            after = self.vertices[[target if c == vertex else c for c in self.faces[face]]]
            normal_before = np.cross(before[1] - before[0], before[2] - before[0])
            normal_after = np.cross(after[1] - after[0], after[2] - after[0])
            scale = np.linalg.norm(normal_before) * np.linalg.norm(normal_after)
            if normal_before @ normal_after <= 0.3 * scale:
                return False
        for face in removed:
            for corner in self.faces[face]:
                self.faces_of[corner].discard(face)
        for face in kept:
            self.faces[face] = [target if c == vertex else c for c in self.faces[face]]
            self.faces_of[target].add(face)
        self.faces_of[vertex] = set()
        self.quadrics[target] += self.quadrics[vertex]
        self.alive_count -= 1
        return True


def reduce_mesh(
    vertices: NDArray, faces: NDArray, target_count: int, locked: set[int]
) -> tuple[NDArray, NDArray]:
    """Collapse the cheapest edges (quadric error) until `target_count` vertices remain.

    Parameters
    ----------
    vertices : (V, 3)
    faces : (F, 3) int
    target_count : vertices to keep, at least; fewer collapses happen where none is valid
    locked : vertices that must survive

    Returns
    -------
    kept : (K,) int, sorted indices into `vertices`
    faces : (G, 3) int32, indices into `kept`
    """
    mesh = _CollapsingMesh(np.asarray(vertices, dtype=np.float64), faces, locked)
    queue: list[tuple[float, int, int, int]] = []

    def push(vertex: int) -> None:
        found = mesh.cheapest_collapse(vertex)
        if found is not None:
            heapq.heappush(queue, (found[0], vertex, found[1], mesh.version[vertex]))

    for vertex in range(len(vertices)):
        push(vertex)
    while queue and mesh.alive_count > target_count:
        _, vertex, target, version = heapq.heappop(queue)
        if version != mesh.version[vertex]:
            continue
        touched = mesh.neighbours(vertex)
        if not mesh.collapse(vertex, target):
            continue
        for changed in touched:
            mesh.version[changed] += 1
            push(changed)
    kept = np.array([v for v, used in enumerate(mesh.faces_of) if used])
    alive = sorted({face for used in mesh.faces_of for face in used})
    renumber = np.full(len(vertices), -1, dtype=np.int32)
    renumber[kept] = np.arange(len(kept), dtype=np.int32)
    return kept, renumber[np.array([mesh.faces[face] for face in alive])]
