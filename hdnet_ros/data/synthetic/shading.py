"""Colour of a surface point: procedural textures and clothes, evaluated per pixel by numba.

numba keys its cache of a compiled function by the file that defines it, not by the files it calls: after a change
here or in light_maps.py, save raster.py too (or empty NUMBA_CACHE_DIR), or the old code keeps running.
"""

from __future__ import annotations

import math

import numpy as np
from numba import njit

from hdnet_ros.data.synthetic.mesh import (
    BLOCK, BUMP, BUMP_SIZE, CHECKS, COLOUR_NOISE, DOTS, DRESSED, FADE, NOISE, PATTERN, PATTERN_ANGLE, PATTERN_SIZE, SEED,
    STRIPES)

# Columns of a DRESSED row. Indices are rows of the same material table; a negative index is "not worn".
SKIN, HAIR, BOTTOM, TOP, OUTER, SHOES, SOCKS, GLOVES = range(1, 9)
WAIST, BOTTOM_HEM, TOP_HEM, TOP_SLEEVE, NECKLINE, OUTER_HEM, OUTER_SLEEVE, OPENING, SHOE_TOP, HAIRLINE = range(9, 19)
STRAP, STRAP_MATERIAL, HOOD, SOCK_TOP, BEARD, EYE_X, EYE_Y, EYE_Z, OUTER_COLLAR, HAT, HAT_LEVEL = range(19, 30)


@njit(cache=True, nogil=True, fastmath=True, inline="always")
def _hash(ix, iy, iz, seed):
    h = np.uint32(ix * 374761393 + iy * 668265263 + iz * 1440662683 + seed * 974634777)
    h = np.uint32((h ^ (h >> np.uint32(13))) * np.uint32(1274126177))
    h = np.uint32((h ^ (h >> np.uint32(15))) * np.uint32(668265263))
    return np.int64(h ^ (h >> np.uint32(16)))


@njit(cache=True, nogil=True, fastmath=True)
def vector_noise(x, y, z, seed):
    """Three independent smooth pseudo-random values in [-1, 1] with features of about one unit."""
    fx, fy, fz = math.floor(x), math.floor(y), math.floor(z)
    ix, iy, iz = int(fx), int(fy), int(fz)
    tx, ty, tz = x - fx, y - fy, z - fz
    tx, ty, tz = tx * tx * (3 - 2 * tx), ty * ty * (3 - 2 * ty), tz * tz * (3 - 2 * tz)
    first = second = third = 0.0
    for corner in range(8):
        dx, dy, dz = corner & 1, (corner >> 1) & 1, corner >> 2
        weight = (tx if dx else 1.0 - tx) * (ty if dy else 1.0 - ty) * (tz if dz else 1.0 - tz)
        bits = _hash(ix + dx, iy + dy, iz + dz, seed)
        first += weight * (bits & 1023)
        second += weight * ((bits >> 10) & 1023)
        third += weight * ((bits >> 20) & 1023)
    return first / 511.5 - 1.0, second / 511.5 - 1.0, third / 511.5 - 1.0


@njit(cache=True, nogil=True, fastmath=True)
def _over(value, low, high):
    return low <= value < high


@njit(cache=True, nogil=True, fastmath=True)
def dressed_material(body, x, y, z, arm, height, hair, opening_x):
    """Index of the material worn at a surface point of the body, outermost garment first."""
    on_head = height < -1.02
    if body[HAT] >= 0.0 and height < -1.0 and z - 0.25 * (x - body[EYE_X]) > body[HAT_LEVEL]:
        return int(body[HAT])
    if hair > body[HAIRLINE] and body[HAIR] >= 0.0 and height < -0.9:
        return int(body[HAIR])
    if body[OUTER] >= 0.0 and arm < body[OUTER_SLEEVE] and height < body[OUTER_HEM]:
        collar = body[OUTER_COLLAR] + (0.25 * max(0.0, opening_x) if not body[HOOD] > 0.5 else 0.0)
        front = opening_x > 0.0 and abs(y) < body[OPENING] * (1.0 + 0.8 * max(0.0, -height))
        hooded = body[HOOD] > 0.5 and height < -0.95 and hair > -0.012
        if hooded or (height > collar and not front):
            return int(body[OUTER])
    if body[STRAP] > 0.0 and not on_head and arm < 0.0 and abs(y * 0.8 + (height + 0.45) * 0.22) < body[STRAP]:
        return int(body[STRAP_MATERIAL])
    if arm >= 1.0:
        return int(body[GLOVES]) if body[GLOVES] >= 0.0 else int(body[SKIN])
    if body[TOP] >= 0.0 and arm < body[TOP_SLEEVE] and height < body[TOP_HEM]:
        dip = 8.0 * max(0.0, opening_x) * max(0.0, 1.0 - abs(y) / 0.09) if body[NECKLINE] > -0.99 else 0.0
        if height > -1.04 + 0.05 * (body[NECKLINE] > -0.99) + dip * max(0.0, body[NECKLINE] + 1.0):
            return int(body[TOP])
    if height > body[SHOE_TOP] and body[SHOES] >= 0.0:
        return int(body[SHOES])
    if body[BOTTOM] >= 0.0 and arm < 0.0 and _over(height, body[WAIST], body[BOTTOM_HEM]):
        return int(body[BOTTOM])
    if body[SOCKS] >= 0.0 and height > body[SOCK_TOP] and arm < 0.0:
        return int(body[SOCKS])
    return int(body[SKIN])


@njit(cache=True, nogil=True, fastmath=True)
def pattern_weights(row, x, y, z, height):
    """Shares of colour b and colour c at a point (x, y, z in metres on the template)."""
    kind = int(row[PATTERN])
    size = max(row[PATTERN_SIZE], 0.004) if kind != BLOCK else row[PATTERN_SIZE]
    cosine, sine = math.cos(row[PATTERN_ANGLE]), math.sin(row[PATTERN_ANGLE])
    along, across = z * cosine + y * sine, -z * sine + y * cosine
    if kind == STRIPES:
        phase = along / size - math.floor(along / size)
        return (1.0 if phase < 0.4 else 0.0), 0.0
    if kind == CHECKS:
        first = along / size - math.floor(along / size)
        second = across / size - math.floor(across / size)
        return 0.5 * (first < 0.35) + 0.5 * (second < 0.35), 1.0 * (abs(first - 0.7) < 0.04 or abs(second - 0.7) < 0.04)
    if kind == NOISE:
        seed = int(row[SEED])
        first, second, _ = vector_noise(x / size, y / size, z / size, seed)
        return (1.0 if first > 0.1 else 0.0), (1.0 if second > 0.3 else 0.0)
    if kind == DOTS:
        du = along / size - math.floor(along / size) - 0.5
        dv = across / size - math.floor(across / size) - 0.5
        return (1.0 if du * du + dv * dv < 0.06 else 0.0), 0.0
    if kind == BLOCK:
        return (1.0 if height > size else 0.0), (1.0 if abs(height - size) < 0.04 else 0.0)
    return 0.0, 0.0


@njit(cache=True, nogil=True, fastmath=True)
def surface_colour(row, x, y, z, height, colour):
    """Write the linear RGB of a PLAIN material at a point into `colour` (3,)."""
    share_b, share_c = pattern_weights(row, x, y, z, height)
    tint = 1.0 + row[FADE] * math.exp(-((height - 0.3) * 5.0) ** 2) if row[FADE] > 0.0 else 1.0
    if row[COLOUR_NOISE] > 0.0:
        seed = int(row[SEED]) + 7
        coarse, _, _ = vector_noise(x * 9.0, y * 9.0, z * 6.0, seed)
        fine, _, _ = vector_noise(x * 45.0, y * 45.0, z * 38.0, seed)
        tint *= 1.0 + row[COLOUR_NOISE] * (coarse + 0.7 * fine)
    for channel in range(3):
        value = row[1 + channel] * (1.0 - share_b) + row[4 + channel] * share_b
        value = value * (1.0 - share_c) + row[7 + channel] * share_c
        colour[channel] = min(max(value * tint, 0.0), 1.0)


@njit(cache=True, nogil=True, fastmath=True)
def face_details(body, x, y, z, colour):
    """Darken eyes, brows, lips and a beard on the skin of the face; template metres around the left eye."""
    dx, dy, dz = x - body[EYE_X], abs(y) - body[EYE_Y], z - body[EYE_Z]
    if dx < -0.03 or abs(dz) > 0.14 or abs(y) > 0.075:
        return
    factor = 1.0
    if dy * dy / 2.2e-4 + dz * dz / 0.5e-4 < 1.0:
        factor = 0.35
    elif dy * dy / 4.4e-4 + (dz - 0.021) ** 2 / 0.25e-4 < 1.0:
        factor = 0.4
    elif abs(y) < 0.024 and abs(dz + 0.073) < 0.008:
        colour[1] *= 0.65
        colour[2] *= 0.7
        factor = 0.85
    beard = body[BEARD]
    if beard > 0.0 and dz < -0.045 and (abs(y) > 0.03 or dz < -0.088 or (dz > -0.064 and dz < -0.05)):
        factor *= 1.0 - beard
    for channel in range(3):
        colour[channel] *= factor


@njit(cache=True, nogil=True, fastmath=True)
def bump_normal(row, x, y, z, normal):
    """Tilt the unit `normal` (3,) in place by wrinkles of the material: folds run across the body, aslant."""
    strength = row[BUMP]
    if strength <= 0.0:
        return
    size = row[BUMP_SIZE]
    seed = int(row[SEED]) + 3
    u, v, w = 0.45 * x / size, 0.45 * y / size, (1.2 * z + 0.5 * abs(y) - 0.3 * x) / size
    coarse = vector_noise(u, v, w, seed)
    fine = vector_noise(u * 2.3, v * 2.3, w * 2.3, seed)
    for axis in range(3):
        normal[axis] += strength * (coarse[axis] + 0.6 * fine[axis])
    length = math.sqrt(normal[0] ** 2 + normal[1] ** 2 + normal[2] ** 2)
    for axis in range(3):
        normal[axis] /= length


@njit(cache=True, nogil=True, fastmath=True)
def shade_point(materials, index, coordinates, opening_x, normal, light, to_sun, to_eye, sunlit, open_sky, colour):
    """Write the outgoing linear RGB at a surface point into `colour` (3,).

    `light` (3, 3) holds the rows sun, sky, ground as linear RGB; `sunlit` and `open_sky` are 0..1.
    """
    x, y, z = coordinates[0], coordinates[1], coordinates[2]
    arm, height, hair = coordinates[3], coordinates[4], coordinates[5]
    row = materials[index]
    if row[0] == DRESSED:
        worn = dressed_material(row, x, y, z, arm, height, hair, opening_x)
        surface_colour(materials[worn], x, y, z, height, colour)
        if worn == int(row[SKIN]) and height < -1.05:
            face_details(row, x, y, z, colour)
        row = materials[worn]
    else:
        surface_colour(row, x, y, z, height, colour)
    bump_normal(row, x, y, z, normal)
    cosine = normal[0] * to_sun[0] + normal[1] * to_sun[1] + normal[2] * to_sun[2]
    direct = max(cosine, 0.0) * sunlit
    up = 0.5 + 0.5 * normal[2]
    facing = abs(normal[0] * to_eye[0] + normal[1] * to_eye[1] + normal[2] * to_eye[2])
    half_x, half_y, half_z = to_sun[0] + to_eye[0], to_sun[1] + to_eye[1], to_sun[2] + to_eye[2]
    length = math.sqrt(half_x * half_x + half_y * half_y + half_z * half_z) + 1e-6
    shine = max((normal[0] * half_x + normal[1] * half_y + normal[2] * half_z) / length, 0.0)
    shine2 = shine * shine
    shine8 = shine2 * shine2 * shine2 * shine2
    highlight = row[15] * shine8 * shine8 * sunlit
    rim = row[15] * 0.6 * (1.0 - facing) ** 3
    for channel in range(3):
        ambient = (light[1, channel] * up + light[2, channel] * (1.0 - up)) * open_sky
        irradiance = light[0, channel] * direct + ambient
        colour[channel] = colour[channel] * irradiance + highlight * light[0, channel] + rim * ambient
