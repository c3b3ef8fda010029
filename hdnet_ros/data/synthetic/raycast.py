"""Where rays meet a scene: ground plane, boxes, cones and ellipsoids, hit analytically.

Rays are scaled so that the ray parameter is the depth along the optical axis; lengths are metres.
Tracing rays of the real (distorted) camera needs no warp of the finished picture.
"""

import math

import numba
import numpy as np

from hdnet_ros.data.synthetic.borrowing import borrowed

BOX, CONE, ELLIPSOID = 0, 1, 2
PRIMITIVE_WIDTH = 20
FAR_M = 400.0
THIN_PX = 24
NOTHING, GROUND = -2, -1
_jit = numba.njit(cache=True, nogil=True, fastmath=True, error_model="numpy")


@_jit
def _hit_box(p, ox, oy, oz, dx, dy, dz):
    """Depth at which a ray meets a box; for a room (p[16] = 1) the depth at which it leaves it; -1 for none."""
    rx, ry, rz = ox - p[1], oy - p[2], oz - p[3]
    lx, ly = p[4] * rx + p[5] * ry, -p[5] * rx + p[4] * ry
    ex, ey = p[4] * dx + p[5] * dy, -p[5] * dx + p[4] * dy
    near, far = -1e9, 1e9
    for position, step, half in ((lx, ex, p[6]), (ly, ey, p[7]), (rz, dz, p[8])):
        if abs(step) < 1e-9:
            if abs(position) > half:
                return -1.0
            continue
        a, b = (-half - position) / step, (half - position) / step
        near, far = max(near, min(a, b)), min(far, max(a, b))
    if p[16] > 0.5:
        return far if far > near and far > 0.02 else -1.0
    return near if far > near and near > 0.02 else -1.0


@_jit
def _hit_cone(p, ox, oy, oz, dx, dy, dz):
    """Depth at which a ray meets a vertical (truncated) cone with radii p[6] at the bottom and p[7] at the
    top, or its lid."""
    rx, ry, rz = ox - p[1], oy - p[2], oz - p[3]
    half = p[8]
    slope, middle = (p[7] - p[6]) / (2 * half), 0.5 * (p[6] + p[7])
    r0, r1 = middle + slope * rz, slope * dz
    a = dx * dx + dy * dy - r1 * r1
    b = rx * dx + ry * dy - r0 * r1
    c = rx * rx + ry * ry - r0 * r0
    best = -1.0
    root = b * b - a * c
    if root > 0 and abs(a) > 1e-12:
        t = (-b - math.sqrt(root)) / a
        if t > 0.02 and abs(rz + t * dz) < half and r0 + t * r1 > 0:
            best = t
    if dz < -1e-9 and rz > half:
        t = (half - rz) / dz
        if (rx + t * dx) ** 2 + (ry + t * dy) ** 2 < p[7] * p[7] and (best < 0 or t < best):
            best = t
    return best


@_jit
def _wave(x):
    """A cheap sine: period 1, between -1 and 1."""
    x -= math.floor(x)
    return 8.0 * x * (1.0 - x) - 1.0


@_jit
def _hit_ellipsoid(p, ox, oy, oz, dx, dy, dz):
    """Depth at which a ray meets an upright ellipsoid (lumpy like foliage when p[16] = 1), -1 for none."""
    rx, ry, rz = (ox - p[1]) / p[6], (oy - p[2]) / p[7], (oz - p[3]) / p[8]
    ex, ey, ez = dx / p[6], dy / p[7], dz / p[8]
    a = ex * ex + ey * ey + ez * ez
    b = rx * ex + ry * ey + rz * ez
    c = rx * rx + ry * ry + rz * rz
    root = b * b - a * (c - 1)
    if root <= 0:
        return -1.0
    t = (-b - math.sqrt(root)) / a
    if p[16] > 0.5:
        x, y, z = rx + t * ex, ry + t * ey, rz + t * ez
        lumps = _wave(0.8 * x + p[18]) * _wave(0.95 * y + 0.3 * z) * _wave(0.8 * z + p[19])
        leaves = _wave(4.6 * x + 0.5 * y) * _wave(4.9 * y) * _wave(4.3 * z + 0.8 * x)
        radius = 0.84 + 0.1 * lumps + 0.06 * leaves
        root = b * b - a * (c - radius * radius)
        if root <= 0:
            return -1.0
        t = (-b - math.sqrt(root)) / a
    return t if t > 0.02 else -1.0


@_jit
def hit(p, ox, oy, oz, dx, dy, dz):
    """Depth at which a ray meets one primitive (a row of PRIMITIVE_WIDTH numbers), -1 for none."""
    if p[0] == BOX:
        return _hit_box(p, ox, oy, oz, dx, dy, dz)
    if p[0] == CONE:
        return _hit_cone(p, ox, oy, oz, dx, dy, dz)
    return _hit_ellipsoid(p, ox, oy, oz, dx, dy, dz)


@_jit
def trace_among(primitives, candidates, ox, oy, oz, dx, dy, dz):
    """Nearest surface along a ray among the floor and a few candidate primitives; rays of one pixel rarely
    meet others."""
    best, which = FAR_M, NOTHING
    if dz < -1e-6 and -oz / dz < best:
        best, which = -oz / dz, GROUND
    for n in range(candidates.shape[0]):
        k = candidates[n]
        seen = k < 0
        for m in range(n):
            seen = seen or candidates[m] == k
        if not seen:
            t = hit(primitives[k], ox, oy, oz, dx, dy, dz)
            if 0 < t < best:
                best, which = t, k
    return best, which


@_jit
def _test(primitives, k, bounds, step, origin, rays, depth, surface):
    """Keep primitive k where it is nearest, at every step-th pixel of its screen bounds (x0 y0 x1 y1)."""
    p = primitives[k]
    for i in range(-(-bounds[k, 1] // step) * step, bounds[k, 3], step):
        for j in range(-(-bounds[k, 0] // step) * step, bounds[k, 2], step):
            dx, dy, dz = np.float64(rays[i, j, 0]), np.float64(rays[i, j, 1]), np.float64(rays[i, j, 2])
            t = hit(p, origin[0], origin[1], origin[2], dx, dy, dz)
            if 0 < t < depth[i, j]:
                depth[i, j] = t
                surface[i, j] = k


@_jit
def _fill_between(primitives, origin, rays, candidates, depth, surface):
    """Give pixels between those at even places the nearest of the surfaces that the even ones around them see."""
    height, width = depth.shape
    for i in range(height):
        i0, i1 = i - i % 2, i + i % 2
        i1 = i1 if i1 < height else i0
        for j in range(width):
            if i % 2 == 0 and j % 2 == 0:
                continue
            j0, j1 = j - j % 2, j + j % 2
            j1 = j1 if j1 < width else j0
            candidates[0], candidates[1] = surface[i0, j0], surface[i0, j1]
            candidates[2], candidates[3] = surface[i1, j0], surface[i1, j1]
            dx, dy, dz = np.float64(rays[i, j, 0]), np.float64(rays[i, j, 1]), np.float64(rays[i, j, 2])
            t, which = trace_among(primitives, candidates, origin[0], origin[1], origin[2], dx, dy, dz)
            depth[i, j], surface[i, j] = t, which


def find_surfaces(primitives, bounds, origin, rays, depth, surface):
    """Fill depth (H,W) and surface (H,W) by testing each primitive within its screen bounds (rows x0 y0 x1
    y1) only.

    Large ones are tested at every other pixel of every other row; the pixels between see what those around
    them see. Primitives that show less than THIN_PX wide or high are tested at every pixel.
    """
    _find_surfaces(primitives, bounds, origin, rays, np.zeros(4, np.int64), depth, surface)


@_jit
def _find_surfaces(primitives, bounds, origin, rays, candidates, depth, surface):
    """`find_surfaces` with a place for four numbers."""
    primitives, bounds, origin, rays = borrowed(primitives), borrowed(bounds), borrowed(origin), borrowed(rays)
    candidates, depth, surface = borrowed(candidates), borrowed(depth), borrowed(surface)
    height, width = depth.shape
    for i in range(0, height, 2):
        for j in range(0, width, 2):
            down = rays[i, j, 2]
            t = -origin[2] / down if down < -1e-6 else FAR_M
            surface[i, j] = GROUND if t < FAR_M else NOTHING
            depth[i, j] = min(t, FAR_M)
    for k in range(primitives.shape[0]):
        if min(bounds[k, 2] - bounds[k, 0], bounds[k, 3] - bounds[k, 1]) >= THIN_PX:
            _test(primitives, k, bounds, 2, origin, rays, depth, surface)
    _fill_between(primitives, origin, rays, candidates, depth, surface)
    for k in range(primitives.shape[0]):
        if min(bounds[k, 2] - bounds[k, 0], bounds[k, 3] - bounds[k, 1]) < THIN_PX:
            _test(primitives, k, bounds, 1, origin, rays, depth, surface)
