"""Look-ups in mip-mapped textures and noise maps, inlined into the kernels that shade pixels."""

import math

import numba

# Passing a dozen arrays costs as much as shading a pixel, so what runs per pixel is inlined.
inlined = numba.njit(cache=True, nogil=True, fastmath=True, error_model="numpy", inline="always")


@inlined
def noise_at(noise, x, y):
    """Bilinear look-up in a tileable noise map with a power-of-two side, one cell per unit."""
    size = noise.shape[0]
    fx, fy = math.floor(x), math.floor(y)
    last = size - 1
    i, j = int(fx) & last, int(fy) & last
    i1, j1 = (i + 1) & last, (j + 1) & last
    a, b = x - fx, y - fy
    return (noise[j, i] * (1 - a) + noise[j, i1] * a) * (1 - b) + (
        noise[j1, i] * (1 - a) + noise[j1, i1] * a
    ) * b


@inlined
def _mirror(i, size):
    i &= 2 * size - 1
    return i if i < size else 2 * size - 1 - i


@inlined
def read_texture(texels, table, index, u, v, footprint, to_linear, out):
    """Read texture `index` at (u, v) tiles; `footprint` is the pixel's size in tiles. Photographs wrap
    mirrored."""
    size = table[index, 1]
    level = max(0.0, math.log2(max(footprint * size, 1e-6)) - 0.35)
    start = table[index, 0]
    while level >= 0.5 and size > 2:
        start += size * size * 3
        size //= 2
        level -= 1.0
    x, y = u * size - 0.5, v * size - 0.5
    fx, fy = math.floor(x), math.floor(y)
    a, b = x - fx, y - fy
    i, j = int(fx), int(fy)
    out[0] = out[1] = out[2] = 0.0
    for dj in range(2):
        for di in range(2):
            if table[index, 2] == 1:
                ii, jj = _mirror(i + di, size), _mirror(j + dj, size)
            else:
                ii, jj = (i + di) & (size - 1), (j + dj) & (size - 1)
            weight = (a if di else 1 - a) * (b if dj else 1 - b)
            base = start + (jj * size + ii) * 3
            for c in range(3):
                out[c] += weight * to_linear[texels[base + c]]
