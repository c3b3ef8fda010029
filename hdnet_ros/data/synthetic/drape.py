"""Cloth that spans hollows: worn surfaces are pulled outward to a smoothed body, never inward."""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray


def neighbour_table(faces: NDArray, count: int) -> tuple[NDArray, NDArray]:
    """Neighbours of each of `count` vertices as (starts (count + 1,), indices (N,)), from triangles (F, 3)."""
    edges = np.concatenate([faces[:, [0, 1]], faces[:, [1, 2]], faces[:, [2, 0]]])
    edges = np.unique(np.concatenate([edges, edges[:, ::-1]]), axis=0)
    starts = np.searchsorted(edges[:, 0], np.arange(count + 1))
    return starts.astype(np.int64), edges[:, 1].astype(np.int64)


@njit(cache=True, nogil=True, fastmath=True)
def drape(vertices: NDArray, normals: NDArray, amount: NDArray, starts: NDArray, indices: NDArray, rounds: int) -> NDArray:
    """Vertices (V, 3) moved along their unit normals (V, 3) to where cloth would hang over them.

    Parameters
    ----------
    amount : (V,) 0 for bare or tight surfaces to 1 for wide cloth
    starts, indices : of neighbour_table
    rounds : how often the body is smoothed; hollows as wide as the square root of it times an edge are spanned
    """
    smooth, following = vertices.copy(), vertices.copy()
    worn = np.flatnonzero(amount > 0.0)
    for _ in range(rounds):
        for i in worn:
            x = y = z = np.float32(0.0)
            for k in range(starts[i], starts[i + 1]):
                near = indices[k]
                x, y, z = x + smooth[near, 0], y + smooth[near, 1], z + smooth[near, 2]
            share = np.float32(0.9) / np.float32(starts[i + 1] - starts[i])
            following[i, 0] = np.float32(0.1) * smooth[i, 0] + share * x
            following[i, 1] = np.float32(0.1) * smooth[i, 1] + share * y
            following[i, 2] = np.float32(0.1) * smooth[i, 2] + share * z
        smooth, following = following, smooth
    result = vertices.copy()
    for i in range(len(vertices)):
        out = np.float32(0.0)
        for axis in range(3):
            out += normals[i, axis] * (smooth[i, axis] - vertices[i, axis])
        if out > 0.0 and amount[i] > 0.0:
            for axis in range(3):
                result[i, axis] += amount[i] * out * normals[i, axis]
    return result
