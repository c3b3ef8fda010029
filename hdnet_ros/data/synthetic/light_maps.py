"""What blocks the light of people: a soft sun shadow map per person, and open sky per vertex.

Both come from depth maps seen along a direction, drawn with the same triangles as the picture, so
arms shade the body, a skirt shades the legs, and one person shades another.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numba import njit
from numpy.typing import NDArray

from hdnet_ros.data.synthetic.borrowing import borrowed

SUN_CELLS = 112
SKY_CELLS = 40
SKY_DIRECTIONS = np.array([
    [0.0, 0.1, 0.99], [0.85, 0.0, 0.53], [-0.42, 0.73, 0.53], [-0.42, -0.73, 0.53],
    [0.49, 0.85, 0.18], [-0.98, 0.0, 0.18], [0.49, -0.85, 0.18]])


@njit(cache=True, nogil=True, fastmath=True)
def _depth_map(vertices, faces, axes, frame, depth):
    """Keep the largest distance towards the light per cell; `frame` is (u0, v0, cells per metre)."""
    vertices, faces, axes, frame = borrowed(vertices), borrowed(faces), borrowed(axes), borrowed(frame)
    depth = borrowed(depth)
    size = depth.shape[0]
    count = len(vertices)
    mapped = np.empty((count, 3), dtype=np.float32)
    for i in range(count):
        x, y, z = vertices[i, 0], vertices[i, 1], vertices[i, 2]
        mapped[i, 0] = (axes[0, 0] * x + axes[0, 1] * y + axes[0, 2] * z - frame[0]) * frame[2]
        mapped[i, 1] = (axes[1, 0] * x + axes[1, 1] * y + axes[1, 2] * z - frame[1]) * frame[2]
        mapped[i, 2] = axes[2, 0] * x + axes[2, 1] * y + axes[2, 2] * z
    for f in range(len(faces)):
        a, b, c = faces[f]
        ax, ay, bx, by = mapped[a, 0], mapped[a, 1], mapped[b, 0], mapped[b, 1]
        cx, cy = mapped[c, 0], mapped[c, 1]
        x0, x1 = max(0, int(np.ceil(min(ax, bx, cx)))), min(size - 1, int(np.floor(max(ax, bx, cx))))
        y0, y1 = max(0, int(np.ceil(min(ay, by, cy)))), min(size - 1, int(np.floor(max(ay, by, cy))))
        if x0 > x1 or y0 > y1:
            continue
        area = (bx - ax) * (cy - ay) - (by - ay) * (cx - ax)
        if area == 0.0:
            continue
        inverse_area = 1.0 / area
        for y in range(y0, y1 + 1):
            for x in range(x0, x1 + 1):
                wb = ((x - ax) * (cy - ay) - (y - ay) * (cx - ax)) * inverse_area
                wc = ((bx - ax) * (y - ay) - (by - ay) * (x - ax)) * inverse_area
                if wb < 0.0 or wc < 0.0 or wb + wc > 1.0:
                    continue
                value = (1.0 - wb - wc) * mapped[a, 2] + wb * mapped[b, 2] + wc * mapped[c, 2]
                depth[y, x] = max(depth[y, x], value)


@njit(cache=True, nogil=True, fastmath=True)
def _splat_map(vertices, axes, frame, depth):
    """Like _depth_map from the vertices alone: cheaper, for maps whose cells are as wide as the mesh."""
    size = depth.shape[0]
    for i in range(len(vertices)):
        x, y, z = vertices[i, 0], vertices[i, 1], vertices[i, 2]
        u = int((axes[0, 0] * x + axes[0, 1] * y + axes[0, 2] * z - frame[0]) * frame[2] + 0.5)
        v = int((axes[1, 0] * x + axes[1, 1] * y + axes[1, 2] * z - frame[1]) * frame[2] + 0.5)
        if 0 <= u < size and 0 <= v < size:
            depth[v, u] = max(depth[v, u], axes[2, 0] * x + axes[2, 1] * y + axes[2, 2] * z)


@njit(cache=True, nogil=True, fastmath=True)
def _lit_share(depth, axes, frame, bias, x, y, z):
    """Bilinear share 0..1 of the four nearest cells that do not block the point from the light."""
    size = depth.shape[0]
    u = (axes[0, 0] * x + axes[0, 1] * y + axes[0, 2] * z - frame[0]) * frame[2]
    v = (axes[1, 0] * x + axes[1, 1] * y + axes[1, 2] * z - frame[1]) * frame[2]
    own = axes[2, 0] * x + axes[2, 1] * y + axes[2, 2] * z + bias
    i, j = int(np.floor(u)), int(np.floor(v))
    if i < 0 or j < 0 or i >= size - 1 or j >= size - 1:
        return 1.0
    s, t = u - i, v - j
    lit = (1 - s) * (1 - t) * (depth[j, i] <= own) + s * (1 - t) * (depth[j, i + 1] <= own)
    return lit + (1 - s) * t * (depth[j + 1, i] <= own) + s * t * (depth[j + 1, i + 1] <= own)


@njit(cache=True, nogil=True, fastmath=True)
def lookup_light(sun_map, point, normal):
    """Share 0..1 of the sun that reaches a world point, blurred over the map's softness."""
    depth, axes, frame = sun_map
    reach = frame[4]
    x = point[0] + 0.012 * normal[0]
    y = point[1] + 0.012 * normal[1]
    z = point[2] + 0.012 * normal[2]
    total = 0.0
    for k in range(4):
        du, dv = reach * (k % 2 - 0.5), reach * (k // 2 - 0.5)
        total += _lit_share(depth, axes, frame, frame[3], x + du * axes[0, 0] + dv * axes[1, 0],
                            y + du * axes[0, 1] + dv * axes[1, 1], z + du * axes[0, 2] + dv * axes[1, 2])
    return 0.25 * total


@njit(cache=True, nogil=True, fastmath=True)
def _add_sky(vertices, normals, depth, axes, frame, open_sky, total):
    for i in range(len(vertices)):
        cosine = (axes[2, 0] * normals[i, 0] + axes[2, 1] * normals[i, 1] + axes[2, 2] * normals[i, 2])
        weight = max(0.0, cosine + 0.15)
        if weight <= 0.0:
            continue
        total[i] += weight
        open_sky[i] += weight * _lit_share(depth, axes, frame, frame[3], vertices[i, 0] + 0.02 * normals[i, 0],
                                           vertices[i, 1] + 0.02 * normals[i, 1], vertices[i, 2] + 0.02 * normals[i, 2])


def _axes_towards(direction: Sequence[float]) -> NDArray:
    """Rows u, v, w of an orthonormal frame whose w points along `direction`."""
    w = np.asarray(direction, dtype=np.float64)
    w = w / np.linalg.norm(w)
    u = np.cross([0.0, 1.0, 0.0] if abs(w[2]) > 0.9 else [0.0, 0.0, 1.0], w)
    u /= np.linalg.norm(u)
    return np.stack([u, np.cross(w, u), w])


SKY_AXES = [_axes_towards(direction) for direction in SKY_DIRECTIONS]


@dataclass(frozen=True, eq=False)
class LightMaps:
    """Per mesh: its sun map (depth, axes, frame), and open sky (V,) per vertex."""

    sun: list[tuple[NDArray, NDArray, NDArray]]
    open_sky: list[NDArray]

    def sun_map(self, index: int) -> tuple[NDArray, NDArray, NDArray]:
        return self.sun[index]


def _map_of(vertices: NDArray, casters: Sequence[tuple[NDArray, NDArray | None]], axes: NDArray, cells: int,
            softness_m: float) -> tuple[NDArray, NDArray, NDArray]:
    flat = vertices[::7] @ axes[:2].T.astype(np.float32)
    low = flat.min(axis=0) - 0.06
    span = float(max((flat.max(axis=0) + 0.06 - low).max(), 0.2))
    frame = np.array([low[0], low[1], (cells - 1) / span, 0.3 * span / cells + 0.01, softness_m])
    depth = np.full((cells, cells), -1e9, dtype=np.float32)
    for caster_vertices, faces in casters:
        if faces is None:
            _splat_map(caster_vertices, axes, frame, depth)
        else:
            _depth_map(caster_vertices, faces, axes, frame, depth)
    return depth, axes, frame


def light_maps(
    meshes: Sequence, normals: Sequence[NDArray], to_sun: Sequence[float], softness_m: float
) -> LightMaps:
    """Shadow maps of all meshes; people more than 6 m apart do not shade each other."""
    centres = [mesh.vertices_world_m[::50].mean(axis=0) for mesh in meshes]
    sun, skies = [], []
    sun_axes = _axes_towards(to_sun)
    for mesh, normal, centre in zip(meshes, normals, centres):
        near = [(other.vertices_world_m, other.faces) for other, place in zip(meshes, centres)
                if np.linalg.norm(place - centre) < 6.0]
        own = [(mesh.vertices_world_m, None)]
        sun.append(_map_of(mesh.vertices_world_m, near, sun_axes, SUN_CELLS, softness_m))
        open_sky = np.full(len(normal), 0.25, dtype=np.float32)
        total = np.full(len(normal), 0.25, dtype=np.float32)
        for axes in SKY_AXES:
            depth, _, frame = _map_of(mesh.vertices_world_m, own, axes, SKY_CELLS, 0.0)
            _add_sky(mesh.vertices_world_m, normal, depth, axes, frame, open_sky, total)
        skies.append(0.25 + 0.75 * open_sky / total)
    return LightMaps(sun, skies)
